// One stream of a command's output, up to a number of bytes: kept for its result, or told while it comes. Commands thread.

export interface CappedStreamOptions {
  /** Bytes; what comes behind them is thrown away. */
  cap: number;
  /** null keeps. `isLast`: the cap is reached. */
  emit: ((chunk: Buffer, isLast: boolean) => void) | null;
}

export class CappedStream {
  readonly #emit: CappedStreamOptions['emit'];
  readonly #kept: Buffer[] = [];
  #room: number;
  #isFull = false;

  constructor({ cap, emit }: CappedStreamOptions) {
    this.#room = cap;
    this.#emit = emit;
  }

  /** Copies what it needs of the chunk: its memory may be used again. */
  push(chunk: Uint8Array): void {
    if (this.#isFull || chunk.length === 0) return;
    const part = Buffer.from(chunk.subarray(0, this.#room));
    this.#room -= part.length;
    this.#isFull = this.#room === 0;
    if (this.#emit === null) this.#kept.push(part);
    else this.#emit(part, this.#isFull);
  }

  /** What was kept; bytes that are no text become replacement characters. */
  read(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(this.#kept));
  }
}
