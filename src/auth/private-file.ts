// Files that only their owner may read: checked when opened, never through a link. Any thread.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { DaemonError } from '../errors.js';

/** Our private files are a line or a small JSON object; anything larger is not one of them. */
const MAX_BYTES = 64 * 1024;

/** True when `error` is a system error with this code. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

function checkOwner(path: string, stats: Stats): void {
  const uid = process.geteuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    throw new DaemonError(
      'config_invalid',
      `${path} belongs to user id ${stats.uid}, not to you (${uid}). Move it away, or take it over with: chown ${uid} '${path}'`,
    );
  }
}

/**
 * Makes the folder (0700, parents too) or takes an existing one that is ours, closing it to others.
 * Throws config_invalid when it is a link, no folder, or owned by someone else.
 */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    // A file or a dangling link in its place is told apart below.
    if (!isSystemError(error, 'EEXIST') && !lstatSync(path, { throwIfNoEntry: false })) {
      throw new DaemonError('config_invalid', `${path} cannot be made: ${(error as Error).message}`, { cause: error });
    }
  }
  const stats = lstatSync(path);
  if (!stats.isDirectory()) {
    throw new DaemonError(
      'config_invalid',
      `${path} must be a folder, not a link or a file. Move it away: it is made anew`,
    );
  }
  checkOwner(path, stats);
  if ((stats.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/**
 * The text of a private file, or null when there is none. Throws config_invalid, saying how to mend it, when it is a
 * link, no plain file, readable or writable by others, too large, or owned by someone else.
 */
export function readPrivateFile(path: string): string | null {
  let descriptor: number;
  try {
    // O_NONBLOCK: opening a named pipe must not hang; the check below refuses it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    if (isSystemError(error, 'ELOOP', 'EMLINK')) {
      throw new DaemonError(
        'config_invalid',
        `${path} is a symbolic link, which is not followed. Put a plain file there, or delete it: rm '${path}'`,
      );
    }
    throw new DaemonError('config_invalid', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      throw new DaemonError('config_invalid', `${path} is not a plain file. Move it away: it is made anew`);
    }
    checkOwner(path, stats);
    if ((stats.mode & 0o077) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      throw new DaemonError(
        'config_invalid',
        `${path} is open to others (mode ${mode}). If nobody else has read it: chmod 600 '${path}'; otherwise delete it`,
      );
    }
    if (stats.size > MAX_BYTES) throw new DaemonError('config_invalid', `${path} is too large (${stats.size} bytes)`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** Puts a file (0600) there, whole or not at all, in place of whatever was there; a link is not followed. Its folder must be private. */
export function replacePrivateFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
