// Which files a client may name as a rollout: those of the home, and no way around it. Any thread.
import type { Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, sep } from 'node:path';
import { DaemonError } from '../errors.js';
import {
  ARCHIVED_SESSIONS_FOLDER,
  compressedPathOf,
  movedPathOf,
  parseRolloutName,
  plainPathOf,
  SESSIONS_FOLDER,
} from './file-name.js';
import { rolloutNotFound, toReadError } from './read-rollout.js';

/**
 * Path of a rollout under the home, without symbolic links below it, and without `.zst` where the file is compressed: a
 * client may name it either way. One that was archived, or taken back, is found by its former path. The file must really
 * lie in one of the home's two folders, be a regular file of this user and be named like a rollout. Throws DaemonError
 * rollout_path_not_allowed, or rollout_not_found when there is no such file.
 */
export async function resolveRolloutPath(home: string, path: string): Promise<string> {
  if (!isAbsolute(path) || path.includes('\0')) throw notAllowed(path);
  const plain = plainPathOf(path);
  const moved = movedPathOf(plain);
  // The last answer is for one that came to its first place when that was asked already.
  for (const place of moved === null ? [plain, plain] : [plain, moved, plain]) {
    const real = await realPathOf(place);
    const resolved = real === null ? null : await resolveReal(home, path, real);
    if (resolved !== null) return resolved;
  }
  throw rolloutNotFound(path);
}

/** null when the file has just gone. */
async function resolveReal(home: string, path: string, real: string): Promise<string | null> {
  for (const folder of [SESSIONS_FOLDER, ARCHIVED_SESSIONS_FOLDER]) {
    const root = join(home, folder);
    const inside = relative(await realpath(root).catch(() => root), real);
    if (inside === '' || inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) continue;
    const stats = await statUnlinked(real);
    if (stats === null) return null;
    const isOwn = process.getuid === undefined || stats.uid === process.getuid();
    if (!stats.isFile() || !isOwn || parseRolloutName(basename(real)) === null) break;
    return join(root, inside);
  }
  throw notAllowed(path);
}

/** Of the file, plain or compressed, as the path of a plain one; null when there is neither. */
async function realPathOf(path: string): Promise<string | null> {
  for (const form of [path, compressedPathOf(path)]) {
    try {
      return plainPathOf(await realpath(form));
    } catch (error) {
      if (!isMissing(error)) throw toReadError(path, error);
    }
  }
  return null;
}

/** Of the file that a reader of this path would open; null when there is none. Symbolic links are not followed. */
async function statUnlinked(path: string): Promise<Stats | null> {
  for (const form of [path, compressedPathOf(path)]) {
    try {
      return await lstat(form);
    } catch (error) {
      if (!isMissing(error)) throw toReadError(path, error);
    }
  }
  return null;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function notAllowed(path: string): DaemonError {
  return new DaemonError('rollout_path_not_allowed', `not a rollout of this home: \`${path}\``);
}
