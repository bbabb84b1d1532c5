// Holds the way from the bytes that a client was given to messages. Runs without a daemon.
import { expect } from 'chai';
import fc from 'fast-check';
import { readByteLog } from '../faults/byte-log.js';

const HEAD = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');

function serverFrame(payload: string, first = 0x81): Buffer {
  const bytes = Buffer.from(payload);
  if (bytes.length < 126) return Buffer.concat([Buffer.from([first, bytes.length]), bytes]);
  const long = bytes.length >= 65536;
  const head = Buffer.alloc(long ? 10 : 4);
  head[0] = first;
  head[1] = long ? 127 : 126;
  if (long) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  else head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

/** The same bytes in pieces, each at the time that its number tells. */
function inPieces(bytes: Buffer, cuts: readonly number[]) {
  const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((one, other) => one - other);
  return ends.map((end, index) => ({ atMs: index, bytes: bytes.subarray(ends[index - 1] ?? 0, end) }));
}

describe('readByteLog', () => {
  it('finds the same messages however the bytes were cut', () => {
    const lengths = fc.array(fc.oneof(fc.nat(200), fc.constantFrom(65_000, 66_000)), { maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.array(fc.nat(), { maxLength: 12 }), (sizes, cuts) => {
        const messages = sizes.map((size, id) => ({ id, result: { text: 'x'.repeat(size) } }));
        const frames = messages.map((message) => serverFrame(JSON.stringify(message)));
        const log = readByteLog(inPieces(Buffer.concat([HEAD, ...frames]), cuts));
        expect(log.map(({ message }) => message)).to.deep.equal(messages);
      }),
      { numRuns: 60 },
    );
  });

  it('gives each message the time at which its last byte came', () => {
    const frame = serverFrame('{"id":1}');
    const chunks = [HEAD, frame.subarray(0, 4), frame.subarray(4), frame].map((bytes, atMs) => ({ atMs, bytes }));
    expect(readByteLog(chunks).map(({ atMs }) => atMs)).to.deep.equal([2, 3]);
  });

  it('leaves out a message that was cut off, and all that is no text', () => {
    const bytes = Buffer.concat([
      HEAD,
      serverFrame('{"id":1}'),
      serverFrame('ping', 0x89),
      serverFrame('{"id":2}').subarray(0, -1),
    ]);
    expect(readByteLog([{ atMs: 0, bytes }]).map(({ text }) => text)).to.deep.equal(['{"id":1}']);
  });

  it('puts fragments together', () => {
    const bytes = Buffer.concat([
      HEAD,
      serverFrame('{"id"', 0x01),
      serverFrame('ping', 0x89),
      serverFrame(':1}', 0x80),
    ]);
    expect(readByteLog([{ atMs: 0, bytes }]).map(({ text }) => text)).to.deep.equal(['{"id":1}']);
  });

  it('finds nothing in a refused upgrade', () => {
    expect(readByteLog([{ atMs: 0, bytes: Buffer.from('HTTP/1.1 403 Forbidden\r\n\r\n{"error":1}') }])).to.deep.equal(
      [],
    );
  });
});
