// What a command wrote: all of it while it is short, else its head and its tail, and how much it really was. Session worker.

const DEFAULT_CAP = 1024 * 1024;
const FIRST_SIZE = 4096;

export interface CapturedOutput {
  /** All of it, when nothing was left out. */
  head: string;
  tail: string;
  /** Between the two; their counts with it make the total. */
  omittedBytes: number;
  totalBytes: number;
}

/** Holds `cap` bytes at most, and no more than it needs. */
export class OutputBuffer {
  readonly #headCap: number;
  readonly #tailCap: number;
  #head = Buffer.alloc(0);
  #headSize = 0;
  #tail = Buffer.alloc(0);
  /** Bytes of the tail that hold something; once all do, the oldest are overwritten. */
  #tailSize = 0;
  /** Where the next byte of the tail goes. */
  #tailEnd = 0;
  #totalBytes = 0;

  constructor(cap = DEFAULT_CAP) {
    this.#headCap = Math.ceil(cap / 2);
    this.#tailCap = Math.floor(cap / 2);
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Copies the chunk: its memory may be used again. */
  append(chunk: Uint8Array): void {
    this.#totalBytes += chunk.length;
    const first = chunk.subarray(0, this.#headCap - this.#headSize);
    this.#head = grown(this.#head, this.#headSize, first.length, this.#headCap);
    this.#head.set(first, this.#headSize);
    this.#headSize += first.length;
    // Of a chunk that is longer than the tail only the end can stay.
    this.#appendTail(chunk.subarray(Math.max(first.length, chunk.length - this.#tailCap)));
  }

  read(): CapturedOutput {
    const head = this.#head.subarray(0, this.#headSize);
    const wrapped = this.#tailSize > this.#tailEnd;
    const tail = wrapped
      ? Buffer.concat([this.#tail.subarray(this.#tailEnd), this.#tail.subarray(0, this.#tailEnd)])
      : this.#tail.subarray(0, this.#tailSize);
    const omittedBytes = this.#totalBytes - head.length - tail.length;
    if (omittedBytes === 0) return toCaptured(Buffer.concat([head, tail]), Buffer.alloc(0), this.#totalBytes);
    return toCaptured(head, tail, this.#totalBytes);
  }

  #appendTail(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#tailSize < this.#tailCap) {
      this.#tail = grown(this.#tail, this.#tailSize, chunk.length, this.#tailCap);
      // It may be full now, but not yet gone round.
      if (this.#tailEnd >= this.#tailCap) this.#tailEnd = 0;
    }
    const upToEnd = chunk.subarray(0, this.#tail.length - this.#tailEnd);
    this.#tail.set(upToEnd, this.#tailEnd);
    const rest = chunk.subarray(upToEnd.length);
    this.#tail.set(rest, 0);
    this.#tailSize = Math.min(this.#tailCap, this.#tailSize + chunk.length);
    this.#tailEnd = rest.length > 0 ? rest.length : this.#tailEnd + upToEnd.length;
    if (this.#tailEnd === this.#tailCap) this.#tailEnd = 0;
  }
}

/** A buffer with the same first `used` bytes and room for `more`, up to `cap` in all. */
function grown(buffer: Buffer<ArrayBuffer>, used: number, more: number, cap: number): Buffer<ArrayBuffer> {
  const wanted = Math.min(cap, used + more);
  if (wanted <= buffer.length) return buffer;
  const bigger = Buffer.allocUnsafeSlow(Math.min(cap, Math.max(wanted, buffer.length * 2, FIRST_SIZE)));
  buffer.copy(bigger, 0, 0, used);
  return bigger;
}

/** Cut between characters: what of one is left on either side counts as left out. */
function toCaptured(head: Buffer, tail: Buffer, totalBytes: number): CapturedOutput {
  const isCut = tail.length > 0;
  const wholeHead = isCut ? head.subarray(0, endOfLastCharacter(head)) : head;
  const wholeTail = tail.subarray(startOfFirstCharacter(tail));
  return {
    head: decode(wholeHead),
    tail: decode(wholeTail),
    omittedBytes: totalBytes - wholeHead.length - wholeTail.length,
    totalBytes,
  };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** Whether a byte goes on with a character of UTF-8 that began before. */
function goesOn(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Where the bytes end if an unfinished character at their end is left out. */
function endOfLastCharacter(bytes: Uint8Array): number {
  let start = bytes.length - 1;
  while (start >= 0 && start > bytes.length - 4 && goesOn(bytes[start])) start -= 1;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? start : bytes.length;
}

function startOfFirstCharacter(bytes: Uint8Array): number {
  let start = 0;
  while (start < 3 && goesOn(bytes[start])) start += 1;
  return start;
}

/** The same within `budget` bytes: the middle is left out, half of the budget stays on each side. */
export function cutMiddle(output: CapturedOutput, budget: number): CapturedOutput {
  const isWhole = output.omittedBytes === 0;
  const head = Buffer.from(output.head);
  const tail = isWhole ? head : Buffer.from(output.tail);
  const size = isWhole ? head.length : head.length + tail.length;
  if (size <= budget) return output;
  const half = Math.floor(budget / 2);
  return toCaptured(
    head.subarray(0, budget - half),
    half === 0 ? Buffer.alloc(0) : tail.subarray(-half),
    output.totalBytes,
  );
}

/** As one text, with a line in the middle that says how much is missing. */
export function joinOutput({ head, tail, omittedBytes, totalBytes }: CapturedOutput): string {
  if (omittedBytes === 0) return head + tail;
  return `${head}\n[… ${omittedBytes} of ${totalBytes} bytes left out here …]\n${tail}`;
}
