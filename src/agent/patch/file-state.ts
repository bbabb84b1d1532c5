// What is at a path before or after a patch, and reading it. Session worker.
import { constants } from 'node:fs';
import { open, readlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** Nothing at all is `null`. */
export type FileState =
  | { type: 'file'; bytes: Buffer; /** Permission bits; null for those that a new file gets. */ mode: number | null }
  /** `target` as the link has it. */
  | { type: 'link'; target: string };

/** More is not read into memory. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * A plain file or a link that is not followed; null when there is nothing. Throws the system's error; `EISDIR` for a
 * folder, `EFBIG` for what is too large, `EINVAL` for anything else that has no content of its own.
 */
export async function readFileState(path: string): Promise<FileState | null> {
  let handle: FileHandle;
  try {
    // A pipe must not hold us up.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code !== 'ELOOP') throw error;
    return { type: 'link', target: await readlink(path) };
  }
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw refusal('EISDIR', path);
    if (!stats.isFile()) throw refusal('EINVAL', path);
    if (stats.size > MOST_BYTES) throw refusal('EFBIG', path);
    return { type: 'file', bytes: await handle.readFile(), mode: stats.mode & 0o7777 };
  } finally {
    await handle.close();
  }
}

export function isSameState(one: FileState | null, other: FileState | null): boolean {
  if (one === null || other === null) return one === other;
  if (one.type === 'link') return other.type === 'link' && one.target === other.target;
  return other.type === 'file' && one.mode === other.mode && one.bytes.equals(other.bytes);
}

function refusal(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
