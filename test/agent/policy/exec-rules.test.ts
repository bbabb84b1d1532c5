import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadExecRules, matchesPrefix, parseRules, RULE_DECISIONS } from '../../../src/agent/policy/exec-rules.js';
import type { PrefixRule, RuleDecision } from '../../../src/agent/policy/exec-rules.js';
import { asNoRoot } from '../../support/no-root.js';
import { policyFixture } from '../../support/policy-fixtures.js';
import { useTempFolder } from '../../support/temp-folder.js';

/** What Codex understands and we do not: it is a problem then, never another meaning. */
const NOT_UNDERSTOOD = ['for', 'for stmt', 'def', 'format', 'expr', 'dict', 'star'];
/** What it refuses and we understand. */
const ALSO_UNDERSTOOD = ['none justification', 'tabs', 'network bad'];

function strictest(rules: readonly PrefixRule[], argv: readonly string[]): RuleDecision | null {
  const matching = rules.filter((rule) => matchesPrefix(rule, argv)).map(({ decision }) => decision);
  return RULE_DECISIONS.findLast((decision) => matching.includes(decision)) ?? null;
}

describe('parseRules', () => {
  it('understands a rule as Codex does, or says that it does not', () => {
    const ours = policyFixture('rules').map(({ name, text, commands = [] }) => {
      const { rules, problems } = parseRules('r', text);
      if (problems.length > 0) return { name, text, refused: true };
      const decisions = commands.map(({ argv }) => ({ argv, decision: strictest(rules, argv) }));
      return { name, text, commands: decisions };
    });
    const recorded = policyFixture('rules').map((row) => {
      const { name, text } = row;
      if (NOT_UNDERSTOOD.includes(name)) return { name, text, refused: true };
      return ALSO_UNDERSTOOD.includes(name) ? { name, text, commands: [] } : row;
    });
    expect(ours).to.deep.equal(recorded);
  });

  it('drops every allow rule of a file with a problem and keeps what asks and forbids', () => {
    const { rules, problems } = parseRules(
      '/h/a.rules',
      `prefix_rule(pattern=["ls"], decision="allow")
prefix_rule(pattern=["rm"], decision="forbidden")
prefix_rule(pattern=["cp"], decision="maybe")
prefix_rule(pattern=["mv"], decision="prompt", match=["cp a"])
prefix_rule(pattern=["ln"], decision="allow", not_match=["ln a"])
`,
    );
    expect(rules).to.deep.equal([
      { pattern: [['rm']], decision: 'forbidden', justification: null },
      { pattern: [['mv']], decision: 'prompt', justification: null },
    ]);
    expect(problems).to.deep.equal([
      {
        file: '/h/a.rules',
        line: 3,
        column: 1,
        message: '/h/a.rules:3:1: decision must be one of allow, prompt, forbidden',
      },
      {
        file: '/h/a.rules',
        line: 4,
        column: 1,
        message: '/h/a.rules:4:1: the example in match does not match: cp a',
      },
      {
        file: '/h/a.rules',
        line: 5,
        column: 1,
        message: '/h/a.rules:5:1: the example in not_match matches: ln a',
      },
    ]);
  });

  it('names what is wrong with a rule', () => {
    const messages = [
      'prefix_rule()',
      'prefix_rule(["a"], "allow", [], [], "why", "more")',
      'prefix_rule(["a"], pattern=["b"])',
      'prefix_rule(pattern=["a"], justification=1)',
      'prefix_rule(pattern=["a"], match="a")',
      'prefix_rule(pattern=["a"], match=[["a", 1]])',
      'prefix_rule(pattern=["a"], match=["a && a"])',
      'host_executable(name="a/b", paths=[])',
      'host_executable(name="a", paths=["bin/a"])',
      'allow("a")',
    ].map((text) =>
      parseRules('f', text)
        .problems.map(({ message }) => message)
        .join(),
    );
    expect(messages).to.deep.equal([
      'f:1:1: pattern is missing',
      'f:1:1: prefix_rule has no more than 5 arguments',
      'f:1:1: pattern is given twice',
      'f:1:1: justification must be a text',
      'f:1:1: match and not_match must be lists',
      'f:1:1: an example must be a command, or the list of its words',
      'f:1:1: an example must be a command, or the list of its words',
      'f:1:1: name must be the bare name of a program',
      'f:1:1: paths must be a list of absolute paths',
      'f:1:1: allow is no rule',
    ]);
  });
});

