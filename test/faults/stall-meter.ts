// How long this machine keeps a process waiting: what a promise in milliseconds must be given on top. Main thread.

const INTERVAL_MS = 10;
const MEMORY_MS = 60_000;
const RECENT_MS = 1500;

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
    return this.worstSince(performance.now() - RECENT_MS);
  }

  /** The longest stall since that `performance.now()`, of the last minute at most; up to `untilMs` where that is given. */
  worstSince(sinceMs: number, untilMs = Infinity): number {
    return this.#late.reduce(
      (worst, { atMs, lateMs }) => (atMs >= sinceMs && atMs <= untilMs ? Math.max(worst, lateMs) : worst),
      0,
    );
  }

  /** Another process found that it was kept waiting. */
  note(atMs: number, lateMs: number): void {
    this.#late.push({ atMs, lateMs });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const lateMs = Math.max(0, now - this.#last - INTERVAL_MS);
    this.#last = now;
    this.#late.push({ atMs: now, lateMs });
    if (this.#late[0]!.atMs < now - 2 * MEMORY_MS)
      this.#late = this.#late.filter(({ atMs }) => atMs >= now - MEMORY_MS);
  }
}
