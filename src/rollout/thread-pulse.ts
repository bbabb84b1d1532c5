// Asks a thread that others wait for whether it still takes messages, and tells when it does not. Main thread.

export interface ThreadPulseOptions {
  /** Milliseconds without an answer after which the thread is stuck; 0: never. */
  stuckMs: number;
  /** Whether anybody waits for it: otherwise it is not asked, so that an idle daemon sends nothing. */
  isNeeded: () => boolean;
  /** Sends what the thread answers at once; the answer is noted by noteAnswer(). */
  ping: () => void;
  /** Called once, and nothing is asked any more. */
  onStuck: () => void;
}

/** Milliseconds between two looks, at most. */
const TICK_MS = 1000;

/** From construction to stop(). Does not keep the process alive. */
export class ThreadPulse {
  readonly #options: ThreadPulseOptions;
  readonly #tickMs: number;
  readonly #timer: NodeJS.Timeout | null;
  #lastTickAt = performance.now();
  #isAsked = false;
  /** Looks that have come and gone without an answer. */
  #ticks = 0;

  constructor(options: ThreadPulseOptions) {
    this.#options = options;
    this.#tickMs = Math.min(TICK_MS, options.stuckMs / 2);
    this.#timer = options.stuckMs === 0 ? null : setInterval(() => this.#look(), this.#tickMs).unref();
  }

  noteAnswer(): void {
    this.#isAsked = false;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // A process that was stopped, or a machine that slept, has kept the answer from coming.
    const isLate = now - this.#lastTickAt > 2 * this.#tickMs;
    this.#lastTickAt = now;
    if (!this.#isAsked) return this.#ask();
    if (isLate) return;
    this.#ticks += 1;
    if (this.#ticks * this.#tickMs < this.#options.stuckMs) return;
    this.stop();
    this.#options.onStuck();
  }

  #ask(): void {
    if (!this.#options.isNeeded()) return;
    this.#isAsked = true;
    this.#ticks = 0;
    this.#options.ping();
  }
}
