// What readers of compressed rollouts may rely on:
//
// 1. Reading a compressed file gives what reading the plain one gives, whatever its frames, the reads and the range.
// 2. Of a damaged file every complete line before the damage is given, unchanged and in order, and nothing else; that
//    something is lost is said.
// 3. Memory does not grow with the file, nor with the number of reads, however they end.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { compressedPathOf } from '../../src/rollout/file-name.js';
import { readLines } from '../../src/rollout/line-reader.js';
import type { LineRecord, LinesRead, ReadLinesOptions, SetAsideReason } from '../../src/rollout/line-reader.js';
import { zstd } from '../../src/rollout/zstd-library.js';
import { compress, compressParts } from '../support/compressed-rollout.js';
import { useTempFolder } from '../support/temp-folder.js';

interface Outcome extends LinesRead {
  records: LineRecord[];
}

async function readAll(path: string, options?: ReadLinesOptions): Promise<Outcome> {
  const records: LineRecord[] = [];
  const read = await readLines(path, (record) => void records.push(record), options);
  return { ...read, records };
}

const NEWLINE = 0x0a;
/** A frame that holds nothing and that every reader passes over. */
const SKIPPABLE = Buffer.from('5a2a4d180300000001020a', 'hex');

/** Lines of all sorts, some so long and so mixed that they take blocks of their own. */
const anyLine = fc.oneof(
  fc.json().map((json) => json.replaceAll('\n', ' ')),
  fc.constantFrom('', '\r', '{"torn', '\0\0', '"é😀"', 'skipped {'),
  fc
    .tuple(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 2, max: 1 << 24 }))
    .map(([length, seed]) => JSON.stringify(noise(length, seed))),
);

/** Text that hardly compresses. */
function noise(length: number, seed: number): string {
  let state = seed;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    text += state.toString(36);
  }
  return text.slice(0, length);
}

/** Cuts the bytes in parts, at places given as fractions of the whole. */
function cutAt(bytes: Buffer, fractions: readonly number[]): Buffer[] {
  const cuts = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((cut, index) => bytes.subarray(cut, cuts[index] ?? bytes.length));
}

