// Decompresses a run of zstd frames piece by piece, in constant memory. Any thread.
import type { ZstdFunctions } from './zstd-library.js';

/** The most that push() takes: what libzstd likes best, a block and its header. */
export const ZSTD_INPUT_BYTES = 128 * 1024 + 3;
const OUTPUT_BYTES = 128 * 1024;

/** Two structs of pointer, size and position, 4 bytes each: the input and then the output. */
const STRUCTS_BYTES = 24;
const OUTPUT_STRUCT = 12;
const SIZE = 4;
const POSITION = 8;

const MEMORY_ALLOCATION = 64;

/** What libzstd's numbers mean, where a person can do something with it. */
const REASONS: Readonly<Record<number, string>> = {
  10: 'something that is not zstd',
  16: 'a window too large to decompress',
  20: 'corrupted data',
  22: 'a wrong checksum',
  32: 'a dictionary is needed',
};

/** The compressed bytes are damaged, or of a kind that cannot be read: nothing behind this place can be. */
export class ZstdDamage extends Error {}

/**
 * Turn about: push() a piece, then decode() until it gives 0, copying what it gives. Frames that follow each other are
 * one content; skippable ones are skipped. close() gives back memory that no garbage collector knows of.
 */
export class ZstdStream {
  readonly #zstd: ZstdFunctions;
  readonly #context: number;
  readonly #input: number;
  readonly #output: number;
  readonly #structs: number;
  #hasMore = false;
  #isAtFrameEnd = false;

  private constructor(zstd: ZstdFunctions) {
    this.#zstd = zstd;
    this.#context = zstd.ZSTD_createDCtx();
    this.#input = zstd.malloc(ZSTD_INPUT_BYTES);
    this.#output = zstd.malloc(OUTPUT_BYTES);
    this.#structs = zstd.malloc(STRUCTS_BYTES);
    if ([this.#context, this.#input, this.#output, this.#structs].includes(0)) {
      this.close();
      throw new Error('no memory left to decompress');
    }
  }

  /** Loads the library. Throws when there is no memory left. */
  static async open(): Promise<ZstdStream> {
    const { zstd } = await import('./zstd-library.js');
    return new ZstdStream(zstd);
  }

  /** False at the start, and within a frame: a file that ends there is cut. */
  get isAtFrameEnd(): boolean {
    return this.#isAtFrameEnd;
  }

  /** Hands over the next bytes, at most ZSTD_INPUT_BYTES; what came before must have been decoded. */
  push(bytes: Uint8Array): void {
    new Uint8Array(this.#zstd.memory.buffer).set(bytes, this.#input);
    const view = new DataView(this.#zstd.memory.buffer, this.#structs, STRUCTS_BYTES);
    view.setUint32(0, this.#input, true);
    view.setUint32(SIZE, bytes.length, true);
    view.setUint32(POSITION, 0, true);
    this.#hasMore = bytes.length > 0;
  }

  /** How many bytes there are to copy, in place of those before; 0 when more input is needed. Throws ZstdDamage. */
  decode(): number {
    while (this.#hasMore) {
      const produced = this.#step();
      if (produced > 0) return produced;
    }
    return 0;
  }

  /** Copies what decode() gave, from its byte `start` up to `end`. */
  copy(target: Uint8Array, targetStart: number, start: number, end: number): void {
    target.set(new Uint8Array(this.#zstd.memory.buffer, this.#output + start, end - start), targetStart);
  }

  /** Nothing else may be called afterwards. */
  close(): void {
    this.#zstd.ZSTD_freeDCtx(this.#context);
    for (const pointer of [this.#input, this.#output, this.#structs]) this.#zstd.free(pointer);
  }

  #step(): number {
    const before = new DataView(this.#zstd.memory.buffer, this.#structs, STRUCTS_BYTES);
    before.setUint32(OUTPUT_STRUCT, this.#output, true);
    before.setUint32(OUTPUT_STRUCT + SIZE, OUTPUT_BYTES, true);
    before.setUint32(OUTPUT_STRUCT + POSITION, 0, true);
    const result = this.#zstd.ZSTD_decompressStream(this.#context, this.#structs + OUTPUT_STRUCT, this.#structs);
    if (result < 0) throw toError(-result);
    const after = new DataView(this.#zstd.memory.buffer, this.#structs, STRUCTS_BYTES);
    const produced = after.getUint32(OUTPUT_STRUCT + POSITION, true);
    const isInputLeft = after.getUint32(POSITION, true) < after.getUint32(SIZE, true);
    this.#isAtFrameEnd = result === 0;
    // A full output may hide that there is more to it; at the end of a frame there is not.
    this.#hasMore = isInputLeft || (produced === OUTPUT_BYTES && result !== 0);
    return produced;
  }
}

function toError(code: number): Error {
  if (code === MEMORY_ALLOCATION) return new Error('no memory left to decompress');
  return new ZstdDamage(REASONS[code] ?? `zstd error ${code}`);
}
