import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { amendedRulesFile, appendPrefixRule } from '../../../src/agent/policy/append-prefix-rule.js';
import { evaluateRules } from '../../../src/agent/policy/evaluate-rules.js';
import { loadExecRules } from '../../../src/agent/policy/exec-rules.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('appendPrefixRule', () => {
  const home = useTempFolder();
  const file = () => amendedRulesFile(home());
  const text = () => readFileSync(file(), 'utf8');

  it('makes the file, for its owner alone, with the line that Codex would write', async () => {
    await appendPrefixRule(home(), ['cp', 'ü "x"', 'a\\n\n']);
    expect(text()).to.equal('prefix_rule(pattern=["cp", "ü \\"x\\"", "a\\\\n\\n"], decision="allow")\n');
    expect([statSync(file()).mode & 0o777, readdirSync(join(home(), 'rules'))]).to.deep.equal([
      0o600,
      ['default.rules'],
    ]);
  });

  it('keeps what is there, its rights and a link, and adds no rule twice', async () => {
    mkdirSync(join(home(), 'rules'));
    writeFileSync(join(home(), 'mine'), "# mine\nprefix_rule(pattern = ['a', ['b']])", { mode: 0o640 });
    symlinkSync('../mine', file());
    for (const prefix of [['a', 'b'], ['c'], ['c'], ['a']]) await appendPrefixRule(home(), prefix);
    expect(text()).to.equal(
      `# mine\nprefix_rule(pattern = ['a', ['b']])\nprefix_rule(pattern=["c"], decision="allow")\nprefix_rule(pattern=["a"], decision="allow")\n`,
    );
    expect([statSync(file()).mode & 0o777, lstatSync(file()).isSymbolicLink()]).to.deep.equal([0o640, true]);
  });

  it('adds no line twice to a file with mistakes either', async () => {
    mkdirSync(join(home(), 'rules'));
    writeFileSync(file(), 'oops(\n');
    await appendPrefixRule(home(), ['a']);
    await appendPrefixRule(home(), ['a']);
    expect(text()).to.equal('oops(\nprefix_rule(pattern=["a"], decision="allow")\n');
  });

  it('loses no rule when many are added at once, and waits for no process that died', async () => {
    mkdirSync(join(home(), 'rules'));
    writeFileSync(`${file()}.lock`, 'half');
    utimesSync(`${file()}.lock`, 1, 1);
    const prefixes = Array.from({ length: 20 }, (_, place) => ['run', String(place)]);
    await Promise.all(prefixes.map((prefix) => appendPrefixRule(home(), prefix)));
    const { rules } = await loadExecRules([join(home(), 'rules')]);
    expect(rules.map(({ pattern }) => pattern.flat()).toSorted()).to.deep.equal(prefixes.toSorted());
    expect(readdirSync(join(home(), 'rules'))).to.deep.equal(['default.rules']);
  });

  it('is read back as the very words, whatever they are', async () => {
    const word = fc.string({ unit: 'binary' }).filter((candidate) => candidate.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 4 }), async (prefix) => {
        await appendPrefixRule(home(), prefix);
        const rules = await loadExecRules([join(home(), 'rules')]);
        expect(rules.problems).to.deep.equal([]);
        expect(evaluateRules(rules, [...prefix, 'more'])).to.deep.equal({ type: 'allow' });
      }),
      { numRuns: 50 },
    );
  });

  const failureOf = (prefix: string[]): Promise<unknown> =>
    appendPrefixRule(home(), prefix).then(
      () => null,
      (error: unknown) => error,
    );

  it('refuses no words at all, words that are no text, and a file that cannot be written', async () => {
    expect(await failureOf([])).to.deep.include({ code: 'invalid_params' });
    expect(await failureOf(['\ud800'])).to.deep.include({ code: 'invalid_params' });
    writeFileSync(join(home(), 'rules'), 'a file');
    expect(await failureOf(['a'])).to.deep.include({ code: 'config_invalid' });
  });
});
