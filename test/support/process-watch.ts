// Looks at a process once in a while and keeps what it saw. Any process; must be stopped.
import { sampleProcess } from './process-sample.js';
import type { ProcessSample } from './process-sample.js';

export class ProcessWatch {
  readonly samples: ProcessSample[] = [];
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #pending: Promise<void> = Promise.resolve();

  constructor(pid: number, intervalMs = 1000) {
    this.#pid = pid;
    this.#timer = setInterval(() => {
      this.#pending = this.#take();
    }, intervalMs);
  }

  /** No sample comes after it has resolved. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pending;
  }

  async #take(): Promise<void> {
    try {
      this.samples.push(await sampleProcess(this.#pid));
    } catch (error) {
      // It has ended: whoever started it will know.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
