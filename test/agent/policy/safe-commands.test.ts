import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { isKnownSafe } from '../../../src/agent/policy/safe-commands.js';
import { SAFE_GIT_COMMANDS, SAFE_PROGRAMS } from '../../../src/agent/policy/safe-programs.js';
import { requireProgram } from '../../support/system-programs.js';
import { useTempFolder } from '../../support/temp-folder.js';

const SAFE = [
  'ls',
  'ls -la src | head -n 5',
  'cat a.txt b.txt',
  '/bin/cat a.txt',
  "sed -n '1,200p' src/main.ts",
  'sed -n 5p a',
  "sed -n '1,$p' a",
  'rg -n "a b" src || true',
  'rg --files -g "*.ts" | wc -l',
  'grep -rn x . 2>/dev/null',
  'ls > /dev/null 2>&1',
  "find . -name '*.ts' -type f | sort | uniq -c",
  'cd src && cat main.ts',
  'git status --short; git diff --stat',
  'git --no-pager log --oneline -5',
  'git show HEAD:a.txt',
  'git branch -a',
  'git branch --show-current',
  'git remote -v',
  'nl -ba a | sed -n 1,3p',
  'cat src/*.ts',
  'ls *.ts',
  'sort a < b',
  'sort src/*.txt',
  'echo -n -- -o x',
  'date +%s',
  'ls\nwc -l a\n\n# done',
  'true',
];

/** Each would change something, run something else or is not understood. */
const NOT_SAFE = [
  '',
  'rm a',
  'touch a',
  './ls',
  'src/ls',
  'LS',
  'ls > a',
  'ls >> a',
  'ls >| a',
  'ls &> a',
  'ls 2> a',
  'ls >& a',
  'ls 3<> a',
  'ls > /dev/nul*',
  'cat < /dev/tcp/localhost/1',
  'cat < *',
  'cat "a"$(touch b)',
  'cat `touch b`',
  'cat <(touch b)',
  'echo "$(touch b)"',
  'echo ${x:=$(touch b)}',
  'PATH=. ls',
  'ls; touch a',
  'ls || touch a',
  'ls | tee a',
  'ls | xargs rm',
  'ls & touch a',
  'ls\ntouch a',
  '(touch a)',
  'find . -delete',
  'find . -exec touch a ;',
  "find . '-exec' touch a ';'",
  'find . -execdir touch a ;',
  'find . -ok touch a ;',
  'find . -fprint a',
  'find . -fprint0 a',
  'find . -fprintf a x',
  'find . -fls a',
  'find *',
  'rg --pre touch a',
  'rg --pre=touch a',
  'rg --pr touch a',
  'rg --hostname-bin=touch a',
  'rg -z x',
  'rg -nz x',
  'rg --search-zip x',
  'rg x *',
  'sort -o a b',
  'sort -oa b',
  'sort -ro a b',
  'sort --output=a b',
  'sort --out a b',
  'sort b -o a',
  'sort --compress-program=touch b',
  'sort -T . b',
  'sort *',
  'uniq a b',
  'uniq -c a b',
  'uniq a*',
  'uniq -- a -d',
  'base64 -o a b',
  'base64 --output=a b',
  'tree -o a',
  'file -C -m a',
  'file -z a',
  'diff -l a b',
  'date -s now',
  'date --set=now',
  'date 010100002030',
  'sed p a',
  'sed -i s/a/b/ a',
  "sed -n '1w b' a",
  "sed -n '1e touch b' a",
  'sed -n 1p a -i',
  'sed -n 1p a -n -e 1e',
  'sed -n 1p *',
  "sed -n '1p;1w b' a",
  'sed -n -i 1p a',
  'sed -n',
  'git',
  'git push',
  'git commit -m x',
  'git -c core.fsmonitor=./x status',
  'git -C other status',
  'git --git-dir=other status',
  'git --exec-path=. status',
  'git -p log',
  'git --paginate log',
  'cd other && git status',
  'cd other; git status',
  'git diff --output=a',
  'git diff --outp=a',
  'git log --output a',
  'git diff --ext-diff',
  'git log --textconv',
  'git log --show-signature',
  'git log --format=%G?',
  'git grep -Otouch x',
  'git grep --open-files-in-pager=touch x',
  'git grep --open x',
  'git branch x',
  'git branch -d x',
  'git branch -m a b',
  'git branch -a x',
  'git tag x',
  'git tag -d x',
  'git remote add a b',
  'git remote update',
  'git cat-file --filters HEAD:a',
  'git config user.name x',
  'git stash',
  'git s*',
  'env ls',
  'sudo ls',
  'bash -c ls',
  'xargs ls',
  'eval ls',
  'exec ls',
  'command ls',
  'export A=b',
  'printf -v PATH x',
  "test -v 'a[$(touch b)]'",
  'awk 1 a',
  'python3 a.py',
  'tee a',
  '"l"*',
  '*',
  'constructor',
  'git constructor',
  '__proto__',
];

function listTree(folder: string, into: string[] = [], below = ''): string[] {
  for (const name of readdirSync(join(folder, below)).toSorted()) {
    const path = join(below, name);
    const file = join(folder, path);
    const stat = lstatSync(file);
    // git may refresh in it what it knows of the files' times.
    const isIndex = path === join('.git', 'index');
    const content =
      stat.isFile() && !isIndex ? readFileSync(file, 'latin1') : stat.isSymbolicLink() ? readlinkSync(file) : '';
    into.push(`${path} ${stat.mode.toString(8)} ${content}`);
    if (stat.isDirectory()) listTree(folder, into, path);
  }
  return into;
}

