// The pool of session workers: the only user of Piscina. Main thread.
import type { Piscina, PiscinaTask } from 'piscina';
import { DaemonError } from '../errors.js';
import type { SessionInit } from './messages.js';

export interface SessionPoolOptions {
  /** Most threads the pool may have. */
  maxThreads: number;
  /** Sessions that may share one thread; 1 gives each its own. */
  sessionsPerWorker: number;
  /** Most bytes of JavaScript objects that a thread may hold: beyond it ends, with all its sessions. */
  maxHeapBytes: number;
  /** Called for an error that no task can be blamed for. */
  onError: (error: unknown) => void;
}

/** Milliseconds after which a thread without sessions is given back. */
const IDLE_TIMEOUT_MS = 60_000;

const MIB = 1024 * 1024;

interface WorkerLoad {
  readonly currentUsage: number;
  readonly terminating: boolean;
  readonly destroyed: boolean;
}

/**
 * Each session is one long task. A session goes to the least loaded thread; while every thread is busy and more may be
 * had, the pool grows instead.
 */
export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #capacity: number;
  /** Made with the first session: a daemon that only lists and reads needs none. */
  #pool: Promise<Piscina<SessionInit, void>> | null = null;
  #sessions = 0;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
    this.#capacity = options.maxThreads * options.sessionsPerWorker;
  }

  /**
   * Runs a session to its end. Resolves when its worker function returned; rejects when its thread died under it
   * (worker_lost) or no place is left (overloaded).
   */
  async run(init: SessionInit): Promise<void> {
    if (this.#sessions >= this.#capacity) {
      throw new DaemonError('overloaded', `all ${this.#capacity} places for conversations are taken`);
    }
    this.#sessions += 1;
    try {
      const pool = await (this.#pool ??= startPool(this.#options));
      await pool.run(init, { transferList: [init.port] });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new DaemonError('worker_lost', `the session's worker was lost: ${message}`, { cause: error });
    } finally {
      this.#sessions -= 1;
    }
  }

  /** Ends a thread at once, with all its sessions. An abort signal would do, but Piscina lets no two such tasks share one. */
  async terminate(workerThreadId: number): Promise<void> {
    const threads = (await this.#pool)?.threads ?? [];
    await threads.find(({ threadId }) => threadId === workerThreadId)?.terminate();
  }

  /** Ends all threads; sessions should have ended before. */
  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }
}

async function startPool({ maxThreads, sessionsPerWorker, maxHeapBytes, onError }: SessionPoolOptions) {
  const { Piscina: Pool } = await import('piscina');
  const pool = new Pool<SessionInit, void>({
    filename: new URL('../../workers/session.js', import.meta.url).href,
    minThreads: 0,
    maxThreads,
    concurrentTasksPerWorker: sessionsPerWorker,
    idleTimeout: IDLE_TIMEOUT_MS,
    resourceLimits: { maxOldGenerationSizeMb: Math.round(maxHeapBytes / MIB) },
    // 'sync', the default, freezes an idle worker's event loop.
    atomics: 'disabled',
    recordTiming: false,
    // Pipes of commands are opened as files and closed as sockets. Node would not notice, and close, when the thread ends,
    // whatever has their numbers by then.
    trackUnmanagedFds: false,
    maxQueue: Number.POSITIVE_INFINITY,
    loadBalancer: (_task: PiscinaTask, workers) => pickLeastLoaded(workers, maxThreads, sessionsPerWorker),
  });
  pool.on('error', onError);
  return pool;
}

/** Least loaded thread with a free place; null makes the pool start another. */
export function pickLeastLoaded<Load extends WorkerLoad>(
  workers: readonly Load[],
  maxThreads: number,
  sessionsPerWorker: number,
): Load | null {
  let least: Load | null = null;
  for (const worker of workers) {
    if (worker.terminating || worker.destroyed) continue;
    if (least === null || worker.currentUsage < least.currentUsage) least = worker;
  }
  if (least === null || least.currentUsage >= sessionsPerWorker) return null;
  return least.currentUsage > 0 && workers.length < maxThreads ? null : least;
}
