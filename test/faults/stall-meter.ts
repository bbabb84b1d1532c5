// How long this machine keeps a process waiting: what a promise in milliseconds must be given on top. Main thread.

const INTERVAL_MS = 10;
const MEMORY_MS = 1500;

/** Measures by how much a timer is late. Must be stopped. */
export class StallMeter {
  readonly #timer: NodeJS.Timeout;
  #late: { atMs: number; lateMs: number }[] = [];
  #last = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
  }

  /** The longest stall of the last 1.5 s. */
  get worstMs(): number {
    return this.#late.reduce((worst, { lateMs }) => Math.max(worst, lateMs), 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const lateMs = Math.max(0, now - this.#last - INTERVAL_MS);
    this.#last = now;
    this.#late.push({ atMs: now, lateMs });
    while (this.#late[0]!.atMs < now - MEMORY_MS) this.#late.shift();
  }
}