function fillProject(folder: string, git: string): void {
  mkdirSync(join(folder, 'src', 'deep'), { recursive: true });
  for (const name of ['a', 'b', '-o', '--output=c', 'src/x.ts', 'src/deep/y.ts']) {
    writeFileSync(join(folder, name), 'two words\nx\n');
  }
  symlinkSync('a', join(folder, 'link'));
  writeFileSync(join(folder, 'x'), '#!/bin/sh\ntouch ran\n', { mode: 0o755 });
  const run = (...args: string[]) =>
    spawnSync(git, ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH },
    });
  run('init', '-q');
  run('add', '.');
  run('commit', '-qm', 'first');
  writeFileSync(join(folder, 'a'), 'changed\n');
}

/** What makes programs write, remove or run something: whatever the table forgets of it must be found out by running it. */
const HAZARDS: Readonly<Record<string, readonly string[]>> = {
  sort: ['-o', '-oc', '-ro', '--output=c', '--out', '--compress-program=./x', '-S1'],
  uniq: ['-c', '-d', '--'],
  find: ['-delete', '-fprint', '-fprint0', '-fls', '-fprintf', '-exec ./x ";"', '-ok ./x ";"', '-execdir ./x ";"'],
  rg: ['--pre ./x', '--pre=./x', '--hostname-bin=./x', '-z'],
  tree: ['-o', '-oc', '--output=c', '-R', '-L 1'],
  'sed -n': ["'1w c'", '1p', '-i', '-e', "'1e ./x'", '1d', '--in-place'],
  sed: ['-n', "'w c'", '-i', '1p'],
  base64: ['-o', '-oc', '--output=c'],
  'git log': ['--output=c', '--output', '--outp=c', '-p', '--ext-diff'],
  'git diff': ['--output=c', '--output', '--ext-diff', '--stat'],
  'git show': ['--output=c', '--output', 'HEAD'],
  'git grep': ['-O./x', '--open-files-in-pager=./x', 'two'],
  'git branch': ['-d', '-m', '-f', '-a', '--list'],
  'git tag': ['-d', '-f', '-l'],
  'git remote': ['add', 'rename', '-v'],
  cat: ['>c', '> c', '>>c', '>|c', '&>c', '<>c', '>&c', '2>c', '$(./x)', '`./x`', '<(./x)', '; ./x', '& ./x', '| tee', '"$(./x)"'],
}; // prettier-ignore

describe('isKnownSafe', () => {
  const folder = useTempFolder();

  for (const script of SAFE) {
    it(`lets ${JSON.stringify(script)} run`, () => {
      expect(isKnownSafe(script)).to.equal(true);
    });
  }

  for (const script of NOT_SAFE) {
    it(`does not vouch for ${JSON.stringify(script)}`, () => {
      expect(isKnownSafe(script)).to.equal(false);
    });
  }

  it('vouches for nothing that changes a file', function () {
    this.timeout(300_000);
    fillProject(folder(), requireProgram(this, 'git'));
    const before = listTree(folder());
    const programs = fc.oneof(
      fc.constantFrom(...Object.keys(SAFE_PROGRAMS)),
      fc.constantFrom(...Object.keys(SAFE_GIT_COMMANDS).map((name) => `git ${name}`)),
      fc.constantFrom('sed -n', 'sed', 'find .', 'sort', 'uniq', 'rg', 'git --no-pager log', 'tee', 'cp', 'touch'),
    );
    const letter = fc.constantFrom(...Array.from('abcdeghijklmnopqrstuvwxyzCDEHLOPRSTUVXZ0159'));
    const argument = fc.oneof(
      fc.constantFrom('a', 'b', 'c', 'src', '.', 'link', 'src/x.ts', '-o', '--output=c', '--', 'HEAD', '1p', '1,2p', '$p', '1w c', 'x', '*', 'src/*', '-name', '-print', '-delete', '-fprint', '-exec', ';', '{}', '-i', '--pre', '--output', 'touch', 'touch c', '--textconv', '--ext-diff', '--compress-program=touch', '"two words"', "'$(touch c)'", '$(touch c)', '> c', '2>/dev/null', '< a', '> /dev/null'),
      letter.map((name) => `-${name}`),
      fc.tuple(letter, letter).map(([one, two]) => `-${one}${two}`),
    ); // prettier-ignore
    const anything = fc
      .tuple(programs, fc.array(argument, { maxLength: 4 }))
      .map(([name, args]) => [name, ...args].join(' '));
    const file = fc.constantFrom('a', 'b', 'c', 'src', 'new');
    const hazard = fc
      .constantFrom(...Object.keys(HAZARDS))
      .chain((name) =>
        fc.tuple(
          fc.constant(name),
          fc.array(fc.oneof(fc.constantFrom(...HAZARDS[name]!), file), { minLength: 1, maxLength: 4 }),
        ),
      )
      .map(([name, args]) => [name, ...args].join(' '));
    const command = fc.oneof(anything, hazard, hazard);
    const script = fc
      .array(fc.tuple(fc.constantFrom(' | ', ' && ', ' || ', '; ', '\n'), command), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.map(([joint, text], place) => (place === 0 ? text : joint + text)).join(''));
    let ran = 0;
    fc.assert(
      // `tail -f` is harmless and never ends.
      fc.property(script, (text) => {
        if (/\btail\b/.test(text) || !isKnownSafe(text)) return;
        ran += 1;
        spawnSync('/bin/bash', ['-c', text], {
          cwd: folder(),
          env: { PATH: process.env.PATH, HOME: folder(), TMPDIR: folder() },
          stdio: ['ignore', 'ignore', 'ignore'],
          timeout: 5000,
          killSignal: 'SIGKILL',
        });
        expect(listTree(folder())).to.deep.equal(before);
      }),
      { numRuns: 500, endOnFailure: true },
    );
    expect(ran).to.be.greaterThan(50);
  });
});
