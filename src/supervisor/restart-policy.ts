// How long to wait before a daemon that died is started again, and when to leave it. The supervisor, any thread.

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 30_000;
/** Whoever lived so long was well: what was before does not count any more. */
const HEALTHY_MS = 60_000;
const WINDOW_MS = 60_000;
const MOST_DEATHS = 6;

export class RestartPolicy {
  readonly #firstDelayMs: number;
  #deaths: number[] = [];
  #delayMs: number;

  constructor(firstDelayMs = FIRST_DELAY_MS) {
    this.#firstDelayMs = firstDelayMs;
    this.#delayMs = firstDelayMs;
  }

  /**
   * Milliseconds until the next start, or null when it has died too often. `now` is a monotonic clock, `livedMs` how long
   * this life was.
   */
  takeDeath(now: number, livedMs: number): number | null {
    if (livedMs >= HEALTHY_MS) {
      this.#deaths = [];
      this.#delayMs = this.#firstDelayMs;
    }
    this.#deaths = [...this.#deaths.filter((time) => time > now - WINDOW_MS), now];
    if (this.#deaths.length >= MOST_DEATHS) return null;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
    return delayMs;
  }
}
