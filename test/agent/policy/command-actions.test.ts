import { expect } from 'chai';
import fc from 'fast-check';
import { commandActions, parseCommand } from '../../../src/agent/policy/command-actions.js';
import type { CommandAction } from '../../../src/agent/policy/command-actions.js';
import { policyFixture } from '../../support/policy-fixtures.js';

const inShell = (script: string): string[] => ['/bin/bash', '-lc', script];
const read = (command: string, name: string, path: string): CommandAction => ({ type: 'read', command, name, path });
const unknown = (command: string): CommandAction => ({ type: 'unknown', command });

/** Where we show something else than Codex does. */
const DIFFERENT: Readonly<Record<string, CommandAction[]>> = {
  // It reads.
  'head -50 src/main.rs': [read('head -50 src/main.rs', 'main.rs', '/ws/src/main.rs')],
  'head -c 20 a.txt': [read('head -c 20 a.txt', 'a.txt', '/ws/a.txt')],
  // It does not only list, or read.
  'find . -delete': [unknown('find . -delete')],
  'cat a.txt | tee b.txt': [unknown('cat a.txt | tee b.txt')],
  // What is sought is no folder.
  'find -name x': [{ type: 'search', command: 'find -name x', query: 'x', path: null }],
};

describe('commandActions', () => {
  it('shows what Codex shows, but for what it gets wrong', () => {
    const recorded = policyFixture('command-actions');
    expect(recorded.length).to.be.greaterThan(200);
    const ours = recorded.map(({ script }) => ({ script, actions: commandActions(inShell(script), '/ws') }));
    expect(ours).to.deep.equal(
      recorded.map(({ script, actions }) => ({ script, actions: DIFFERENT[script] ?? actions })),
    );
  });

  it('reads a command without a shell by its own words, and the script of every shell', () => {
    expect(
      [
        ['cat', 'a b'],
        ['sh', '-c', 'cat "a b"'],
        ['/usr/bin/zsh', '-lc', "cat 'a b'"],
      ].map((argv) => commandActions(argv, '/p')),
    ).to.deep.equal(Array.from({ length: 3 }, () => [read("cat 'a b'", 'a b', '/p/a b')]));
    expect(commandActions(['bash', '-lc', 'cat "$0"', 'a'], '/p')).to.deep.equal([unknown(`bash -lc 'cat "$0"' a`)]);
    expect(commandActions(['ls', '$HOME'], '/p')).to.deep.equal([
      { type: 'listFiles', command: "ls '$HOME'", path: '$HOME' },
    ]);
  });

  for (const script of ["awk '{print > \"b\"}' a", "awk 'BEGIN{system(\"x\")}' a", 'cat a | xargs rm', 'cat a | sort -o b', 'cat a | sed -i s/a/b/', 'rg --pre x y', 'cd a && cd b', 'cd a b && ls', 'constructor a', 'cat -'])
    it(`does not call ${script} reading`, () => {
      expect(commandActions(inShell(script), '/p')).to.deep.equal([unknown(script)]);
    }); // prettier-ignore

  it('finds files through every folder that the script enters', () => {
    expect(commandActions(inShell('cd a && cd b && cat c /dev/null; cat /d; cat e'), '/p')).to.deep.equal([
      unknown('cd a && cd b && cat c /dev/null; cat /d; cat e'),
    ]);
    expect(commandActions(inShell('cd a && cd b && cat c; cat /d; cd /x; cat e'), '/p')).to.deep.equal([
      read('cat c', 'c', '/p/a/b/c'),
      read('cat /d', 'd', '/d'),
      read('cat e', 'e', '/x/e'),
    ]);
  });

  it('gives at least one action for anything, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 4 }), (argv) => {
        expect(commandActions(argv, '/p')).to.not.be.empty;
        expect(parseCommand(inShell(argv.join(' ')))).to.not.be.empty;
      }),
    );
  });
});

describe('parseCommand', () => {
  it('spells actions as rollouts do, with paths as they were given', () => {
    expect(parseCommand(inShell('cd src && cat a.ts | head -n 3; rg -n x lib; ls; git ls-files doc'))).to.deep.equal([
      { type: 'read', cmd: 'cat a.ts', name: 'a.ts', path: 'src/a.ts' },
      { type: 'search', cmd: 'rg -n x lib', query: 'x', path: 'lib' },
      { type: 'list_files', cmd: 'ls', path: null },
      { type: 'list_files', cmd: 'git ls-files doc', path: 'doc' },
    ]);
    expect(parseCommand(inShell('make'))).to.deep.equal([{ type: 'unknown', cmd: 'make' }]);
  });
});
