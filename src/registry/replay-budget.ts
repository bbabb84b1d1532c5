// How much the conversations together may keep for clients that come back. Main thread.

/** What can be told to let go of all it keeps. */
export interface Droppable {
  clear(): void;
}

/** Of those that keep something, the one that grew longest ago lets go first. */
export class ReplayBudget {
  readonly #maxBytes: number;
  /** Sizes, in the order in which they last grew. */
  readonly #sizes = new Map<Droppable, number>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** `holder` has grown, and keeps `bytes` now. May clear any holder, this one too when it alone is too much. */
  grow(holder: Droppable, bytes: number): void {
    this.release(holder);
    this.#sizes.set(holder, bytes);
    this.#used += bytes;
    for (const oldest of this.#sizes.keys()) {
      if (this.#used <= this.#maxBytes) return;
      oldest.clear();
    }
  }

  /** `holder` keeps nothing any more. */
  release(holder: Droppable): void {
    this.#used -= this.#sizes.get(holder) ?? 0;
    this.#sizes.delete(holder);
  }
}
