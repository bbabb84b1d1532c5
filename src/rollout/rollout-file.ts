// One rollout as its writer sees it: opened at the first append, appended at expected offsets, synced. Writer thread.
import { close, constants, fdatasync, fstatSync, lstatSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { DaemonError } from '../errors.js';
import { compressedPathOf } from './file-name.js';
import type { FolderSync } from './folder-sync.js';
import { makeFolder } from './make-folder.js';

const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW;
const CREATE_FLAGS = OPEN_FLAGS | constants.O_CREAT | constants.O_EXCL;
const COMPARE_CHUNK_BYTES = 1 << 20;

const fdatasyncAsync = promisify(fdatasync);
const closeAsync = promisify(close);

interface OpenRollout {
  fd: number;
  /** The folder's entry, and the folder itself, are known to survive a power loss. */
  entrySynced: boolean;
  /** The sync in flight, if any; the descriptor must not be closed before. Never rejects. */
  syncing: Promise<void> | null;
}

/**
 * After any throw the file is closed, `written` tells how far it came, and the next append opens it afresh and finds
 * out what is there. Existing bytes are never changed, nothing is ever truncated.
 */
export class RolloutFile {
  readonly path: string;
  readonly #folders: FolderSync;
  #written = 0;
  #open: OpenRollout | null = null;

  constructor(path: string, folders: FolderSync) {
    this.path = path;
    this.#folders = folders;
  }

  /** Every byte before this offset was taken by write(2) or found in the file; never goes back; 0 before the first append. */
  get written(): number {
    return this.#written;
  }

  /**
   * Makes the file hold `bytes` at `offset`, and makes the file itself (0600, folders 0700) when the offset is 0. What a
   * former writer got into the file is compared and only the missing suffix is written. Throws rollout_conflict when
   * the file is shorter than `offset`, holds something else there, was removed or is compressed; otherwise
   * rollout_write_failed.
   */
  append(offset: number, bytes: Buffer): void {
    try {
      const { fd } = (this.#open ??= this.#openFile(offset));
      // An fstat before each write costs a microsecond and finds what others did to the file.
      const { size, nlink } = fstatSync(fd);
      if (nlink === 0) throw this.#conflict('was removed while it was being written');
      if (size < offset) throw this.#conflict(`has ${size} bytes where at least ${offset} were expected`);
      let done = size > offset ? this.#compare(fd, offset, bytes, size) : 0;
      this.#advance(offset + done);
      while (done < bytes.length) {
        done += writeSync(fd, bytes, done, bytes.length - done);
        this.#advance(offset + done);
      }
    } catch (error) {
      void this.close();
      throw error instanceof DaemonError ? error : describeWriteError(error, this.path);
    }
  }

  /**
   * Resolves with an offset before which every byte survives a power loss, the file's name included. At most one may be
   * in flight; rejects with rollout_write_failed.
   */
  async sync(): Promise<number> {
    const file = this.#open;
    if (file === null) return 0;
    const covered = this.#written;
    const synced = Promise.all([
      fdatasyncAsync(file.fd),
      file.entrySynced ? undefined : this.#folders.sync(dirname(this.path)),
    ]);
    file.syncing = synced.then(noop, noop);
    try {
      await synced;
    } catch (error) {
      if (this.#open === file) void this.close();
      throw describeWriteError(error, this.path);
    } finally {
      file.syncing = null;
    }
    file.entrySynced = true;
    return covered;
  }

  /** Resolves when the descriptor is closed, after a sync that is in flight. Never rejects. */
  async close(): Promise<void> {
    const file = this.#open;
    if (file === null) return;
    this.#open = null;
    await file.syncing;
    // What close(2) could still report was reported by the sync, or nobody asked for one.
    await closeAsync(file.fd).catch(noop);
  }

  #advance(end: number): void {
    this.#written = Math.max(this.#written, end);
  }

  #openFile(offset: number): OpenRollout {
    const fd = this.#openOrCreate(offset);
    const file: OpenRollout = { fd, entrySynced: false, syncing: null };
    this.#open = file;
    if (!fstatSync(fd).isFile()) throw new DaemonError('rollout_write_failed', `not a regular file: ${this.path}`);
    return file;
  }

  #openOrCreate(offset: number): number {
    try {
      return openSync(this.path, OPEN_FLAGS);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (offset > 0) throw this.#conflict(`is gone, ${offset} bytes were expected`);
    }
    const compressed = lstatSync(compressedPathOf(this.path), { throwIfNoEntry: false });
    // A plain file would hide it from then on.
    if (compressed !== undefined)
      throw this.#conflict('is compressed, it must be restored before anything is appended');
    const made = makeFolder(dirname(this.path));
    if (made !== null) this.#folders.forget(made);
    return openSync(this.path, CREATE_FLAGS, 0o600);
  }

  /** How many of `bytes` the file already holds from `offset` on. Throws rollout_conflict when it holds others there. */
  #compare(fd: number, offset: number, bytes: Buffer, size: number): number {
    const present = Math.min(size - offset, bytes.length);
    const chunk = Buffer.allocUnsafe(Math.min(present, COMPARE_CHUNK_BYTES));
    let compared = 0;
    while (compared < present) {
      const read = readSync(fd, chunk, 0, Math.min(chunk.length, present - compared), offset + compared);
      if (read === 0 || chunk.compare(bytes, compared, compared + read, 0, read) !== 0) {
        throw this.#conflict(`holds other bytes than expected after offset ${offset + compared}`);
      }
      compared += read;
    }
    return present;
  }

  #conflict(what: string): DaemonError {
    return new DaemonError('rollout_conflict', `rollout ${this.path} ${what}`, { data: { path: this.path } });
  }
}

/** The typed error for whatever a file operation threw. */
function describeWriteError(error: unknown, path: string): DaemonError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new DaemonError('rollout_write_failed', `cannot write ${path}: ${message}`, {
    data: { errno: code ?? null, path },
    cause: error,
  });
}

function noop(): void {}
