import { expect } from 'chai';
import fc from 'fast-check';
import { parsePatch } from '../../../src/agent/patch/parse-patch.js';
import { PatchError } from '../../../src/agent/patch/patch-error.js';

function patch(...lines: string[]): string {
  return ['*** Begin Patch', ...lines, '*** End Patch', ''].join('\n');
}

const keep = (text: string): object => ({ kind: 'keep', text });
const remove = (text: string): object => ({ kind: 'remove', text });
const add = (text: string): object => ({ kind: 'add', text });

describe('parsePatch', () => {
  const whole = patch(
    '*** Add File: new.txt',
    '+one',
    '+',
    '+ two',
    '*** Update File: src/a.ts',
    '*** Move to: src/b.ts',
    '@@ class A {',
    '@@   f() {',
    ' keep',
    '',
    '-old',
    '+new',
    '@@',
    '-last',
    '*** End of File',
    '*** Update File: /abs/c.ts',
    ' first',
    '+x',
    '*** Delete File: gone.txt',
  );
  const expected = [
    { type: 'add', path: 'new.txt', content: 'one\n\n two\n', patchLine: 2 },
    {
      type: 'update',
      path: 'src/a.ts',
      moveTo: 'src/b.ts',
      patchLine: 6,
      hunks: [
        {
          anchors: ['class A {', '  f() {'],
          lines: [keep('keep'), keep(''), remove('old'), add('new')],
          isAtEnd: false,
          patchLine: 8,
        },
        { anchors: [], lines: [remove('last')], isAtEnd: true, patchLine: 14 },
      ],
    },
    {
      type: 'update',
      path: '/abs/c.ts',
      moveTo: null,
      patchLine: 17,
      hunks: [{ anchors: [], lines: [keep('first'), add('x')], isAtEnd: false, patchLine: 18 }],
    },
    { type: 'delete', path: 'gone.txt', patchLine: 20 },
  ];

  it('reads files that are added, changed, moved and deleted', () => {
    expect(parsePatch(whole)).to.deep.equal(expected);
  });

  const withoutNumbers = (text: string): unknown =>
    JSON.parse(JSON.stringify(parsePatch(text), (key, value: unknown) => (key === 'patchLine' ? 0 : value)));

  for (const [what, text] of [
    ['no newline at the end', whole.trimEnd()],
    ['empty lines around it', `\n\n${whole}\n\n`],
    ['carriage returns', whole.replaceAll('\n', '\r\n')],
    ['a heredoc around it', `<<'EOF'\n${whole}EOF\n`],
    ['a heredoc without quotes', `<<EOF\n${whole}EOF`],
    ['the command that it is for', `apply_patch <<"PATCH"\n${whole}PATCH\n`],
    ['white space around markers', whole.replace(/^\*\*\* (Begin|End) Patch$/gm, '  *** $1 Patch \t')],
    ['white space around headers', whole.replace(/^(\*\*\* Add File.*)$/m, ' $1  ').replace('gone.txt', ' gone.txt ')],
    ['the name of a machine', whole.replace('*** Begin Patch', '*** Begin Patch\n*** Environment ID: local')],
  ] as const) {
    it(`takes ${what} as no fault`, () => {
      expect(withoutNumbers(text)).to.deep.equal(
        JSON.parse(JSON.stringify(expected, (key, value: unknown) => (key === 'patchLine' ? 0 : value))),
      );
    });
  }

  it('passes over empty lines between files and hunks', () => {
    const text = patch('*** Add File: a', '+x', '', '*** Update File: b', '', '@@', '+y', '', '*** Delete File: c', '');
    expect(withoutNumbers(text)).to.deep.equal([
      { type: 'add', path: 'a', content: 'x\n', patchLine: 0 },
      {
        type: 'update',
        path: 'b',
        moveTo: null,
        patchLine: 0,
        // Whether the empty line is one of the file shows when it is looked for.
        hunks: [{ anchors: [], lines: [add('y'), keep('')], isAtEnd: false, patchLine: 0 }],
      },
      { type: 'delete', path: 'c', patchLine: 0 },
    ]);
  });

  it('keeps an empty line with which the only hunk begins', () => {
    const [file] = parsePatch(patch('*** Update File: b', '', '-x'));
    expect(file).to.deep.include({
      hunks: [{ anchors: [], lines: [keep(''), remove('x')], isAtEnd: false, patchLine: 3 }],
    });
  });

  it('takes a move for enough', () => {
    expect(parsePatch(patch('*** Update File: a', '*** Move to: b'))).to.deep.equal([
      { type: 'update', path: 'a', moveTo: 'b', hunks: [], patchLine: 2 },
    ]);
  });

  it('takes an added file without lines for an empty one', () => {
    expect(parsePatch(patch('*** Add File: a'))).to.deep.equal([{ type: 'add', path: 'a', content: '', patchLine: 2 }]);
  });

  for (const [what, text, message] of [
    ['other text', 'ls', "Line 1 of the patch: a patch begins with '*** Begin Patch', found 'ls'."],
    ['nothing', '', "Line 1 of the patch: a patch begins with '*** Begin Patch', found nothing."],
    [
      'one that breaks off',
      '*** Begin Patch\n*** Add File: a\n+x',
      "Line 3 of the patch: a patch ends with '*** End Patch', found '+x'.",
    ],
    [
      'only a beginning',
      '*** Begin Patch',
      "Line 1 of the patch: a patch ends with '*** End Patch', found '*** Begin Patch'.",
    ],
    ['one that changes nothing', patch(), 'The patch changes no file.'],
    [
      'a move of nothing',
      patch('*** Move to: b'),
      "Line 2 of the patch: here '*** Add File: PATH', '*** Delete File: PATH', '*** Update File: PATH' or '*** End Patch' was expected, found '*** Move to: b'.",
    ],
    [
      'a line of an added file without its sign',
      patch('*** Add File: a', '+x', 'y'),
      "Line 4 of the patch: here '*** Add File: PATH', '*** Delete File: PATH', '*** Update File: PATH' or '*** End Patch' was expected, found 'y'.",
    ],
    [
      'a line of a hunk without its sign',
      patch('*** Update File: a', '@@', '-x', 'y'),
      "Line 5 of the patch: a line of a hunk of a begins with a space when it stays, with '-' when it goes, with '+' when it is new, found 'y'.",
    ],
    [
      'an update without hunks',
      patch('*** Update File: a'),
      "Line 2 of the patch: the update of a has no hunk, found '*** End Patch'.",
    ],
    [
      'a hunk without lines',
      patch('*** Update File: a', '@@ f', '*** Delete File: b'),
      "Line 4 of the patch: the hunk of a that begins at line 3 is empty, found '*** Delete File: b'.",
    ],
    [
      'a file without a name',
      patch('*** Add File: '),
      /^Line 2 of the patch: here .* was expected, found '\*\*\* Add File:'\.$/,
    ],
  ] as const) {
    it(`refuses ${what}, and says where`, () => {
      expect(() => parsePatch(text))
        .to.throw(PatchError, message)
        .with.property('code', 'malformed');
    });
  }

  it('reads or refuses any text', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '*** Begin Patch',
        '*** End Patch',
        '*** Add File: a',
        '*** Move to: b',
        '*** Update File: c',
        '*** End of File',
      ),
      fc.constantFrom('+x', '-x', ' x', '', '@@', '@@ f', 'x', '<<EOF', 'EOF', '  '),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          parsePatch(lines.join('\n'));
        } catch (error) {
          expect(error).to.be.instanceOf(PatchError);
        }
      }),
    );
  });
});