describe('loadExecRules', () => {
  const folder = useTempFolder();

  it('joins all files of all folders in the order of their names; a folder that is not there has none', async () => {
    mkdirSync(join(folder(), 'p'));
    writeFileSync(join(folder(), 'b.rules'), 'prefix_rule(pattern=["b"], decision="prompt")\n');
    writeFileSync(join(folder(), 'a.rules'), 'prefix_rule(pattern=["a"])\nhost_executable(name="a", paths=["/x/a"])\n');
    writeFileSync(join(folder(), 'c.txt'), 'nothing');
    writeFileSync(
      join(folder(), 'p', 'd.rules'),
      'prefix_rule(pattern=["d"], decision="forbidden", justification="no")\n',
    );
    expect(await loadExecRules([folder(), join(folder(), 'none'), join(folder(), 'p')])).to.deep.equal({
      rules: [
        { pattern: [['a']], decision: 'allow', justification: null },
        { pattern: [['b']], decision: 'prompt', justification: null },
        { pattern: [['d']], decision: 'forbidden', justification: 'no' },
      ],
      hostExecutables: new Map([['a', ['/x/a']]]),
      problems: [],
    });
  });

  it('lets a narrowing folder forbid and ask, but not allow', async () => {
    mkdirSync(join(folder(), 'h'));
    mkdirSync(join(folder(), 'p'));
    writeFileSync(join(folder(), 'h', 'a.rules'), 'prefix_rule(pattern=["a"])\n');
    writeFileSync(
      join(folder(), 'p', 'b.rules'),
      'prefix_rule(pattern=["b"])\nprefix_rule(pattern=["c"], decision="prompt")\nhost_executable(name="a", paths=["/p/a"])\n',
    );
    expect(await loadExecRules([join(folder(), 'h')], [join(folder(), 'p')])).to.deep.equal({
      rules: [
        { pattern: [['a']], decision: 'allow', justification: null },
        { pattern: [['c']], decision: 'prompt', justification: null },
      ],
      hostExecutables: new Map(),
      problems: [],
    });
  });

  it('allows nothing, of any file, when one cannot be understood or read', async () => {
    writeFileSync(
      join(folder(), 'a.rules'),
      'prefix_rule(pattern=["a"])\nprefix_rule(pattern=["b"], decision="prompt")\n',
    );
    writeFileSync(join(folder(), 'z.rules'), Buffer.from([0x61, 0xff]));
    const broken = await loadExecRules([folder()]);
    expect(broken.rules).to.deep.equal([{ pattern: [['b']], decision: 'prompt', justification: null }]);
    expect(broken.problems).to.have.length(1);
    expect(broken.problems[0]).to.deep.include({ file: join(folder(), 'z.rules'), line: 0 });
    mkdirSync(join(folder(), 'y.rules'));
    writeFileSync(join(folder(), 'z.rules'), '');
    expect((await loadExecRules([folder()])).problems.map(({ file }) => file)).to.deep.equal([
      join(folder(), 'y.rules'),
    ]);
  });

  it('says that a folder cannot be read', async () => {
    mkdirSync(join(folder(), 'r'));
    chmodSync(join(folder(), 'r'), 0);
    const { problems } = await asNoRoot(folder(), () => loadExecRules([join(folder(), 'r')]));
    expect(problems.map(({ file, line }) => [file, line])).to.deep.equal([[join(folder(), 'r'), 0]]);
  });
});
