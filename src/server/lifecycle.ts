// The daemon as a process: what it does at this moment, and how it is asked to stop when it does nothing. Main thread.
import { setTimeout as delay } from 'node:timers/promises';
import type { ResultOf } from '../protocol/methods.js';
import type { ConversationRegistry } from '../registry/conversation-registry.js';

/** Milliseconds between two looks at whether anything is still at work. */
const LOOK_INTERVAL_MS = 50;

export interface LifecycleOptions {
  version: string;
  registry: Pick<ConversationRegistry, 'activity' | 'stopBeginning'>;
  /** How many were refused since the start because too much of their connection waited. */
  refusedRequests: () => number;
}

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #startedAtMs = Date.now();
  #isStopping = false;
  /** Resolves when a drain has come to its end: the daemon is to close now. */
  readonly drained: Promise<void>;
  #markDrained!: () => void;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.drained = new Promise((resolve) => {
      this.#markDrained = resolve;
    });
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  status(): ResultOf<'daemon/status'> {
    const { clients, loadedThreads, runningTurns } = this.#options.registry.activity();
    return {
      version: this.#options.version,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      stopping: this.#isStopping,
      clientCount: clients,
      loadedThreadCount: loadedThreads,
      runningTurnCount: runningTurns,
      refusedRequestCount: this.#options.refusedRequests(),
    };
  }

  /** From now on nothing new begins; what runs goes on. */
  stopBeginning(): void {
    this.#isStopping = true;
    this.#options.registry.stopBeginning();
  }

  /**
   * Waits until nothing is at work and in that moment lets nothing new begin, so that no accepted turn is cut: true, and
   * `drained` resolves. False when the time (null: none) is over or `isWanted` says no: then all goes on as before.
   */
  async drain(timeoutMs: number | null, isWanted: () => boolean): Promise<boolean> {
    const quiet = await this.#waitUntilQuiet(timeoutMs, isWanted);
    if (!quiet) return false;
    this.stopBeginning();
    this.#markDrained();
    return true;
  }

  /** Lets turns that run come to their own end for so long. */
  async waitForTurns(milliseconds: number): Promise<void> {
    await this.#waitUntilQuiet(milliseconds, () => true);
  }

  async #waitUntilQuiet(timeoutMs: number | null, isWanted: () => boolean): Promise<boolean> {
    const deadline = timeoutMs === null ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
    while (isWanted()) {
      if (this.#options.registry.activity().isQuiet) return true;
      if (performance.now() >= deadline) return false;
      await delay(LOOK_INTERVAL_MS);
    }
    return false;
  }
}
