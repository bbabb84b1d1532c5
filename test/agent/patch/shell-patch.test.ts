import { expect } from 'chai';
import { findCommandPatch, findShellPatch } from '../../../src/agent/patch/shell-patch.js';

const PATCH = '*** Begin Patch\n*** Add File: a\n+it\'s $HOME `x` \\n "y"\n*** End Patch';

describe('findShellPatch', () => {
  for (const [what, script, cwd] of [
    ['with a quoted mark', `apply_patch <<'EOF'\n${PATCH}\nEOF\n`, '/ws'],
    ['with a mark in double quotes', `apply_patch <<"EOF"\n${PATCH}\nEOF`, '/ws'],
    ['with a bare mark, whose text a shell would expand', `apply_patch <<EOF\n${PATCH}\nEOF\n`, '/ws'],
    ['by its other name', `applypatch << 'MARK'\n${PATCH}\nMARK\n`, '/ws'],
    ['after empty lines', `\n  apply_patch <<'EOF'\n${PATCH}\nEOF\n\n`, '/ws'],
    ['in a folder', `cd src/a && apply_patch <<'EOF'\n${PATCH}\nEOF\n`, '/ws/src/a'],
    ['in a folder in quotes', `cd 'a b' && apply_patch <<'EOF'\n${PATCH}\nEOF\n`, '/ws/a b'],
    ['in an absolute folder', `cd "/x y" && apply_patch <<'EOF'\n${PATCH}\nEOF\n`, '/x y'],
    ['as an argument', `apply_patch '${PATCH.replaceAll("'", `'\\''`)}'`, '/ws'],
  ] as const) {
    it(`finds a patch ${what}`, () => {
      const found = findShellPatch(script, '/ws');
      expect({ ...found, patch: found?.patch.trimEnd() }).to.deep.equal({ patch: PATCH, cwd });
    });
  }

  const heredoc = `<<'EOF'\n${PATCH}\nEOF\n`;
  for (const [what, script] of [
    ['another command', 'ls -l'],
    ['one that only names it', 'grep apply_patch src'],
    ['a command before it', `echo x; apply_patch ${heredoc}`],
    ['a command after it', `apply_patch ${heredoc}echo done\n`],
    ['a command that follows it', `apply_patch <<'EOF' && echo done\n${PATCH}\nEOF\n`],
    ['a pipe', `apply_patch <<'EOF' | cat\n${PATCH}\nEOF\n`],
    ['a pipe into it', `cat x.patch | apply_patch`],
    ['a file as its input', 'apply_patch < x.patch'],
    ['a file for its output', `apply_patch > log ${heredoc}`],
    ['another way to begin', `cd a || apply_patch ${heredoc}`],
    ['another separator', `cd a; apply_patch ${heredoc}`],
    ['two changes of folder', `cd a && cd b && apply_patch ${heredoc}`],
    ['a folder that depends', `cd $DIR && apply_patch ${heredoc}`],
    ['a folder by pattern', `cd a* && apply_patch ${heredoc}`],
    ['the home', `cd ~ && apply_patch ${heredoc}`],
    ['a home', `cd ~joe/x && apply_patch ${heredoc}`],
    ['the former folder', `cd - && apply_patch ${heredoc}`],
    ['an option of cd', `cd -P a && apply_patch ${heredoc}`],
    ['no folder', `cd && apply_patch ${heredoc}`],
    ['the background', `apply_patch <<'EOF' &\n${PATCH}\nEOF\n`],
    ['a variable for it', `X=1 apply_patch ${heredoc}`],
    ['a subshell', `(apply_patch ${heredoc})`],
    ['a negation', `! apply_patch ${heredoc}`],
    ['an option', `apply_patch -R ${heredoc}`],
    ['two patches', `apply_patch 'a' 'b'`],
    ['an argument that depends', 'apply_patch "$(cat x.patch)"'],
    ['a heredoc that strips tabs', `apply_patch <<-'EOF'\n${PATCH}\nEOF\n`],
    ['a heredoc without an end', `apply_patch <<'EOF'\n${PATCH}\n`],
    ['no input at all', 'apply_patch'],
    ['what is no script', `apply_patch ${heredoc}'`],
    ['an open quote', `apply_patch '${PATCH.replaceAll("'", '')}`],
    ['a here-string', `apply_patch <<< 'x'`],
    ['another descriptor', `apply_patch 3<<'EOF'\n${PATCH}\nEOF\n`],
  ] as const) {
    it(`takes ${what} for a command like any`, () => {
      expect(findShellPatch(script, '/ws')).to.equal(null);
    });
  }
});

describe('findCommandPatch', () => {
  it('finds a patch that is handed over directly', () => {
    expect(findCommandPatch(['apply_patch', PATCH], '/ws')).to.deep.equal({ patch: PATCH, cwd: '/ws' });
  });

  for (const shell of [
    ['bash', '-lc'],
    ['/bin/bash', '-c'],
    ['sh', '-c'],
    ['zsh', '-lc'],
  ]) {
    it(`finds one in the script of ${shell.join(' ')}`, () => {
      const found = findCommandPatch([...shell, `cd a && apply_patch <<'EOF'\n${PATCH}\nEOF\n`], '/ws');
      expect({ ...found, patch: found?.patch.trimEnd() }).to.deep.equal({ patch: PATCH, cwd: '/ws/a' });
    });
  }

  for (const words of [
    [],
    ['apply_patch'],
    ['apply_patch', PATCH, 'x'],
    ['bash', '-x', 'apply_patch'],
    ['python', '-c', 'apply_patch'],
  ]) {
    it(`takes ${JSON.stringify(words.map((word) => word.slice(0, 12)))} for a command like any`, () => {
      expect(findCommandPatch(words, '/ws')).to.equal(null);
    });
  }
});
