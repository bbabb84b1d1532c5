import { expect } from 'chai';
import fc from 'fast-check';
import { CappedStream } from '../../../src/agent/standalone/capped-stream.js';

const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 });

describe('CappedStream', () => {
  it('tells the first bytes, whose memory may be used again, marks the chunk that reaches the cap, and tells nothing after it', () => {
    fc.assert(
      fc.property(chunks, fc.nat(100), (parts, cap) => {
        const told: [bytes: Buffer, isLast: boolean][] = [];
        const stream = new CappedStream({ cap, emit: (chunk, isLast) => told.push([chunk, isLast]) });
        const all = Buffer.concat(parts);
        for (const part of parts) {
          stream.push(part);
          part.fill(0);
        }
        expect(Buffer.concat(told.map(([bytes]) => bytes))).to.deep.equal(all.subarray(0, cap));
        const isFull = all.length > 0 && all.length >= cap;
        expect(told.map(([, isLast]) => isLast)).to.deep.equal(
          told.map((_, index) => isFull && index === told.length - 1),
        );
        expect(stream.read()).to.equal('');
      }),
    );
  });

  it('keeps the first bytes as text, whatever they are', () => {
    fc.assert(
      fc.property(chunks, fc.nat(100), (parts, cap) => {
        const stream = new CappedStream({ cap, emit: null });
        const all = Buffer.concat(parts);
        for (const part of parts) {
          stream.push(part);
          part.fill(0);
        }
        expect(stream.read()).to.equal(all.subarray(0, cap).toString());
      }),
    );
  });
});
