import { expect } from 'chai';
import fc from 'fast-check';
import { placeHunks } from '../../../src/agent/patch/find-hunk.js';
import { SourceText } from '../../../src/agent/patch/source-text.js';
import { usePatchedFolder } from './patched-folder.js';
import { findFirst } from './plain-search.js';

describe('placeHunks', () => {
  const { put, get, apply, refuse } = usePatchedFolder();

  it('finds what a plain search finds, and nothing else', () => {
    const line = fc.constantFrom('a', 'b', ' a', 'a ', '\u201ca\u201d', '"a"', 'caf\u00e9');
    const lines = (size: number): fc.Arbitrary<string[]> =>
      fc.array(line, { minLength: 1, maxLength: size, size: 'max' });
    fc.assert(
      fc.property(lines(30), lines(4), fc.nat(3), (file, wanted, from) => {
        const source = new SourceText(Buffer.from(file.map((text) => `${text}\n`).join('')));
        const rows = file.map((text) => ({ text: Buffer.from(text).toString('latin1') }));
        const hunk = { lines: wanted.map((text) => ({ kind: 'keep' as const, text })), isAtEnd: false, patchLine: 1 };
        // A hunk before it says where to begin.
        const first = {
          anchors: [],
          lines: file.slice(0, from).map((text) => ({ kind: 'keep' as const, text })),
          isAtEnd: false,
          patchLine: 1,
        };
        const hunks = from === 0 || from > file.length ? [] : [first];
        const expected = findFirst(rows, wanted, hunks.length === 0 ? 0 : from);
        const place = (): number => placeHunks(source, [...hunks, { anchors: [], ...hunk }], 'f').at(-1)!.start;
        if (expected === -1) expect(place).to.throw('the file does not have these lines');
        else expect(place()).to.equal(expected);
      }),
      { numRuns: 500 },
    );
  });

  describe('finds lines', () => {
    const update = (...lines: string[]): Promise<string> => apply('*** Update File: f', ...lines);

    it('where they are exactly so, before where they are nearly so', async () => {
      put('f', '  x \nx\n');
      await update('@@', '-x', '+y');
      expect(get('f')).to.equal('  x \ny\n');
    });

    it('without regard to white space at the end, before that around them', async () => {
      put('f', '  x\nx \t\n');
      await update('@@', '-x', '+y');
      expect(get('f')).to.equal('  x\ny\n');
    });

    it('without regard to white space around them, and keeps what the file has', async () => {
      put('f', '\tif (a) {\n\t\tb();\n\t}\n');
      await update('@@', ' if (a) {', '-b();', '+\t\tc();', ' }');
      expect(get('f')).to.equal('\tif (a) {\n\t\tc();\n\t}\n');
    });

    it('by plain punctuation where the file has typographic', async () => {
      put('f', Buffer.from('a \u2013 \u201cb\u201d \u2018c\u2019\u00a0d\nx\n').toString('latin1'));
      await update('@@', ' a - "b" \'c\' d', '-x', '+y');
      expect(Buffer.from(get('f'), 'latin1').toString()).to.equal('a \u2013 \u201cb\u201d \u2018c\u2019\u00a0d\ny\n');
    });

    it('after the anchor', async () => {
      put('f', 'def a\n  x\ndef b\n  x\n');
      await update('@@ def b', '-  x', '+  y');
      expect(get('f')).to.equal('def a\n  x\ndef b\n  y\n');
    });

    it('after several anchors, each after the one before', async () => {
      put('f', 'def m\n  x\nclass B\n  def l\n    x\n  def m\n    x\n');
      await update('@@ class B', '@@ def m', '-    x', '+    y');
      expect(get('f')).to.equal('def m\n  x\nclass B\n  def l\n    x\n  def m\n    y\n');
    });

    it('also when the hunk repeats its anchor', async () => {
      put('f', 'def a\n  x\n');
      await update('@@ def a', ' def a', '-  x', '+  y');
      expect(get('f')).to.equal('def a\n  y\n');
    });

    it('whatever line numbers a model has put there', async () => {
      put('f', 'a\nb\n');
      await update('@@ -7,2 +7,2 @@', ' a', '-b', '+c');
      expect(get('f')).to.equal('a\nc\n');
    });

    it('after the place of the hunk before', async () => {
      put('f', 'x\nx\nx\n');
      await update('@@', '-x', '+1', '@@', '-x', '+2');
      expect(get('f')).to.equal('1\n2\nx\n');
    });

    it('at the end of the file when it is marked so', async () => {
      put('f', 'x\ny\nx\n');
      await update('@@', '-x', '+z', '*** End of File');
      expect(get('f')).to.equal('x\ny\nz\n');
    });

    it('elsewhere when the mark is wrong', async () => {
      put('f', 'x\ny\n');
      await update('@@', '-x', '+z', '*** End of File');
      expect(get('f')).to.equal('z\ny\n');
    });

    it('when an empty line at the end is none of the file', async () => {
      put('f', 'a\nb\n');
      await update('@@', ' a', '-b', '-', '+c', '+');
      expect(get('f')).to.equal('a\nc\n');
    });

    it('where bytes are no UTF-8, as the model was shown them', async () => {
      put('f', 'caf\xe9\nx\n\xff\n');
      await update('@@', ' caf\ufffd', '-x', '+\u00e9', ' \ufffd');
      expect(get('f')).to.equal('caf\xe9\n\xc3\xa9\n\xff\n');
    });
  });

  it('finds or refuses at once in a file of equal lines', async () => {
    put('f', `${'x\n'.repeat(200_000)}y\n`);
    const lines = Array.from({ length: 5000 }, () => ' x');
    const start = performance.now();
    await apply('*** Update File: f', '@@', ...lines, '-y', '+z');
    expect(get('f').slice(-6)).to.equal('x\nx\nz\n');
    const [code] = await refuse(['*** Update File: f', '@@', ...lines, '-no']);
    expect(code).to.equal('does_not_fit');
    expect(performance.now() - start).to.be.lessThan(5000);
  });

  describe('puts lines that follow nothing', () => {
    it('at the end', async () => {
      put('f', 'a\n');
      await apply('*** Update File: f', '@@', '+b');
      expect(get('f')).to.equal('a\nb\n');
    });

    it('at the end, also when another hunk follows', async () => {
      put('f', 'a\nb\n');
      await apply('*** Update File: f', '@@', '+c', '@@', '-a', '+x');
      expect(get('f')).to.equal('x\nb\nc\n');
    });

    it('after their anchor', async () => {
      put('f', 'a\nb\n');
      await apply('*** Update File: f', '@@ a', '+x');
      expect(get('f')).to.equal('a\nx\nb\n');
    });

    it('after their anchor, from where the next hunk is looked for', async () => {
      put('f', 'a\nb\na\n');
      await apply('*** Update File: f', '@@ b', '+x', '@@', '-a', '+y');
      expect(get('f')).to.equal('a\nb\nx\ny\n');
    });

    it('into an empty file', async () => {
      put('f', '');
      await apply('*** Update File: f', '+a');
      expect(get('f')).to.equal('a\n');
    });
  });
});
