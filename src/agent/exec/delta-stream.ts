// The output of a command as it is shown while it runs: at a bounded rate, and up to a bounded size. Session worker.

export interface DeltaStreamOptions {
  /** Whole characters, in order; not called again once end() has returned. */
  emit: (text: string) => void;
  /** Bytes that are shown in all. */
  cap?: number;
  /** Between two emissions. */
  intervalMs?: number;
}

const DEFAULT_CAP = 1024 * 1024;
const DEFAULT_INTERVAL_MS = 40;

/** Must be ended: a timer runs while something waits. */
export class DeltaStream {
  readonly #emit: (text: string) => void;
  readonly #intervalMs: number;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #room: number;
  #pending = '';
  #lastEmission = -Infinity;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor({ emit, cap = DEFAULT_CAP, intervalMs = DEFAULT_INTERVAL_MS }: DeltaStreamOptions) {
    this.#emit = emit;
    this.#room = cap;
    this.#intervalMs = intervalMs;
  }

  /** Takes what it needs of the chunk at once: its memory may be used again. */
  push(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    this.#pending += this.#decoder.decode(chunk.subarray(0, this.#room), { stream: true });
    this.#room -= chunk.length;
    if (this.#room < 0) this.#close('\n[… what follows is not shown while it is written …]\n');
    if (this.#timer !== null) return;
    const wait = this.#lastEmission + this.#intervalMs - performance.now();
    if (wait <= 0) this.#flush();
    else this.#timer = setTimeout(() => this.#flush(), wait);
  }

  /** Emits what waits; nothing comes afterwards. */
  end(): void {
    this.#close('');
    this.#flush();
  }

  #close(notice: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pending += this.#decoder.decode() + notice;
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    this.#lastEmission = performance.now();
    this.#emit(text);
  }
}
