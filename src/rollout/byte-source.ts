// The bytes of a file by their places, whatever form the file is stored in. Any thread.
import type { FileHandle } from 'node:fs/promises';

/** Whoever opened it closes it. One read at a time. */
export interface ByteSource {
  /** Bytes there are; Infinity where only reading to the end can tell. */
  readonly size: number;
  /** Why there are no bytes where a read has found none though there should be; null while all is well. */
  readonly damage: string | null;
  /**
   * Puts up to `length` bytes from `position` on at the start of `target` and returns how many; 0 at the end and where
   * the damage begins, never before. Throws what reading a file throws.
   */
  read(target: Buffer, length: number, position: number): Promise<number>;
  close(): Promise<void>;
}

/** A file whose bytes are the content. */
export class PlainSource implements ByteSource {
  readonly size: number;
  readonly damage = null;
  readonly #handle: FileHandle;

  /** Takes over the handle, but not when it throws. */
  static async open(handle: FileHandle): Promise<PlainSource> {
    return new PlainSource(handle, (await handle.stat()).size);
  }

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    return (await this.#handle.read(target, 0, length, position)).bytesRead;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
