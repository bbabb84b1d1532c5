// HOME/rolloutd/supervisor.lock: whoever has it locked may start a daemon in the background. Clients.
import { closeSync, constants, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder } from '../auth/private-file.js';

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
/** Where a supervised daemon finds the lock, as its supervisor did. */
const INHERITED_FD = 3;

function pathOf(home: string): string {
  return join(home, 'rolloutd', 'supervisor.lock');
}

/**
 * The locked descriptor, or null when somebody else has it. It is handed on to the supervisor, which keeps it for life.
 * The file stays: only the lock counts. Throws config_invalid when the folder is not private.
 */
export async function lockHome(home: string): Promise<number | null> {
  ensurePrivateFolder(join(home, 'rolloutd'));
  const { tryFlock } = await import('../registry/flock.js');
  const fd = openSync(pathOf(home), FLAGS, 0o600);
  if (tryFlock(fd, 'exclusive')) return fd;
  closeSync(fd);
  return null;
}

/** Whether somebody has it at this moment; makes nothing in a home that has none. */
export async function isHomeLocked(home: string): Promise<boolean> {
  if (!existsSync(pathOf(home))) return false;
  const lock = await lockHome(home);
  if (lock !== null) closeSync(lock);
  return lock === null;
}

/** For a daemon that can be found by now: from here on its supervisor alone keeps the lock. Never throws. */
export function letGoOfInheritedLock(home: string): void {
  try {
    const [held, named] = [fstatSync(INHERITED_FD), statSync(pathOf(home))];
    if (held.ino === named.ino && held.dev === named.dev) closeSync(INHERITED_FD);
  } catch {
    // Started by hand, without a lock.
  }
}
