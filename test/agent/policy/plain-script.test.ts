import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { findCommands, fixedArgv, readPlainScript } from '../../../src/agent/policy/plain-script.js';

/** What bash itself makes of a script in which no program exists: the words of every command that it runs. */
function runInBash(script: string): string[][] {
  const preamble = 'command_not_found_handle() { printf "%s\\0" "$#" "$@" >&3; }\n';
  const { output } = spawnSync('/bin/bash', ['-c', preamble + script], {
    env: { PATH: '/nonexistent' },
    cwd: '/proc/self/fdinfo',
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    timeout: 5000,
  });
  const parts = String(output[3]).split('\0');
  const commands: string[][] = [];
  for (let at = 0; at < parts.length - 1;) {
    const count = Number(parts[at]);
    commands.push(parts.slice(at + 1, at + 1 + count));
    at += 1 + count;
  }
  return commands;
}

function inOrder(commands: string[][]): string[][] {
  return commands.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe('readPlainScript', () => {
  const words = (script: string) =>
    readPlainScript(script)?.map(({ words: all }) => all.map(({ value }) => value)) ?? null;

  it('takes quotes and escapes away and keeps what joins the commands', () => {
    const script = `cat 'a b' "c d"\\ e | grep -n x && ls; pwd || true\nid # why`;
    expect(
      readPlainScript(script)?.map((command) => [command.connector, ...command.words.map(({ value }) => value)]),
    ).to.deep.equal([
      [null, 'cat', 'a b', 'c d e'],
      ['|', 'grep', '-n', 'x'],
      ['&&', 'ls'],
      [';', 'pwd'],
      ['||', 'true'],
      [';', 'id'],
    ]);
  });

  it('tells of wildcards and redirections', () => {
    expect(readPlainScript('cat src/*.ts > out 2>&1')).to.deep.equal([
      {
        words: [
          { value: 'cat', globPrefix: null },
          { value: 'src/*.ts', globPrefix: 'src/' },
        ],
        redirects: [
          { operator: '>', target: { value: 'out', globPrefix: null } },
          { operator: '>&', target: { value: '1', globPrefix: null } },
        ],
        connector: null,
      },
    ]);
    expect(words('find . -name \'*.ts\' "?"')).to.deep.equal([['find', '.', '-name', '*.ts', '?']]);
  });

  for (const script of [
    '',
    '# nothing',
    'echo $HOME',
    'echo "$HOME"',
    'echo "${x:=y}"',
    'echo $(ls)',
    'echo "`ls`"',
    'cat <(ls)',
    'A=b ls',
    'A=b',
    'ls &',
    'ls & pwd',
    '(ls)',
    '{ ls; }',
    '! ls',
    'time ls',
    'ls |& cat',
    'if true; then ls; fi',
    'for f in a; do ls; done',
    'f() { ls; }',
    '[[ -f a ]]',
    '((x=1))',
    'cat <<EOF\nx\nEOF',
    'cat <<< x',
    'echo {a,b}',
    'echo {=}-]z,b}',
    "echo {a,'b'}",
    'echo {1..3}',
    'echo @(a|b)',
    "echo $'a'",
    'echo $"a"',
    'exec {fd}>x',
    "ls 'a",
    'ls "a',
    'ls &&',
    'ls |',
    'ls \0',
    'ls\r',
    'ls `',
    'ls]#(',
  ])
    it(`finds nothing plain in ${JSON.stringify(script)}`, () => {
      expect(readPlainScript(script)).to.equal(null);
    });

  it('reads the very words that bash runs, or none, of whatever it is given', function () {
    this.timeout(120_000);
    const piece = fc.constantFrom(
      'z', 'z', 'z', 'zz', '1', ' ', ' ', ' ', '\n', '\t', "'", '"', '\\', '|', '||', '&', '&&', ';', '<', '>', '(', ')', '$', '`',
      '*', '?', '~', '#', '!', '{', '}', '[', ']', '=', '-', '--', '%', '^', ',', ':', '.', '/', '@', '+', 'é', '😀', 'in', 'do', '2>&1', '/dev/null',
    ); // prettier-ignore
    const script = fc.array(piece, { minLength: 1, maxLength: 14 }).map((pieces) => `z${pieces.join('')}`);
    let plain = 0;
    let refused = 0;
    fc.assert(
      fc.property(script, (text) => {
        const commands = readPlainScript(text);
        if (commands === null) return;
        const argv = fixedArgv(commands);
        // `||` leaves commands out, a name with a slash is sought elsewhere, ~ is a folder.
        if (argv === null || commands.some(({ connector }) => connector === '||')) return;
        if (argv.some(([name]) => !/^z[^/]*$/.test(name!)) || text.includes('~')) return;
        plain += 1;
        const ran = runInBash(text);
        // What bash refuses as a whole it does not run.
        if (ran.length === 0) refused += 1;
        else expect(inOrder(ran)).to.deep.equal(inOrder(argv));
      }),
      { numRuns: 600, endOnFailure: true },
    );
    expect(plain - refused).to.be.greaterThan(60);
    expect(refused).to.equal(0);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => void readPlainScript(text)));
    fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => void findCommands(text)));
  });
});

describe('findCommands', () => {
  it('finds every command, wherever it stands, and what is fixed of its words', () => {
    const script = 'A=b rm -f "$x" $(mkdir y) > z; if ls; then (cd /tmp && touch *); fi; echo "`id`" & f() { whoami; }';
    expect(findCommands(script)).to.deep.equal({
      complete: true,
      commands: [
        ['rm', '-f', null, null],
        ['mkdir', 'y'],
        ['ls'],
        ['cd', '/tmp'],
        ['touch', null],
        ['echo', null],
        ['id'],
        ['whoami'],
      ],
    });
  });

  it('says when it cannot have seen everything', () => {
    const nested = `echo ${'$('.repeat(100)}rm a${')'.repeat(100)}`;
    const long = `echo ${'a'.repeat(200_000)}; rm a`;
    expect([nested, long].map((script) => findCommands(script).complete)).to.deep.equal([false, false]);
    expect(readPlainScript(long)).to.equal(null);
  });
});
