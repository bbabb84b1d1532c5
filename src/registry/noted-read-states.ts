// The file of read states as it is now, in memory: of what others appended only that is read. Main thread.
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { readStateSchema } from '../protocol/thread.js';
import type { ReadState } from '../protocol/thread.js';

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;

export class NotedReadStates {
  readonly #path: string;
  readonly #states = new Map<string, ReadState>();
  #version: BigIntStats | null = null;
  /** Bytes that were read: all but a last line without its end. */
  #offset = 0;
  #lineCount = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Lines of the file, whatever they hold. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** Conversations that it knows of. */
  get size(): number {
    return this.#states.size;
  }

  /** As it was at the last refresh(). */
  get(id: string): ReadState | undefined {
    return this.#states.get(id);
  }

  /** Reads what has changed; a missing file holds nothing. Throws what reading throws. */
  refresh(): void {
    const now = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (now === undefined) return this.#clear();
    const { mtimeNs, size } = now;
    if (this.#isSameFile(now) && this.#version!.size === size && this.#version!.mtimeNs === mtimeNs) return;
    const fd = openSync(this.#path, READ_FLAGS);
    try {
      this.#read(fd, fstatSync(fd, { bigint: true }));
    } finally {
      closeSync(fd);
    }
  }

  #read(fd: number, file: BigIntStats): void {
    const hasGrown = this.#isSameFile(file) && file.size > this.#version!.size;
    if (!hasGrown) this.#clear();
    const bytes = Buffer.alloc(Number(file.size) - this.#offset);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(fd, bytes, length, bytes.length - length, this.#offset + length);
    }
    const end = bytes.subarray(0, length).lastIndexOf(0x0a) + 1;
    if (end > 0) for (const line of bytes.toString('utf8', 0, end - 1).split('\n')) this.#take(line);
    this.#offset += end;
    this.#version = file;
  }

  /** Not the one that a compaction put in its place. */
  #isSameFile({ ino, birthtimeNs }: BigIntStats): boolean {
    return this.#version?.ino === ino && this.#version.birthtimeNs === birthtimeNs;
  }

  #take(line: string): void {
    this.#lineCount += 1;
    const note = parseNote(line);
    if (note !== null) this.#states.set(note.id, note.readState);
  }

  #clear(): void {
    this.#states.clear();
    this.#version = null;
    this.#offset = 0;
    this.#lineCount = 0;
  }
}

/** null for a damaged line. */
function parseNote(line: string): { id: string; readState: ReadState } | null {
  try {
    const record = JSON.parse(line) as { id?: unknown };
    const { success, data } = readStateSchema.safeParse(record);
    return success && typeof record.id === 'string' ? { id: record.id, readState: data } : null;
  } catch {
    // No JSON.
    return null;
  }
}
