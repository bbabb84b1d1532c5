import { expect } from 'chai';
import { joinCommand } from '../../src/rollout/join-command.js';

// Each pair was seen in Codex 0.169: the script in a rollout, the command line in its reply to a reader.
const SEEN: [string, string][] = [
  [`echo it's ok'`, `/bin/bash -lc "echo it's ok'"`],
  [`echo "it's"`, `/bin/bash -lc "echo \\"it's\\""`],
  ['echo $HOME `date`', "/bin/bash -lc 'echo $HOME `date`'"],
  ['echo a\\b', '/bin/bash -lc "echo a\\\\b"'],
  ['echo ^x a^b', "/bin/bash -lc 'echo ''^x a''^b'"],
  [`echo 'q' "d" !x`, `/bin/bash -lc "echo 'q' \\"d\\" "'!x'`],
  ['echo ünï', "/bin/bash -lc 'echo ünï'"],
  ['echo a=b,c%d~e', "/bin/bash -lc 'echo a=b,c%d~e'"],
  ['true', '/bin/bash -lc true'],
  [`true && '$' it's`, `/bin/bash -lc "true && '"'$'"' it's"`],
  [`echo 'a'\n'b'`, `/bin/bash -lc "echo 'a'\n'b'"`],
  [']+-./:@_x', '/bin/bash -lc ]+-./:@_x'],
];

describe('joinCommand', () => {
  for (const [script, line] of SEEN) {
    it(`joins ${JSON.stringify(script)}`, () => {
      expect(joinCommand(['/bin/bash', '-lc', script])).to.equal(line);
    });
  }

  it('quotes an empty argument', () => {
    expect(joinCommand(['a', '', '^'])).to.equal(`a '' '^'`);
  });

  it('does not split a character in two', () => {
    expect(joinCommand(["😀'"])).to.equal(`"😀'"`);
  });
});
