// Exclusive ownership of conversations across processes, by the lock files that Codex uses. Main thread, which must be
// the one to open the descriptors: a worker's are closed when it ends, and the lock with them.
//
// The protocol, as its other user was seen to follow it: `thread-writer-locks/.coordination.lock` is held shared while
// `ID.lock` is opened and flocked exclusively, and exclusively while a released `ID.lock` is closed and unlinked. All of
// them are only tried, never waited for, and the coordination lock is tried again for a while.
import { closeSync, constants, fstatSync, futimesSync, mkdirSync, openSync, statSync, unlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonError } from '../errors.js';
import type { FlockMode } from './flock.js';
import type * as FlockModule from './flock.js';
import { findLockHolder } from './lock-holder.js';

const COORDINATION_RETRY_MS = 5;
const LOCK_FILE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
const LOOK_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;

type Flock = typeof FlockModule;

/** One lock: a descriptor number alone may come again. */
interface HeldLock {
  readonly id: string;
  readonly fd: number;
}

/** Who has a conversation; null for what cannot be told. */
export interface ConversationOwner {
  pid: number | null;
  command: string | null;
  /** Which lock file it is, and when it was made or last taken, in Unix milliseconds. */
  lock: { ino: number; mtimeMs: number };
}

export interface WriterLease {
  /** The conversation that is owned. */
  readonly id: string;
  /** Gives the ownership up; further calls do nothing. Never rejects. */
  release(): Promise<void>;
}

/** All locks that this process holds in one home. */
export class WriterLocks {
  readonly #folder: string;
  readonly #patienceMs: number;
  readonly #held = new Map<string, HeldLock>();

  /** `patienceMs` is how long another process may keep the coordination lock. */
  constructor(home: string, patienceMs = 2000) {
    this.#folder = join(home, 'thread-writer-locks');
    this.#patienceMs = patienceMs;
  }