describe('readLines on a compressed file', () => {
  const folder = useTempFolder();
  const path = (): string => join(folder(), 'lines.jsonl');
  const readCompressed = (bytes: Buffer, options?: ReadLinesOptions): Promise<Outcome> => {
    writeFileSync(compressedPathOf(path()), bytes);
    return readAll(path(), options);
  };

  it('gives what it gives for the plain one, whatever the frames, the size of reads and the range', async () => {
    const fraction = fc.double({ min: 0, max: 1.2, noNaN: true });
    const optional = fc.option(fraction, { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLine, { maxLength: 12 }),
        fc.boolean(),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 }),
        fc.record({ start: optional, end: optional, chunkBytes: fc.integer({ min: 1, max: 200_000 }) }),
        fc.boolean(),
        async (lines, closed, cuts, range, skips) => {
          const content = Buffer.from(lines.join('\n') + (closed ? '\n' : ''));
          const place = (at: number): number => Math.floor(at * content.length);
          // Reads of a byte or two take their time.
          const chunkBytes = Math.max(range.chunkBytes, Math.ceil(content.length / 500));
          const options: ReadLinesOptions = { chunkBytes };
          if (range.start !== undefined) options.start = place(range.start);
          if (range.end !== undefined) options.end = place(range.end);
          if (skips) options.skip = (start) => start[0] === 's'.charCodeAt(0);
          rmSync(compressedPathOf(path()), { force: true });
          writeFileSync(path(), content);
          const plain = await readAll(path(), options);
          rmSync(path());
          const [first, ...others] = cutAt(content, cuts).map(compress);
          const compressed = await readCompressed(Buffer.concat([first!, SKIPPABLE, ...others]), options);
          expect(compressed).to.deep.equal(plain);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('prefers the plain file where there are both', async () => {
    writeFileSync(path(), '"plain"\n');
    const { records } = await readCompressed(compress('"compressed"\n'));
    expect(records.map(({ value }) => value)).to.deep.equal(['plain']);
  });

  it('gives every complete line of a file that is cut at any byte, and says that there was more', async () => {
    const parts = [
      '{"type":"session_meta"}\n',
      '{"héllo":"wörld 😀\u2028"}\n[1,2,',
      '3]\n{"half":',
      '"a line","and":"more of it"}\n"without a newline"',
    ].map((text) => Buffer.from(text));
    const frames = parts.map(compress);
    const whole = Buffer.concat(frames);
    const { records } = await readCompressed(whole);
    const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length);
    // Between two frames nothing shows that there was a third.
    for (let size = 0; size < whole.length; size += 1) {
      const left = ends.filter((end) => end <= size).length;
      const cut = await readCompressed(whole.subarray(0, size));
      const content = Buffer.concat(parts).subarray(0, cut.size);
      const completeSize = content.lastIndexOf(NEWLINE) + 1;
      expect(cut.size).to.be.at.least(Buffer.concat(parts.slice(0, left)).length);
      const isAtFrameEnd = ends.includes(size);
      const rest = content.length - completeSize;
      const aside = (reason: SetAsideReason): Outcome['setAside'] => ({
        count: 1,
        lines: [{ offset: completeSize, length: rest, reason }],
      });
      const whenWhole = rest === 0 ? { count: 0, lines: [] } : aside('torn');
      expect(cut, `cut at ${size}`).to.deep.equal({
        records: records.filter(({ offset, length }) => offset + length < completeSize),
        size: content.length,
        completeSize,
        tornTail: rest > 0,
        setAside: isAtFrameEnd ? whenWhole : aside('damaged'),
        stopped: false,
      });
    }
  });

  it('gives the lines of a large frame up to the block in which it is cut', async () => {
    const lines = Array.from({ length: 400 }, (_, index) => JSON.stringify({ index, text: noise(3000, index + 2) }));
    const content = Buffer.from(`${lines.join('\n')}\n`);
    const whole = compress(content);
    const { records } = await readCompressed(whole);
    expect(records).to.have.length(400);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (size) => {
        const cut = await readCompressed(whole.subarray(0, size));
        const completeSize = content.lastIndexOf(NEWLINE, cut.size - 1) + 1;
        expect(cut).to.deep.equal({
          records: records.filter(({ offset, length }) => offset + length < cut.size),
          size: cut.size,
          completeSize: cut.size === 0 ? 0 : completeSize,
          tornTail: cut.size > completeSize,
          setAside: {
            count: 1,
            lines: [
              {
                offset: cut.tornTail ? completeSize : cut.size,
                length: cut.size - cut.completeSize,
                reason: 'damaged',
              },
            ],
          },
          stopped: false,
        });
        // All but the block that is cut, and what the stream still held back.
        expect(cut.size).to.be.at.least((size / whole.length) * content.length - 2 * 128 * 1024);
      }),
      { numRuns: 40 },
    );
  });

  it('never passes off as sound what a checksum gainsays', async () => {
    // Three lines as `zstd --check` makes them.
    const sound = Buffer.from('KLUv/QRY8QAAeyJhIjoxfQp7ImIiOiJ0d28ifQp7ImMiOlszXX0KcG7ATw==', 'base64');
    const { records, setAside } = await readCompressed(sound);
    expect(records.map(({ value }) => value)).to.deep.equal([{ a: 1 }, { b: 'two' }, { c: [3] }]);
    expect(setAside.count).to.equal(0);
    for (let bit = 0; bit < sound.length * 8; bit += 1) {
      const flipped = Buffer.from(sound);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const read = await readCompressed(flipped);
      const isSaid = read.setAside.lines.some(({ reason }) => reason === 'damaged');
      // Some bits of the header change nothing: how much memory the reader may need.
      if (!isSaid) expect(read.records, `bit ${bit}`).to.deep.equal(records);
    }
  });

  it('calls damaged what is empty, no zstd at all, or goes on as something else', async () => {
    const asideOf = async (bytes: Buffer): Promise<unknown> => {
      const { records, setAside } = await readCompressed(bytes);
      return [records.map(({ value }) => value), setAside];
    };
    const damagedAt = (offset: number): unknown => ({ count: 1, lines: [{ offset, length: 0, reason: 'damaged' }] });
    expect(await asideOf(Buffer.alloc(0))).to.deep.equal([[], damagedAt(0)]);
    expect(await asideOf(Buffer.from('{"a":1}\n'))).to.deep.equal([[], damagedAt(0)]);
    const line = compress('{"a":1}\n');
    expect(await asideOf(Buffer.concat([line, Buffer.alloc(4096)]))).to.deep.equal([[{ a: 1 }], damagedAt(8)]);
    expect(await asideOf(Buffer.concat([line, line.subarray(0, 3)]))).to.deep.equal([[{ a: 1 }], damagedAt(8)]);
    expect(await asideOf(Buffer.concat([line, SKIPPABLE]))).to.deep.equal([[{ a: 1 }], { count: 0, lines: [] }]);
  });

  it('says nothing of a damage behind the end that was asked for', async () => {
    const { records, setAside, size } = await readCompressed(
      Buffer.concat([compress('{"a":1}\n{"b":2}\n'), Buffer.alloc(100)]),
      { end: 8 },
    );
    expect({ values: records.map(({ value }) => value), setAside, size }).to.deep.equal({
      values: [{ a: 1 }],
      setAside: { count: 0, lines: [] },
      size: 8,
    });
  });

  it('parses an open last line that it had passed over at first', async () => {
    const long = 's'.repeat(300_000);
    const { records, tornTail } = await readCompressed(compressParts(['"a"\n', `"s${long}"`]), {
      skip: () => true,
      chunkBytes: 1000,
    });
    expect({ places: records.map(({ index, offset, length }) => [index, offset, length]), tornTail }).to.deep.equal({
      places: [[1, 4, 300_003]],
      tornTail: true,
    });
  });

  it('serves many reads side by side, and keeps no memory of any, however it ended', async () => {
    const content = Buffer.from(
      `${Array.from({ length: 200 }, (_, n) => JSON.stringify(noise(3000, n + 2))).join('\n')}\n`,
    );
    const whole = compress(content);
    writeFileSync(compressedPathOf(path()), whole);
    writeFileSync(compressedPathOf(`${path()}-cut`), whole.subarray(0, -1000));
    writeFileSync(compressedPathOf(`${path()}-bad`), Buffer.concat([whole, Buffer.alloc(10)]));
    const fail = (): never => {
      throw new Error('from the visitor');
    };
    const counts = (): Promise<number[]> =>
      Promise.all([
        readLines(path(), () => false).then(({ stopped }) => Number(stopped)),
        readLines(path(), fail).then(
          () => 1,
          () => 0,
        ),
        ...[path(), `${path()}-cut`, `${path()}-bad`].map(async (each) => (await readAll(each)).records.length),
      ]);
    const first = await counts();
    expect(first.slice(0, 3)).to.deep.equal([1, 0, 200]);
    expect(first[3]).to.be.within(100, 199);
    expect(first[4]).to.equal(200);
    const memory = zstd.memory.buffer.byteLength;
    for (let round = 0; round < 40; round += 1) expect(await counts()).to.deep.equal(first);
    expect(zstd.memory.buffer.byteLength).to.equal(memory);
  });
});
