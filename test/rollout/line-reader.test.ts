import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { readLines } from '../../src/rollout/line-reader.js';
import type { LineRecord, LinesRead, ReadLinesOptions } from '../../src/rollout/line-reader.js';
import { metaLine, rolloutText, turnLines } from '../support/rollout-lines.js';
import { useTempFolder } from '../support/temp-folder.js';

const NOTHING_ASIDE = { count: 0, lines: [] };

interface Outcome extends LinesRead {
  records: LineRecord[];
}

async function readAll(path: string, options?: ReadLinesOptions): Promise<Outcome> {
  const records: LineRecord[] = [];
  const read = await readLines(path, (record) => void records.push(record), options);
  return { ...read, records };
}

describe('readLines', () => {
  const folder = useTempFolder();

  async function readText(text: string | Buffer, options?: ReadLinesOptions): Promise<Outcome> {
    const path = join(folder(), 'lines.jsonl');
    writeFileSync(path, text);
    return readAll(path, options);
  }

  it('gives every record with its place', async () => {
    expect(await readText('{"a":1}\n[2]\n"é"\n')).to.deep.equal({
      records: [
        { value: { a: 1 }, index: 0, offset: 0, length: 7 },
        { value: [2], index: 1, offset: 8, length: 3 },
        { value: 'é', index: 2, offset: 12, length: 4 },
      ],
      size: 17,
      completeSize: 17,
      tornTail: false,
      setAside: NOTHING_ASIDE,
      stopped: false,
    });
  });

  it('finds nothing in an empty file, and nothing torn', async () => {
    expect(await readText('')).to.deep.equal({
      records: [],
      size: 0,
      completeSize: 0,
      tornTail: false,
      setAside: NOTHING_ASIDE,
      stopped: false,
    });
  });

  it('gives all complete records of a file cut at any byte, and tells how it ends', async () => {
    const path = join(folder(), 'cut.jsonl');
    const whole = Buffer.from(rolloutText([metaLine('id'), ...turnLines('turn', 'héllo', 'wörld 😀\n\u2028')]));
    writeFileSync(path, whole);
    const { records } = await readAll(path);
    const handle = await open(path, 'r+');
    try {
      for (let size = whole.length; size >= 0; size -= 1) {
        await handle.truncate(size);
        const cut = await readAll(path);
        const complete = records.filter(({ offset, length }) => offset + length <= size);
        const last = complete.at(-1);
        const lineStart = last === undefined ? 0 : last.offset + last.length + 1;
        const rest = size - lineStart;
        const values = cut.records.map(({ offset }) => offset);
        expect(values, `cut at ${size}`).to.deep.equal(complete.map(({ offset }) => offset));
        expect([cut.size, cut.tornTail, cut.setAside], `cut at ${size}`).to.deep.equal([
          size,
          // -1: the last record is whole but lacks its newline.
          size > 0 && rest !== 0,
          rest > 0 ? { count: 1, lines: [{ offset: lineStart, length: rest, reason: 'torn' }] } : NOTHING_ASIDE,
        ]);
      }
    } finally {
      await handle.close();
    }
  });

  it('counts a whole last line without a newline as a record, still to be closed', async () => {
    const { records, tornTail, setAside } = await readText('{"a":1}\n{"b":2}');
    expect({ values: records.map(({ value }) => value), tornTail, setAside }).to.deep.equal({
      values: [{ a: 1 }, { b: 2 }],
      tornTail: true,
      setAside: NOTHING_ASIDE,
    });
  });

  it('passes over damaged lines and says where they are', async () => {
    const { records, setAside, tornTail } = await readText('{"a":1}\n\n{"torn":\n\0\0\0\nnull\n  \r\n{"b":2}\n');
    expect({ values: records.map(({ value, index }) => [index, value]), setAside, tornTail }).to.deep.equal({
      values: [
        [0, { a: 1 }],
        [4, null],
        [6, { b: 2 }],
      ],
      setAside: {
        count: 4,
        lines: [
          { offset: 8, length: 0, reason: 'empty' },
          { offset: 9, length: 8, reason: 'not_json' },
          { offset: 18, length: 3, reason: 'nul' },
          { offset: 27, length: 3, reason: 'empty' },
        ],
      },
      tornTail: false,
    });
  });

  it('reads a record that follows zeros of a lost write', async () => {
    const { records } = await readText(`${'\0'.repeat(5000)}{"a":1}\n`);
    expect(records.map(({ value }) => value)).to.deep.equal([{ a: 1 }]);
  });

  it('sets a tail of zeros aside as such', async () => {
    const { tornTail, setAside } = await readText('{"a":1}\n\0\0\0\0');
    expect({ tornTail, setAside }).to.deep.equal({
      tornTail: true,
      setAside: { count: 1, lines: [{ offset: 8, length: 4, reason: 'nul' }] },
    });
  });

  it('takes CRLF as a line end, but no bare CR and no Unicode separator', async () => {
    const text = 'a\u2028b\u2029c\u0085d';
    const { records, setAside } = await readText(`{"a":1}\r\n{"b":\r2}\n${JSON.stringify(text)}\n`);
    expect({ values: records.map(({ value }) => value), setAside }).to.deep.equal({
      values: [{ a: 1 }, { b: 2 }, text],
      setAside: NOTHING_ASIDE,
    });
  });

  it('lists the first damaged lines and counts all', async () => {
    const { setAside } = await readText('x\n'.repeat(1000));
    expect([setAside.count, setAside.lines.length]).to.deep.equal([1000, 50]);
  });

  it('gives the same whatever the size of its reads', async () => {
    const line = fc.oneof(
      fc.json().map((json) => json.replaceAll('\n', ' ')),
      fc.constantFrom('', '\r', '{"torn', '\0\0', '"é😀"'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        async (lines, closed, chunkBytes) => {
          const text = lines.join('\n') + (closed ? '\n' : '');
          expect(await readText(text, { chunkBytes })).to.deep.equal(await readText(text));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('reads a line of 43 MB', async () => {
    const text = 'x'.repeat(43_000_000);
    const { records, setAside } = await readText(`{"a":1}\n{"text":"${text}"}\n{"b":2}\n`);
    expect(setAside).to.deep.equal(NOTHING_ASIDE);
    expect(records.map(({ offset, length }) => [offset, length])).to.deep.equal([
      [0, 7],
      [8, 43_000_011],
      [43_000_020, 7],
    ]);
    expect((records[1]!.value as { text: string }).text === text).to.equal(true);
  });

  it('reads from one byte to another', async () => {
    const { records, size, tornTail } = await readText('{"a":1}\n{"b":2}\n{"c":3}\n', { start: 8, end: 16 });
    expect({ records, size, tornTail }).to.deep.equal({
      records: [{ value: { b: 2 }, index: 0, offset: 8, length: 7 }],
      size: 16,
      tornTail: false,
    });
  });

  it('stops when the visitor has enough', async () => {
    const path = join(folder(), 'lines.jsonl');
    writeFileSync(path, '{"a":1}\n{"b":2}\n{"c":3}');
    const seen: unknown[] = [];
    const read = await readLines(path, ({ value }) => seen.push(value) < 2);
    expect({ seen, ...read }).to.deep.equal({
      seen: [{ a: 1 }, { b: 2 }],
      size: 16,
      completeSize: 16,
      tornTail: false,
      setAside: NOTHING_ASIDE,
      stopped: true,
    });
  });

  it('counts skipped lines without parsing them, but always parses an open last line', async () => {
    const skip = (start: Uint8Array): boolean => start[0] === 's'.charCodeAt(0);
    const long = 's'.repeat(100);
    const { records, setAside, tornTail } = await readText(`{"a":1}\nskipped {\n${long}\n{"b":2}\nskip`, {
      skip,
      chunkBytes: 10,
    });
    expect({ places: records.map(({ index, value }) => [index, value]), setAside, tornTail }).to.deep.equal({
      places: [
        [0, { a: 1 }],
        [3, { b: 2 }],
      ],
      setAside: { count: 1, lines: [{ offset: 127, length: 4, reason: 'torn' }] },
      tornTail: true,
    });
  });

  it('sets aside what its visitor calls malformed', async () => {
    const path = join(folder(), 'lines.jsonl');
    writeFileSync(path, '1\n2\n3\n');
    const indices: number[] = [];
    const { setAside } = await readLines(path, ({ value, index }) => {
      if (value === 2) return 'malformed';
      indices.push(index);
      return true;
    });
    expect({ indices, setAside }).to.deep.equal({
      indices: [0, 2],
      setAside: { count: 1, lines: [{ offset: 2, length: 1, reason: 'malformed' }] },
    });
  });

  it('rejects when there is no file', async () => {
    const error = await readAll(join(folder(), 'none')).catch((caught: unknown) => caught);
    expect(error).to.have.property('code', 'ENOENT');
  });
});
