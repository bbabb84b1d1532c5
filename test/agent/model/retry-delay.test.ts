import { expect } from 'chai';
import * as fc from 'fast-check';
import { readRetryAfter, readRetryHint, retryDelay } from '../../../src/agent/model/retry-delay.js';

describe('retryDelay', () => {
  it('doubles from 200 ms to 30 s', () => {
    const delays = [1, 2, 3, 8, 9, 50].map((attempt) => retryDelay(attempt, null, () => 0.5));
    expect(delays).to.deep.equal([200, 400, 800, 25_600, 30_000, 30_000]);
  });

  it('varies by a tenth in both directions, and never beyond the cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const middle = Math.min(200 * 2 ** (attempt - 1), 30_000);
          const delay = retryDelay(attempt, null, () => random);
          expect(delay).to.be.within(Math.round(middle * 0.9), Math.min(Math.round(middle * 1.1), 30_000));
        },
      ),
    );
    expect([0, 0.999].map((random) => retryDelay(1, null, () => random))).to.deep.equal([180, 220]);
  });
});

describe('readRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');

  it('reads seconds, milliseconds and dates, and nothing else', () => {
    const read = (value: string) => readRetryAfter({ 'retry-after': value }, now);
    expect(read('2')).to.equal(2000);
    expect(read(' 0.5 ')).to.equal(500);
    expect(read('Thu, 01 Jan 2026 00:00:05 GMT')).to.equal(5000);
    expect(read('Wed, 31 Dec 2025 00:00:00 GMT')).to.equal(0);
    expect(read('soon')).to.equal(null);
    expect(read('-5 seconds')).to.equal(null);
    expect(readRetryAfter({}, now)).to.equal(null);
    expect(readRetryAfter({ 'retry-after-ms': '70', 'retry-after': '1' }, now)).to.equal(70);
    expect(readRetryAfter({ 'retry-after-ms': 'x', 'retry-after': '1' }, now)).to.equal(1000);
  });
});

describe('readRetryHint', () => {
  it('finds the wait in the words of an error', () => {
    expect(readRetryHint('Limit reached. Please try again in 11.054s. Visit ...')).to.equal(11_054);
    expect(readRetryHint('Try again in 28 ms')).to.equal(28);
    expect(readRetryHint('try again in 35 seconds.')).to.equal(35_000);
    expect(readRetryHint('try again in a while')).to.equal(null);
  });
});
