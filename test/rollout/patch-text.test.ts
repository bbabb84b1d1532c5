import { expect } from 'chai';
import fc from 'fast-check';
import { parsePatch, patchInScript } from '../../src/rollout/patch-text.js';

function patch(...lines: string[]): string {
  return ['*** Begin Patch', ...lines, '*** End Patch'].join('\n');
}

describe('parsePatch', () => {
  it('reads what is added, changed, moved and deleted', () => {
    const text = patch(
      '*** Add File: new.txt',
      '+one',
      '+',
      '*** Update File: src/a.ts',
      '*** Move to: src/b.ts',
      '@@ function f() {',
      ' keep',
      '-old',
      '+new',
      '*** End of File',
      '*** Update File: /abs/c.ts',
      '@@',
      '+x',
      '*** Delete File: gone.txt',
    );
    expect(parsePatch(`\n${text}\n`, '/ws')).to.deep.equal({
      '/ws/new.txt': { type: 'add', content: 'one\n\n' },
      '/ws/src/a.ts': {
        type: 'update',
        unified_diff: '@@ function f() {\n keep\n-old\n+new\n',
        move_path: '/ws/src/b.ts',
      },
      '/abs/c.ts': { type: 'update', unified_diff: '@@\n+x\n', move_path: null },
      '/ws/gone.txt': { type: 'delete', content: '' },
    });
  });

  for (const [what, text] of [
    ['other text', 'ls'],
    ['a misspelled beginning', '*** Begin Ptch\n*** Add File: a\n+x\n*** End Patch'],
    ['one that breaks off', '*** Begin Patch\n*** Add File: a\n+x'],
    ['one that changes nothing', patch()],
    ['a move of nothing', patch('*** Move to: b')],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(parsePatch(text, '/ws')).to.equal(null);
    });
  }

  it('reads any text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('*** Add File: a', '*** Move to: b', '*** Update File: c', '+', '@@', 'x')),
        (lines) => {
          parsePatch(patch(...lines), '/ws');
        },
      ),
    );
  });
});

describe('patchInScript', () => {
  const text = patch('*** Add File: a', '+x');

  for (const [script, cwd] of [
    [`apply_patch <<'EOF'\n${text}\nEOF\n`, '/ws'],
    [`applypatch << END\n${text}\nEND`, '/ws'],
    [`cd sub && apply_patch <<"EOF"\n${text}\nEOF`, '/ws/sub'],
    [`cd '/other place' && apply_patch <<'EOF'\n${text}\nEOF`, '/other place'],
  ] as const) {
    it(`finds it in ${JSON.stringify(script.slice(0, 40))}`, () => {
      expect(patchInScript(script, '/ws')).to.deep.equal({ text, cwd });
    });
  }

  for (const script of [
    `make && apply_patch <<'EOF'\n${text}\nEOF`,
    `apply_patch <<'EOF'\n${text}\nEOF\nmake`,
    `apply_patch <<'EOF'\n${text}\nOTHER`,
    'apply_patch patch.txt',
  ]) {
    it(`finds none where more is done, or less: ${JSON.stringify(script.slice(0, 30))}`, () => {
      expect(patchInScript(script, '/ws')).to.equal(null);
    });
  }
});
