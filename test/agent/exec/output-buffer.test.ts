// What is kept of a command's output, against the simplest way to cut it. Main thread.
import { expect } from 'chai';
import fc from 'fast-check';
import { cutMiddle, joinOutput, OutputBuffer } from '../../../src/agent/exec/output-buffer.js';

function capture(cap: number, chunks: readonly Uint8Array[]) {
  const buffer = new OutputBuffer(cap);
  for (const chunk of chunks) buffer.append(chunk);
  return buffer.read();
}

const asciiChunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', '\n'), maxLength: 40 }), {
  maxLength: 30,
});

describe('OutputBuffer', () => {
  it('keeps the first and the last bytes, and knows how many there were', () => {
    fc.assert(
      fc.property(asciiChunks, fc.integer({ min: 2, max: 90 }), (texts, cap) => {
        const all = texts.join('');
        const half = Math.ceil(cap / 2);
        const expected =
          all.length <= cap
            ? { head: all, tail: '', omittedBytes: 0, totalBytes: all.length }
            : {
                head: all.slice(0, half),
                tail: all.slice(all.length - Math.floor(cap / 2)),
                omittedBytes: all.length - cap,
                totalBytes: all.length,
              };
        const chunks = texts.map((text) => Buffer.from(text));
        expect(capture(cap, chunks)).to.deep.equal(expected);
      }),
    );
  });

  it('never cuts a character in two, wherever chunks and cuts fall', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '語', '🦀'), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 8, max: 60 }), fc.integer({ min: 1, max: 9 }), (all, cap, size) => {
        const bytes = Buffer.from(all);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const { head, tail, omittedBytes, totalBytes } = capture(cap, chunks);
        const kept = Buffer.byteLength(head) + Buffer.byteLength(tail);
        expect({
          starts: all.startsWith(head),
          ends: all.endsWith(tail),
          sum: kept + omittedBytes,
          totalBytes,
        }).to.deep.equal({
          starts: true,
          ends: true,
          sum: bytes.length,
          totalBytes: bytes.length,
        });
      }),
    );
  });

  it('replaces bytes that are no text', () => {
    expect(capture(100, [Buffer.from([0x61, 0xff, 0x62])]).head).to.equal('a\uFFFDb');
  });

  it('does not keep the memory that it was given', () => {
    const chunk = Buffer.from('first');
    const buffer = new OutputBuffer(100);
    buffer.append(chunk);
    chunk.fill('x');
    expect(buffer.read().head).to.equal('first');
  });
});

describe('cutMiddle()', () => {
  it('leaves what fits as it is', () => {
    const output = capture(100, [Buffer.from('short')]);
    expect(cutMiddle(output, 5)).to.equal(output);
  });

  it('keeps both ends within the budget and counts what was left out before, too', () => {
    fc.assert(
      fc.property(
        asciiChunks,
        fc.integer({ min: 4, max: 60 }),
        fc.integer({ min: 2, max: 60 }),
        (texts, cap, budget) => {
          const all = texts.join('');
          const cut = cutMiddle(
            capture(
              cap,
              texts.map((text) => Buffer.from(text)),
            ),
            budget,
          );
          const kept = cut.head.length + cut.tail.length;
          expect({
            starts: all.startsWith(cut.head),
            ends: all.endsWith(cut.tail),
            fits: kept <= budget,
            omitted: cut.omittedBytes,
          }).to.deep.equal({ starts: true, ends: true, fits: true, omitted: all.length - kept });
        },
      ),
    );
  });

  it('names the true size in the gap', () => {
    const output = cutMiddle(capture(1_000, [Buffer.from('a'.repeat(50) + 'b'.repeat(50))]), 10);
    expect(joinOutput(output)).to.equal('aaaaa\n[… 90 of 100 bytes left out here …]\nbbbbb');
  });
});
