// Knows every worker thread that this process starts, so that a test can end one from outside. Main thread.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

/** Start it before the threads; stop it after. */
export class WorkerWatch {
  /** By thread id. */
  readonly #workers = new Map<number, Worker>();

  constructor() {
    process.on('worker', this.#remember);
  }

  /** Ends a thread as a crash would: without a word to it. Resolves when it is gone. */
  async kill(threadId: number): Promise<void> {
    const worker = this.#workers.get(threadId);
    if (worker === undefined) throw new Error(`no worker thread ${threadId}`);
    this.#workers.delete(threadId);
    await worker.terminate();
  }

  /** Resolves with the id of the next thread that is started. */
  async next(): Promise<number> {
    const [worker] = (await once(process, 'worker')) as [Worker];
    return worker.threadId;
  }

  stop(): void {
    process.off('worker', this.#remember);
    this.#workers.clear();
  }

  readonly #remember = (worker: Worker): void => {
    this.#workers.set(worker.threadId, worker);
  };
}