  /**
   * Throws already_has_writer, naming the holder, when somebody owns the conversation already, this process included;
   * lock_unavailable when the lock files cannot be used or another process keeps them busy for too long.
   */
  async acquire(id: string): Promise<WriterLease> {
    if (!/^[\w-]+$/.test(id)) throw new DaemonError('invalid_thread_id', `invalid thread id: ${id}`);
    // 30 ms and 10 MB that a process without conversations does not need.
    const flock = await import('./flock.js');
    const path = join(this.#folder, `${id}.lock`);
    const { fd, refusedBy } = await this.#coordinate(flock, 'shared', () => lockFile(flock, path));
    if (fd === null) throw await describeRefusal(id, refusedBy);
    const held: HeldLock = { id, fd };
    this.#held.set(id, held);
    return { id, release: () => this.#release(flock, held) };
  }

  /**
   * Who else owns the conversation at this moment; null when nobody does. Takes nothing: whoever takes the lock meanwhile gets
   * it. `known` is a former answer, and comes back when nothing has changed. Throws lock_unavailable.
   */
  async ownerOf(id: string, known: ConversationOwner | null = null): Promise<ConversationOwner | null> {
    if (this.#held.has(id)) return known;
    const path = join(this.#folder, `${id}.lock`);
    if (statIfExists(path) === null) return null;
    const flock = await import('./flock.js');
    // Nobody tries to take it while it is tried here, so that nobody is refused for that.
    const file = await this.#coordinate(flock, 'exclusive', () => lookAtLock(flock, path));
    if (file === null) return null;
    const { ino, mtimeMs } = file;
    const isSame = known?.lock.ino === ino && known.lock.mtimeMs === mtimeMs;
    if (isSame && (known.pid === null || isAlive(known.pid))) return known;
    const holder = await findLockHolder(file);
    return { pid: holder?.pid ?? null, command: holder?.command ?? null, lock: { ino, mtimeMs } };
  }

  /** Conversations that this process owns, sorted. */
  heldIds(): string[] {
    return [...this.#held.keys()].sort();
  }

  /** Gives everything up. Never rejects. */
  async releaseAll(): Promise<void> {
    const flock = await import('./flock.js');
    for (const held of this.#held.values()) await this.#release(flock, held);
  }

  async #release(flock: Flock, held: HeldLock): Promise<void> {
    const { id, fd } = held;
    if (this.#held.get(id) !== held) return;
    this.#held.delete(id);
    try {
      await this.#coordinate(flock, 'exclusive', () => {
        const path = join(this.#folder, `${id}.lock`);
        const isOurs = isSameFile(fstatSync(fd), statIfExists(path));
        flock.releaseFlock(fd);
        if (isOurs) unlinkSync(path);
      });
    } catch {
      // Without coordination the file must stay: somebody may be about to lock it. Unlocked and empty it harms nobody.
      flock.releaseFlock(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Runs `action`, which must not wait for anything, under the coordination lock. */
  async #coordinate<T>(flock: Flock, mode: FlockMode, action: () => T): Promise<T> {
    const path = join(this.#folder, '.coordination.lock');
    const deadline = performance.now() + this.#patienceMs;
    try {
      for (;;) {
        const fd = this.#openCoordination(path);
        try {
          if (flock.tryFlock(fd, mode) && isSameFile(fstatSync(fd), statIfExists(path))) return action();
        } finally {
          closeSync(fd);
        }
        if (performance.now() > deadline) throw new Error(`another process keeps ${path} locked`);
        await delay(COORDINATION_RETRY_MS);
      }
    } catch (error) {
      const { message } = error as Error;
      throw new DaemonError('lock_unavailable', `cannot use the locks in ${this.#folder}: ${message}`, {
        cause: error,
      });
    }
  }

  #openCoordination(path: string): number {
    try {
      return openSync(path, LOCK_FILE_FLAGS, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      return openSync(path, LOCK_FILE_FLAGS, 0o600);
    }
  }
}

/** The locked descriptor, or null and the file that somebody else has locked. */
function lockFile(flock: Flock, path: string): { fd: number; refusedBy: null } | { fd: null; refusedBy: Stats } {
  for (;;) {
    const fd = openSync(path, LOCK_FILE_FLAGS, 0o600);
    let keep = false;
    try {
      const stats = fstatSync(fd);
      if (!flock.tryFlock(fd, 'exclusive')) return { fd: null, refusedBy: stats };
      keep = isSameFile(stats, statIfExists(path));
      if (keep) {
        // One that a dead owner left is as good as new.
        futimesSync(fd, new Date(), new Date());
        return { fd, refusedBy: null };
      }
      // The file was unlinked between open and flock: what we locked has no name, somebody else may lock the name.
    } finally {
      if (!keep) closeSync(fd);
    }
  }
}

/** The lock file, if somebody has locked it; else null. */
function lookAtLock(flock: Flock, path: string): Stats | null {
  let fd;
  try {
    fd = openSync(path, LOOK_FLAGS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return flock.tryFlock(fd, 'shared') ? null : fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

async function describeRefusal(id: string, file: Stats): Promise<DaemonError> {
  const holder = await findLockHolder(file);
  return alreadyHasWriter(id, { pid: holder?.pid ?? null, command: holder?.command ?? null });
}

/** The refusal of what another process has. */
export function alreadyHasWriter(
  id: string,
  { pid, command }: Pick<ConversationOwner, 'pid' | 'command'>,
  more: Record<string, unknown> = {},
): DaemonError {
  const who = pid === null ? '' : ` (${command ?? 'a process'}, pid ${pid})`;
  return new DaemonError('already_has_writer', `thread ${id} already has an active writer${who}`, {
    data: { holderPid: pid, holderCommand: command, ...more },
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function statIfExists(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function isSameFile(one: Stats, other: Stats | null): boolean {
  return other !== null && one.ino === other.ino && one.dev === other.dev;
}
