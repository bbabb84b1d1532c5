// Connections that fell silent: who ends them, and when. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireConnection } from '../../support/wire-proxy.js';

/** At once; each holds what the daemon wants to tell it. */
const MOST_LEFT = 4;
/** The daemon's promise, and what a timer on a busy machine may be late. */
export const FOUND_WITHIN_MS = 45_000 + 2_000;

export class HalfOpen {
  /** Milliseconds from silence to the end, of those that the daemon ended by itself; Infinity for one that it did not. */
  readonly foundMs: number[] = [];
  readonly #leavesSome: boolean;
  #left = 0;
  readonly #pending = new Set<Promise<void>>();

  /** `leavesSome`: a few are left for good, for the daemon to find. */
  constructor(leavesSome: boolean) {
    this.#leavesSome = leavesSome;
  }

  /** A connection that just fell silent; the daemon is told by a reset after `resetMs`, unless it is left to find out. */
  add(connection: WireConnection, resetMs: number): void {
    const pending = this.#leavesSome && this.#left < MOST_LEFT ? this.#leave(connection) : reset(connection, resetMs);
    this.#pending.add(pending);
    void pending.then(() => this.#pending.delete(pending));
  }

  /** Resolves when none is left. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #leave(connection: WireConnection): Promise<void> {
    this.#left += 1;
    const since = performance.now();
    const timer = setTimeout(() => {
      this.foundMs.push(Infinity);
      connection.cut('reset');
    }, FOUND_WITHIN_MS);
    await connection.daemonClosed;
    clearTimeout(timer);
    if (performance.now() - since < FOUND_WITHIN_MS) this.foundMs.push(performance.now() - since);
    this.#left -= 1;
  }
}

async function reset(connection: WireConnection, afterMs: number): Promise<void> {
  await sleep(afterMs);
  connection.cut('reset');
}
