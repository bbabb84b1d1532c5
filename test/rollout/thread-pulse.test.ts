import { expect } from 'chai';
import { ThreadPulse } from '../../src/rollout/thread-pulse.js';

describe('ThreadPulse', () => {
  it('tells once when there is no answer, and never while there are', async () => {
    let answers = true;
    let stuck = 0;
    let pings = 0;
    let isAsked: () => void = () => undefined;
    const asked = (): Promise<void> => new Promise((resolve) => (isAsked = resolve));
    await new Promise<void>((resolve) => {
      const pulse = new ThreadPulse({
        stuckMs: 40,
        isNeeded: () => true,
        ping: () => {
          pings += 1;
          isAsked();
          if (answers) pulse.noteAnswer();
        },
        onStuck: () => {
          stuck += 1;
          resolve();
        },
      });
      void asked()
        .then(asked)
        .then(asked)
        .then(() => (answers = false));
    });
    expect([stuck, pings >= 4]).to.deep.equal([1, true]);
  });

  it('asks nothing while nobody waits, or when it is not wanted', async () => {
    let pings = 0;
    let looks = 0;
    const pulses: ThreadPulse[] = [];
    const done = new Promise<void>((resolve) => {
      const isNeeded = (): boolean => {
        looks += 1;
        if (looks === 5) resolve();
        return false;
      };
      const options = { ping: () => void (pings += 1), onStuck: () => void (pings += 1) };
      pulses.push(new ThreadPulse({ stuckMs: 20, isNeeded, ...options }));
      pulses.push(new ThreadPulse({ stuckMs: 0, isNeeded, ...options }));
    });
    await done;
    for (const pulse of pulses) pulse.stop();
    expect(pings).to.equal(0);
  });
});
