// How much output may be under way from the thread of commands to the main thread: a command writes faster than clients are
// told. Both sides.

/** Bytes that may be posted and not taken yet. */
const MOST_UNDER_WAY = 1024 * 1024;
/** Milliseconds that one piece of output may keep the whole thread from its other work. */
const LONGEST_WAIT_MS = 20;

/** The shared memory of both ends: whoever starts the thread makes it. */
export function makeCreditMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/** The end that posts. Counters go round at 2 ** 32, on either side. */
export class CreditUser {
  readonly #taken: Int32Array;
  #posted = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#taken = new Int32Array(memory);
  }

  /**
   * To be called before `bytes` are posted. Stops the thread for a moment while too much is under way: pipes fill up then,
   * and commands wait. Not for long, whatever the main thread does: commands must be there to be ended.
   */
  spend(bytes: number): void {
    this.#posted = (this.#posted + bytes) | 0;
    const deadline = performance.now() + LONGEST_WAIT_MS;
    for (;;) {
      const taken = Atomics.load(this.#taken, 0);
      const left = deadline - performance.now();
      if (((this.#posted - taken) | 0) <= MOST_UNDER_WAY || left <= 0) return;
      Atomics.wait(this.#taken, 0, taken, left);
    }
  }
}

/** The end that takes. */
export class CreditGiver {
  readonly #taken: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#taken = new Int32Array(memory);
  }

  give(bytes: number): void {
    Atomics.add(this.#taken, 0, bytes);
    Atomics.notify(this.#taken, 0);
  }
}
