import { expect } from 'chai';
import { applyPatch } from 'diff';
import fc from 'fast-check';
import { toFileChanges } from '../../../src/agent/patch/patch-changes.js';
import type { PlannedFile } from '../../../src/agent/patch/planned-file.js';
import { unifiedDiff } from '../../../src/agent/patch/unified-diff.js';

const hunksOf = (before: string, after: string, context = 3): string =>
  unifiedDiff(Buffer.from(before), Buffer.from(after), context).hunks;

describe('unifiedDiff', () => {
  it('joins changes that are near each other, and parts others', () => {
    const lines = Array.from({ length: 12 }, (_, i) => String(i + 1));
    const change = (...numbers: number[]): string =>
      lines.map((line, i) => `${numbers.includes(i + 1) ? `${line}!` : line}\n`).join('');
    expect(hunksOf(change(), change(5, 8), 1)).to.equal('@@ -4,6 +4,6 @@\n 4\n-5\n+5!\n 6\n 7\n-8\n+8!\n 9\n');
    expect(hunksOf(change(), change(5, 9), 1)).to.equal(
      '@@ -4,3 +4,3 @@\n 4\n-5\n+5!\n 6\n@@ -8,3 +8,3 @@\n 8\n-9\n+9!\n 10\n',
    );
    expect(hunksOf(change(), change(1, 12), 0)).to.equal('@@ -1 +1 @@\n-1\n+1!\n@@ -12 +12 @@\n-12\n+12!\n');
  });

  for (const [what, before, after, expected] of [
    ['nothing', 'a\n', 'a\n', ''],
    ['no content at all', '', '', ''],
    ['a first line', '', 'a\n', '@@ -0,0 +1 @@\n+a\n'],
    ['the end of all', 'a\nb\n', '', '@@ -1,2 +0,0 @@\n-a\n-b\n'],
    ['a newline at the end', 'a', 'a\n', '@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n'],
    ['a line before one without newline', 'a', 'b\na', '@@ -1 +1,2 @@\n+b\n a\n\\ No newline at end of file\n'],
    ['carriage returns', 'a\r\nb\r\n', 'a\r\nc\r\n', '@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n'],
    ['other letters', 'ä\n', 'ö\n', '@@ -1 +1 @@\n-ä\n+ö\n'],
  ] as const) {
    it(`shows ${what}`, () => {
      expect(hunksOf(before, after)).to.equal(expected);
    });
  }

  it('shows what is no UTF-8 as replacement characters, but does not take one for the other', () => {
    expect(unifiedDiff(Buffer.from([0xff]), Buffer.from([0xfe]), 3)).to.deep.equal({
      hunks: '@@ -1 +1 @@\n-\ufffd\n\\ No newline at end of file\n+\ufffd\n\\ No newline at end of file\n',
      similarity: 0,
    });
  });

  it('leads from the one content to the other', () => {
    const text = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '')), fc.constantFrom('', '\n'))
      .map(([lines, end]) => {
        const joined = lines.join('\n');
        return joined === '' ? '' : joined + end;
      });
    fc.assert(
      fc.property(text, text, fc.nat(4), (before, after, context) => {
        const hunks = hunksOf(before, after, context);
        expect(hunks === '' ? before : applyPatch(before, hunks)).to.equal(after);
      }),
    );
  });
});

describe('toFileChanges', () => {
  const state = (text: string): PlannedFile['before'] => ({ type: 'file', bytes: Buffer.from(text), mode: 0o644 });
  const file = (
    name: string,
    before: string | null,
    after: string | null,
    movedFrom: string | null = null,
  ): PlannedFile => ({
    path: `/ws/${name}`,
    realPath: `/real/${name}`,
    before: before === null ? null : state(before),
    after: after === null ? null : state(after),
    movedFrom,
  });

  it('shows what is added and deleted whole, what is changed by its hunks, and what is moved where it was', () => {
    const same = file('same', 'x', 'x');
    const files = [
      file('new', null, 'x\n'),
      file('gone', 'x\n', null),
      file('changed', '1\n2\n3\n4\n5\n', '1\n2\nthree\n4\n5\n'),
      file('from', 'one\ntwo\n', null),
      file('to', null, 'ONE\ntwo\n', '/real/from'),
      { ...same, after: same.before },
      file('never', null, null),
    ];
    expect(toFileChanges(files)).to.deep.equal({
      '/ws/new': { type: 'add', content: 'x\n' },
      '/ws/gone': { type: 'delete', content: 'x\n' },
      '/ws/changed': { type: 'update', unified_diff: '@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n', move_path: null },
      '/ws/from': { type: 'update', unified_diff: '@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n', move_path: '/ws/to' },
    });
  });
});
