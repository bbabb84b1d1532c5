import { expect } from 'chai';
import { RestartPolicy } from '../../src/supervisor/restart-policy.js';

describe('RestartPolicy', () => {
  /** What it says to lives of these lengths, one after the other, each begun after the wait that was asked for. */
  function answersTo(livesMs: readonly number[]): (number | null)[] {
    const policy = new RestartPolicy();
    let now = 1_000_000;
    return livesMs.map((livedMs) => {
      now += livedMs;
      const waitMs = policy.takeDeath(now, livedMs);
      now += waitMs ?? 0;
      return waitMs;
    });
  }

  it('waits longer after each death, and gives up at the sixth within a minute', () => {
    expect(answersTo([0, 500, 500, 500, 500, 500])).to.deep.equal([200, 400, 800, 1_600, 3_200, null]);
  });

  it('never gives up on one that dies less often, and never waits for more than half a minute', () => {
    const answers = answersTo(Array<number>(12).fill(20_000));
    expect(answers.slice(0, 5)).to.deep.equal([200, 400, 800, 1_600, 3_200]);
    expect(answers.slice(-4)).to.deep.equal([30_000, 30_000, 30_000, 30_000]);
  });

  it('forgets what was before a minute of health', () => {
    expect(answersTo([0, 0, 0, 0, 0, 60_000, 0, 0])).to.deep.equal([200, 400, 800, 1_600, 3_200, 200, 400, 800]);
  });
});
