// The content of a zstd file by its places, decompressed as it is read. Any thread.
import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from './byte-source.js';
import { ZSTD_INPUT_BYTES, ZstdDamage, ZstdStream } from './zstd-stream.js';

/**
 * Reading onwards costs what is decompressed on the way; a read before the last one begins again at the file's start.
 * Memory is the same for files of any size. What comes before a damage is given; from there on there is nothing.
 */
export class CompressedSource implements ByteSource {
  readonly size = Infinity;
  readonly #handle: FileHandle;
  readonly #input = Buffer.allocUnsafeSlow(ZSTD_INPUT_BYTES);
  #stream: ZstdStream;
  #filePosition = 0;
  /** Place, in the content, of the first byte of the output that was not taken; the output ends at `#outputEnd`. */
  #position = 0;
  #outputStart = 0;
  #outputEnd = 0;
  #isOver = false;
  #damage: string | null = null;

  /** Takes over the handle, but not when it throws: for lack of memory. */
  static async open(handle: FileHandle): Promise<CompressedSource> {
    return new CompressedSource(handle, await ZstdStream.open());
  }

  private constructor(handle: FileHandle, stream: ZstdStream) {
    this.#handle = handle;
    this.#stream = stream;
  }

  get damage(): string | null {
    return this.#damage;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    if (position < this.#position) await this.#rewind();
    let done = 0;
    while (done < length) {
      const available = this.#outputEnd - this.#outputStart;
      if (available === 0) {
        if (await this.#decode()) continue;
        break;
      }
      const passedOver = Math.min(available, position + done - this.#position);
      const taken = Math.min(available - passedOver, length - done);
      const start = this.#outputStart + passedOver;
      this.#stream.copy(target, done, start, start + taken);
      this.#outputStart = start + taken;
      this.#position += passedOver + taken;
      done += taken;
    }
    return done;
  }

  async close(): Promise<void> {
    this.#stream.close();
    await this.#handle.close();
  }

  /** False when there is no more content. */
  async #decode(): Promise<boolean> {
    try {
      while (!this.#isOver) {
        const produced = this.#stream.decode();
        this.#outputStart = 0;
        this.#outputEnd = produced;
        if (produced > 0) return true;
        await this.#feed();
      }
    } catch (error) {
      if (!(error instanceof ZstdDamage)) throw error;
      this.#isOver = true;
      this.#damage = error.message;
    }
    return false;
  }

  async #feed(): Promise<void> {
    const { bytesRead } = await this.#handle.read(this.#input, 0, this.#input.length, this.#filePosition);
    this.#filePosition += bytesRead;
    if (bytesRead > 0) {
      this.#stream.push(this.#input.subarray(0, bytesRead));
      return;
    }
    this.#isOver = true;
    if (!this.#stream.isAtFrameEnd) this.#damage = 'the file is cut';
  }

  async #rewind(): Promise<void> {
    const stream = await ZstdStream.open();
    this.#stream.close();
    this.#stream = stream;
    this.#filePosition = 0;
    this.#position = 0;
    this.#outputStart = 0;
    this.#outputEnd = 0;
    this.#isOver = false;
    this.#damage = null;
  }
}
