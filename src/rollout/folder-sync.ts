// Makes names in folders survive a power loss: fsync of folders, shared by all who wait for one. Any thread.
import { open } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

interface Running {
  current: Promise<void>;
  /** Starts when `current` is over; covers all who came after `current` had started. */
  next: Promise<void> | null;
}

/** Remembers which folders are known to be durable themselves, so that a new file costs one fsync and no more. */
export class FolderSync {
  readonly #durable = new Set<string>();
  readonly #running = new Map<string, Running>();

  /**
   * Resolves once every name that `folder` held at the call, and the folder itself with all its parents, would survive a
   * power loss. Which process made the parents, and when, is not known: each is synced once. Rejects with an I/O error.
   */
  async sync(folder: string): Promise<void> {
    await Promise.all([this.#fsyncShared(folder), this.#settle(folder)]);
  }

  /** To be called with the topmost folder that was just made: it and what lies below are new, whatever was known. */
  forget(made: string): void {
    for (const folder of this.#durable) {
      if (folder === made || folder.startsWith(join(made, sep))) this.#durable.delete(folder);
    }
  }

  async #settle(folder: string): Promise<void> {
    const parent = dirname(folder);
    if (parent === folder || this.#durable.has(folder)) return;
    await Promise.all([this.#fsyncShared(parent), this.#settle(parent)]);
    this.#durable.add(folder);
  }

  #fsyncShared(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    running.next ??= running.current.catch(() => undefined).then(() => this.#start(folder));
    return running.next;
  }

  #start(folder: string): Promise<void> {
    const entry: Running = { current: fsyncFolder(folder), next: null };
    this.#running.set(folder, entry);
    const settle = (): void => {
      if (this.#running.get(folder) === entry && entry.next === null) this.#running.delete(folder);
    };
    entry.current.then(settle, settle);
    return entry.current;
  }
}

async function fsyncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // A parent that may not be read was not made by us; some file systems have no fsync for folders.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  }
}
