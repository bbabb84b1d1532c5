// The output of a command as clients see it while it runs. Main thread.
import { expect } from 'chai';
import fc from 'fast-check';
import { DeltaStream } from '../../../src/agent/exec/delta-stream.js';

function stream(options: { cap?: number; intervalMs?: number } = {}) {
  const deltas: string[] = [];
  return { deltas, stream: new DeltaStream({ emit: (text) => deltas.push(text), ...options }) };
}

describe('DeltaStream', () => {
  it('emits the same text however its bytes are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '語', '🦀'), minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 7 }), (all, size) => {
        const { deltas, stream: one } = stream({ intervalMs: 0 });
        const bytes = Buffer.from(all);
        for (let start = 0; start < bytes.length; start += size) one.push(bytes.subarray(start, start + size));
        one.end();
        expect(deltas.join('')).to.equal(all);
      }),
    );
  });

  it('emits the first words at once and gathers what follows closely', () => {
    const { deltas, stream: one } = stream({ intervalMs: 60_000 });
    one.push(Buffer.from('one'));
    const atOnce = [...deltas];
    for (let count = 0; count < 1_000; count += 1) one.push(Buffer.from('.'));
    one.end();
    expect([atOnce, deltas]).to.deep.equal([['one'], ['one', '.'.repeat(1_000)]]);
  });

  it('emits what waits when the time has come, without an end', async () => {
    const emitted: string[] = [];
    await new Promise<void>((resolve) => {
      const one = new DeltaStream({
        intervalMs: 20,
        emit: (text) => {
          emitted.push(text);
          if (emitted.length === 2) resolve();
        },
      });
      one.push(Buffer.from('a'));
      one.push(Buffer.from('b'));
    });
    expect(emitted).to.deep.equal(['a', 'b']);
  });

  it('shows no more than its cap, and says so once', () => {
    const { deltas, stream: one } = stream({ cap: 5, intervalMs: 0 });
    for (const text of ['abc', 'def', 'ghi']) one.push(Buffer.from(text));
    one.end();
    expect(deltas.join('')).to.equal('abcde\n[… what follows is not shown while it is written …]\n');
  });
});
