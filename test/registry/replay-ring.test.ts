import { expect } from 'chai';
import fc from 'fast-check';
import { isNumbered, notificationIndex } from '../../src/protocol/notification-names.js';
import type { NotificationName } from '../../src/protocol/notification-names.js';
import { ReplayBudget } from '../../src/registry/replay-budget.js';
import { ReplayRing } from '../../src/registry/replay-ring.js';
import type { Frames, KeptFrame } from '../../src/registry/replay-ring.js';

type Named = readonly [method: NotificationName, text: string];

function toFrames(batch: readonly Named[]): Frames {
  let end = 0;
  return {
    type: 'frames',
    text: batch.map(([, text]) => text).join(''),
    ends: batch.map(([, text]) => (end += text.length)),
    methods: batch.map(([method]) => notificationIndex(method)),
  };
}

const anyBatch = fc.array(
  fc.tuple(
    fc.constantFrom<NotificationName[]>(
      'item/agentMessage/delta',
      'item/started',
      'thread/status/changed',
      'account/rateLimits/updated',
    ),
    fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constant('x'.repeat(300))),
  ),
  { maxLength: 8 },
);

/** A conversation as a plain array: all it was ever told, and where it was broken off. */
class Told {
  readonly frames: KeptFrame[] = [];
  validFrom = 0;
  take(batch: readonly Named[]): void {
    for (const [method, text] of batch) {
      if (isNumbered(method)) this.frames.push({ seq: this.frames.length + 1, method, text });
    }
  }
}

describe('ReplayRing', () => {
  it('gives what came after any event as it came, or says that it does not know', () => {
    const anyStep = fc.oneof(
      { weight: 20, arbitrary: anyBatch },
      { weight: 1, arbitrary: fc.constantFrom('clear' as const, 'breakOff' as const) },
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), fc.integer({ min: 0, max: 20_000 }), (steps, maxBytes) => {
        const budget = new ReplayBudget(1_000_000);
        const ring = new ReplayRing(maxBytes, budget);
        const told = new Told();
        for (const step of steps) {
          if (step === 'clear') ring.clear();
          else if (step === 'breakOff') {
            ring.breakOff();
            told.validFrom = told.frames.length + 1;
          } else {
            ring.append(toFrames(step));
            told.take(step);
          }
          expect(ring.bytes).to.be.within(0, maxBytes);
          expect(budget.used).to.equal(ring.bytes);
        }
        const last = told.frames.length;
        expect(ring.last).to.equal(last);
        let known = false;
        for (let seq = 0; seq <= last; seq += 1) {
          const after = ring.framesAfter(seq);
          // What is known after one event is known after each later one.
          if (known) expect(after, `after ${seq}`).to.not.equal(null);
          if (seq < told.validFrom) expect(after).to.equal(null);
          if (after === null) continue;
          known = true;
          expect([...after]).to.deep.equal(told.frames.slice(seq));
          const until = seq + Math.floor((last - seq) / 2);
          expect([...ring.framesAfter(seq, until)!]).to.deep.equal(told.frames.slice(seq, until));
        }
        const kept = [...ring.keptFrames()];
        expect(kept).to.deep.equal(told.frames.slice(last - kept.length));
        expect(known, 'nothing is missing after the last').to.equal(told.validFrom <= last);
        expect(ring.framesAfter(last + 1)).to.equal(null);
      }),
      { numRuns: 150 },
    );
  });

  // Some goes to the places of frames, and to the end of a block that the next text does not fit.
  for (const [maxBytes, share] of [
    [1024 * 1024, 0.8],
    [10_000, 0.5],
  ] as const) {
    it(`keeps the newest, and as many as may be: ${share} of ${maxBytes} bytes is text`, () => {
      const ring = new ReplayRing(maxBytes, new ReplayBudget(maxBytes));
      const count = Math.ceil((2 * maxBytes) / 200);
      for (let index = 1; index <= count; index += 1) {
        ring.append(toFrames([['item/started', `${index}`.padEnd(200)]]));
        expect(ring.bytes).to.be.at.most(maxBytes);
      }
      const oldest = Array.from({ length: count }, (_, seq) => seq).find((seq) => ring.framesAfter(seq) !== null)!;
      const kept = [...ring.framesAfter(oldest)!];
      expect(kept.map(({ text }) => Number(text))).to.deep.equal(kept.map((_, index) => oldest + 1 + index));
      expect(kept.length * 200).to.be.within(share * maxBytes, maxBytes);
    });
  }

  it('keeps what was asked for, whatever is dropped later', () => {
    const ring = new ReplayRing(2000, new ReplayBudget(2000));
    ring.append(toFrames([['item/started', 'first']]));
    const frames = ring.framesAfter(0)!;
    for (let index = 0; index < 100; index += 1) ring.append(toFrames([['item/completed', 'x'.repeat(200)]]));
    expect(ring.framesAfter(0)).to.equal(null);
    expect([...frames]).to.deep.equal([{ seq: 1, method: 'item/started', text: 'first' }]);
  });
});

describe('ReplayBudget', () => {
  it('drops all of the conversation that published longest ago, and no more than needed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 900 })), { maxLength: 80 }),
        (steps) => {
          const budget = new ReplayBudget(5000);
          const rings = Array.from({ length: 5 }, () => new ReplayRing(3000, budget));
          let order: number[] = [];
          for (const [index, length] of steps) {
            rings[index]!.append(toFrames([['item/started', 'x'.repeat(length)]]));
            order = [...order.filter((other) => other !== index), index];
            const total = rings.reduce((sum, { bytes }) => sum + bytes, 0);
            expect(budget.used).to.equal(total);
            expect(total).to.be.at.most(5000);
            const sizes = order.map((other) => rings[other]!.bytes);
            const firstKept = sizes.findIndex((bytes) => bytes > 0);
            expect(sizes.slice(firstKept).every((bytes) => bytes > 0)).to.equal(true);
            order = order.slice(firstKept);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes nothing from others for one that is too large for itself', () => {
    const budget = new ReplayBudget(5000);
    const [small, large] = [new ReplayRing(4000, budget), new ReplayRing(4000, budget)];
    small.append(toFrames([['item/started', 'kept']]));
    large.append(toFrames([['item/completed', 'x'.repeat(50_000)]]));
    expect([...small.framesAfter(0)!].map(({ text }) => text)).to.deep.equal(['kept']);
    expect([large.bytes, large.last, large.framesAfter(0)]).to.deep.equal([0, 1, null]);
  });
});
