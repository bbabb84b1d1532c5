import { expect } from 'chai';
import { evaluateRules } from '../../../src/agent/policy/evaluate-rules.js';
import type { RulesVerdict } from '../../../src/agent/policy/evaluate-rules.js';
import { NO_RULES, parseRules } from '../../../src/agent/policy/exec-rules.js';

const RULES = parseRules(
  'r',
  `prefix_rule(pattern=["touch"])
prefix_rule(pattern=["npm", ["test", "run"]], decision="allow")
prefix_rule(pattern=["git"], decision="allow")
prefix_rule(pattern=["git", "push"], decision="prompt", justification="leaves the machine")
prefix_rule(pattern=["git", "push", ["-f", "--force"]], decision="forbidden")
prefix_rule(pattern=["rmdir"], decision="forbidden", justification="no")
prefix_rule(pattern=["cp"])
host_executable(name="cp", paths=["/opt/cp"])
`,
);

function verdict(script: string): RulesVerdict {
  return evaluateRules(RULES, ['/bin/bash', '-lc', script]);
}

const PUSH: RulesVerdict = { type: 'prompt', words: ['git', 'push'], justification: 'leaves the machine' };
const FORCE: RulesVerdict = { type: 'forbidden', words: ['git', 'push', '--force'], justification: null };
const RMDIR: RulesVerdict = { type: 'forbidden', words: ['rmdir'], justification: 'no' };

describe('evaluateRules', () => {
  it('lets the strictest rule win, over all commands of a script', () => {
    expect(
      ['git log', 'git log && git push', 'git push; git push --force', 'git push -f | rmdir x'].map(verdict),
    ).to.deep.equal([{ type: 'allow' }, PUSH, FORCE, { ...FORCE, words: ['git', 'push', '-f'] }]);
  });

  it('allows a script only when a rule allows every command of it', () => {
    expect(['touch a; npm test | git diff', 'touch a && make', 'make; npm install'].map(verdict)).to.deep.equal([
      { type: 'allow' },
      { type: 'none', open: [['make']] },
      { type: 'none', open: [['make'], ['npm', 'install']] },
    ]);
  });

  for (const script of ['touch a > b', 'touch *', 'touch $A', 'touch `ls`', 'A=b touch a', 'touch a &', '(touch a)', 'touch ~/a', 'touch "a', "touch $'a'", 'sudo touch a', 'bash -c "touch a"', 'xargs touch', './touch a', '/tmp/touch a', '/bin/cp a b'])
    it(`does not take ${script} for a command that is allowed`, () => {
      expect(verdict(script).type).to.equal('none');
    }); // prettier-ignore

  it('knows an allowed program by its path in the folders of programs, or where host_executable says', () => {
    expect([verdict('/usr/bin/touch a'), verdict('/opt/cp a b')]).to.deep.equal([{ type: 'allow' }, { type: 'allow' }]);
  });

  for (const script of ['rmdir a > b', 'X=1 rmdir a', 'echo $(rmdir a)', 'echo "`rmdir a`"', '(rmdir a)', 'if true; then rmdir a; fi', 'rmdir *', '/x/rmdir a', './rmdir', 'sudo -n rmdir a', 'sudo env A=b timeout 5s rmdir a', 'bash -c "rmdir a"', "sudo sh -c 'cd x && rmdir a'", 'ls | xargs -0 rmdir', 'rmdir a &', 'f() { rmdir a; }; f', 'cat <<EOF\n$(rmdir a)\nEOF', 'cat <(rmdir a)', 'rmdir "$A"', '! rmdir a', 'time rmdir a', 'nohup rmdir a', "r''mdir a", 'rm\\dir a'])
    it(`finds the forbidden command in ${JSON.stringify(script)}`, () => {
      expect(verdict(script)).to.deep.include({ type: 'forbidden', justification: 'no' });
    }); // prettier-ignore

  it('asks where the rest of the words is known only when it runs', () => {
    expect([verdict('git "$A"'), verdict('git push $A'), verdict('$A push')]).to.deep.equal([
      { type: 'prompt', words: ['git', '…'], justification: 'leaves the machine' },
      PUSH,
      { type: 'none', open: [['/bin/bash', '-lc', '$A push']] },
    ]);
  });

  it('asks about what is too long or too deep to be looked through', () => {
    const deep = `echo ${'$('.repeat(100)}rmdir a${')'.repeat(100)}`;
    const long = `echo ${'a'.repeat(200_000)}; rmdir a`;
    const carried = `${'sudo '.repeat(20)}rmdir a`;
    expect([deep, long, carried].map(verdict)).to.deep.equal(
      Array.from({ length: 3 }, () => ({ type: 'prompt', words: ['…'], justification: null })),
    );
  });

  it('takes a command without a shell word by word, and matches a whole one too', () => {
    expect(evaluateRules(RULES, ['touch', 'a', '>', 'b'])).to.deep.equal({ type: 'allow' });
    expect(evaluateRules(RULES, ['rmdir', '$A'])).to.deep.equal(RMDIR);
    const whole = parseRules(
      'r',
      'prefix_rule(pattern=["bash", "-lc", "a > b"])\nprefix_rule(pattern=["bash", "-c"], decision="prompt")',
    );
    expect(evaluateRules(whole, ['bash', '-lc', 'a > b'])).to.deep.equal({ type: 'allow' });
    expect(evaluateRules(whole, ['bash', '-lc', 'a > c'])).to.deep.equal({
      type: 'none',
      open: [['bash', '-lc', 'a > c']],
    });
    expect(evaluateRules(whole, ['bash', '-c', 'x'])).to.deep.equal({
      type: 'prompt',
      words: ['bash', '-c'],
      justification: null,
    });
  });

  it('takes a forced removal for allowed only when the rule says so itself', () => {
    const rules = parseRules('r', 'prefix_rule(pattern=["rm"])\nprefix_rule(pattern=["rm", "-rf", "build"])');
    const types = ['rm a', 'rm -rf a', 'rm -rf build x', '/bin/rm -f a'].map(
      (script) => evaluateRules(rules, ['bash', '-lc', script]).type,
    );
    expect(types).to.deep.equal(['allow', 'none', 'allow', 'none']);
  });

  it('decides nothing without rules', () => {
    expect(evaluateRules(NO_RULES, ['bash', '-lc', 'a && b'])).to.deep.equal({ type: 'none', open: [['a'], ['b']] });
  });
});
