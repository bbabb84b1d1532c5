// The side journal as its writer sees it: replaced, appended, dropped; never synced. Writer thread.
import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.js';

const APPEND_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Every method but close() may throw an I/O error; the descriptor is then closed and the journal may end in a torn line. */
export class JournalFile {
  readonly path: string;
  #fd: number | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Adds lines to what is there. */
  append(text: string): void {
    this.#fd ??= this.#open(this.path);
    this.#write(this.#fd, text);
  }

  /** Puts `text` in place of what is there; a process that is killed meanwhile leaves the one or the other. */
  replace(text: string): void {
    this.close();
    const fresh = `${this.path}.new`;
    const fd = this.#open(fresh, constants.O_TRUNC);
    this.#fd = fd;
    this.#write(fd, text);
    try {
      renameSync(fresh, this.path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Removes the journal, if there is one. */
  drop(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  /** Keeps the journal. */
  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(path: string, flag = 0): number {
    try {
      return openSync(path, APPEND_FLAGS | flag, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      makeFolder(dirname(path));
      return openSync(path, APPEND_FLAGS | flag, 0o600);
    }
  }

  #write(fd: number, text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
