import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import type { Log } from '../../src/log.js';
import type { SessionHandle, WorkerMemory } from '../../src/session/session-handle.js';
import { WorkerWatch } from '../../src/session/worker-watch.js';

const MIB = 1024 * 1024;

/** A session as the watch sees it: it answers with what its worker holds, or not at all. */
class WatchedSession {
  pings = 0;
  readonly killed: Promise<DaemonError>;
  readonly handle: SessionHandle;
  isAtWork = true;
  #asked: (() => void)[] = [];

  constructor(watch: () => WorkerWatch, workerThreadId: number | null, holds: WorkerMemory | null) {
    let kill!: (reason: DaemonError) => void;
    this.killed = new Promise((resolve) => (kill = resolve));
    const isAtWork = (): boolean => this.isAtWork;
    const handle = {
      workerThreadId,
      get isAtWork() {
        return isAtWork();
      },
      ping: () => {
        this.pings += 1;
        for (const resolve of this.#asked.splice(0)) resolve();
        if (holds !== null) watch().noteAnswer(this.handle, holds);
      },
      killWorker: (reason: DaemonError) => {
        watch().remove(this.handle);
        kill(reason);
      },
    };
    this.handle = handle as unknown as SessionHandle;
  }

  asked(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }
}

describe('WorkerWatch', () => {
  let watch: WorkerWatch;
  let resident: number;
  const sessions: WatchedSession[] = [];
  const log = { error: () => undefined, warn: () => undefined } as unknown as Log;
  const small = { heapBytes: MIB, bufferBytes: 0 };

  function session(workerThreadId: number | null, holds: WorkerMemory | null): WatchedSession {
    const made = new WatchedSession(() => watch, workerThreadId, holds);
    sessions.push(made);
    watch.add(made.handle);
    return made;
  }

  beforeEach(() => {
    resident = MIB;
    const readResident = (): number => resident;
    watch = new WorkerWatch({ stuckMs: 50, maxMemoryBytes: 100 * MIB, log, tickMs: 10, readResident });
  });

  afterEach(() => {
    for (const { handle } of sessions.splice(0)) watch.remove(handle);
  });

  it('ends a worker that does not answer, and says how long it waited', async () => {
    const sound = session(1, small);
    const stuck = session(2, null);
    expect(await stuck.killed).to.include({
      code: 'worker_lost',
      message: "the session's worker did not answer for 0.05 s and was ended",
    });
    expect([sound.pings > 1, stuck.pings]).to.deep.equal([true, 1]);
  });

  it('ends a session that never got a worker', async () => {
    expect((await session(null, null).killed).code).to.equal('worker_lost');
  });

  it('asks one session of a worker, and only while somebody waits for one', async () => {
    const idle = session(1, small);
    idle.isAtWork = false;
    const [first, second] = [session(2, small), session(2, small)];
    await first.asked();
    await first.asked();
    expect([idle.pings, second.pings]).to.deep.equal([0, 0]);
  });

  it('ends the worker that holds most, idle or not, when the process holds too much', async () => {
    const idle = session(1, { heapBytes: 10 * MIB, bufferBytes: 60 * MIB });
    idle.isAtWork = false;
    const other = session(2, { heapBytes: 40 * MIB, bufferBytes: 0 });
    await other.asked();
    resident = 101 * MIB;
    expect((await idle.killed).message).to.equal("the session's worker held too much memory and was ended");
    resident = MIB;
    const asked = other.pings;
    await other.asked();
    expect(other.pings).to.equal(asked + 1);
  });

  it('ends the one that is too busy to answer when the process holds too much', async () => {
    watch = new WorkerWatch({
      stuckMs: 0,
      maxMemoryBytes: 100 * MIB,
      log,
      tickMs: 10,
      readResident: () => resident,
    });
    const busy = session(1, null);
    session(2, { heapBytes: 90 * MIB, bufferBytes: 0 });
    await busy.asked();
    resident = 101 * MIB;
    expect((await busy.killed).code).to.equal('worker_lost');
  });

  it('gives the memory of one that it ended time to come back before it blames another', async () => {
    const guilty = session(1, { heapBytes: 80 * MIB, bufferBytes: 0 });
    const innocent = session(2, { heapBytes: 40 * MIB, bufferBytes: 0 });
    let wasEnded = false;
    void innocent.killed.then(() => (wasEnded = true));
    await innocent.asked();
    resident = 120 * MIB;
    await guilty.killed;
    await innocent.asked();
    await innocent.asked();
    resident = 40 * MIB;
    for (let round = 0; round < 6; round += 1) await innocent.asked();
    expect(wasEnded).to.equal(false);
    // When it does not come back, that was not all.
    resident = 120 * MIB;
    expect((await innocent.killed).code).to.equal('worker_lost');
  });

  it('blames nobody who holds little', async () => {
    const first = session(1, small);
    resident = 101 * MIB;
    let ended = false;
    void first.killed.then(() => (ended = true));
    for (let round = 0; round < 4; round += 1) await first.asked();
    expect(ended).to.equal(false);
  });
});
