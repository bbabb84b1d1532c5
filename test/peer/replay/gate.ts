// Holds the model back until the replay waits for what it says, so that no answer comes before its time. Main thread.

export class Gate {
  readonly #waiting = new Set<() => void>();
  #isOpen = false;

  /** Resolves at once while the gate is open, else when it opens. */
  async passed(): Promise<void> {
    if (this.#isOpen) return;
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Open while `work` runs; whoever came before it goes through. */
  async openDuring<T>(work: () => Promise<T>): Promise<T> {
    this.#isOpen = true;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    try {
      return await work();
    } finally {
      this.#isOpen = false;
    }
  }
}
