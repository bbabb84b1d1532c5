// Makes a compressed rollout a plain one again, which can be appended to. Any thread but the main one.
//
// 1. At every moment the whole content is on disk, durable, in a file that readers find: a crash loses nothing.
// 2. The plain file appears whole and synced, or not at all. One that is there already is never changed.
// 3. The compressed file goes last, and only when the plain one begins with all of its content.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DaemonError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { CompressedSource } from './compressed-source.js';
import { compressedPathOf } from './file-name.js';
import { FolderSync } from './folder-sync.js';
import { rolloutNotFound, toReadError } from './read-rollout.js';

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Resolves once the rollout is a plain file (0600) that survives a power loss, changed when the compressed one was; does
 * nothing to one that is plain. Whoever calls holds the conversation's lock. What a former call left behind is finished
 * or cleaned up; where a plain file lies beside a compressed one that holds something else, both stay and the plain one
 * counts. Throws rollout_not_found, rollout_unreadable when the content is damaged, rollout_write_failed: the compressed
 * file is then as it was.
 */
export async function restoreRollout(path: string): Promise<void> {
  const source = await openCompressed(path);
  if (source === null) {
    if (await exists(path)) return;
    throw rolloutNotFound(path);
  }
  try {
    await removeLeftovers(path);
    const isMade = !(await exists(path)) && (await makePlain(path, source));
    if (!isMade && !(await tryRead(path, () => beginsWith(path, source.bytes)))) return;
    await tryWrite(path, async () => {
      await new FolderSync().sync(dirname(path));
      await unlink(compressedPathOf(path));
    });
  } finally {
    await source.bytes.close();
  }
}

interface CompressedRollout {
  bytes: ByteSource;
  atimeMs: number;
  mtimeMs: number;
}

async function openCompressed(path: string): Promise<CompressedRollout | null> {
  const compressed = compressedPathOf(path);
  let handle: FileHandle;
  try {
    handle = await open(compressed, READ_FLAGS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw toReadError(compressed, error);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw unreadable(path, 'not a regular file');
    return { bytes: await CompressedSource.open(handle), atimeMs: stats.atimeMs, mtimeMs: stats.mtimeMs };
  } catch (error) {
    await handle.close();
    throw toReadError(compressed, error);
  }
}

/** False when a plain file has come into being meanwhile. */
async function makePlain(path: string, source: CompressedRollout): Promise<boolean> {
  const temporary = `${leftoverPrefix(path)}${randomUUID()}.tmp`;
  try {
    const output = await tryWrite(path, () => open(temporary, CREATE_FLAGS, 0o600));
    try {
      await copyAll(path, source.bytes, output);
      await tryWrite(path, async () => {
        await output.utimes(toSeconds(source.atimeMs), toSeconds(source.mtimeMs));
        await output.sync();
      });
    } finally {
      await tryWrite(path, () => output.close());
    }
    return await tryWrite(path, async () => {
      const isPublished = await publish(temporary, path);
      // A second name of the file would outlive this call: nobody looks for it once the compressed one is gone.
      await rm(temporary, { force: true });
      return isPublished;
    });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function copyAll(path: string, source: ByteSource, output: FileHandle): Promise<void> {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let position = 0; ;) {
    const length = await tryRead(compressedPathOf(path), () => source.read(chunk, chunk.length, position));
    if (length === 0 && source.damage !== null) throw unreadable(path, source.damage);
    if (length === 0) return;
    await tryWrite(path, () => output.appendFile(chunk.subarray(0, length)));
    position += length;
  }
}

/** False when the name is taken. A link, unlike a rename, replaces nothing. */
async function publish(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Some file systems know no links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
  }
  if (await exists(path)) return false;
  await rename(temporary, path);
  return true;
}

/** Whether the file begins with all of the content; a damaged one is never all there. */
async function beginsWith(path: string, source: ByteSource): Promise<boolean> {
  const plain = await open(path, READ_FLAGS);
  const [expected, found] = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  try {
    for (let position = 0; ;) {
      const length = await source.read(expected, CHUNK_BYTES, position);
      if (length === 0) return source.damage === null;
      for (let compared = 0; compared < length;) {
        const { bytesRead } = await plain.read(found, 0, length - compared, position + compared);
        if (bytesRead === 0 || found.compare(expected, compared, compared + bytesRead, 0, bytesRead) !== 0)
          return false;
        compared += bytesRead;
      }
      position += length;
    }
  } finally {
    await plain.close();
  }
}

/** Temporary files of calls that died: nobody else writes one while the conversation's lock is held. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = basename(leftoverPrefix(path));
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    if (name.startsWith(prefix)) await rm(join(dirname(path), name), { force: true }).catch(() => undefined);
  }
}

/** No such name is that of a rollout. */
function leftoverPrefix(path: string): string {
  return `${path}.restore-`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw toReadError(path, error);
  }
}

async function tryRead<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw toReadError(path, error);
  }
}

async function tryWrite<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DaemonError('rollout_write_failed', `cannot restore ${path}: ${message}`, {
      data: { errno: code ?? null, path },
      cause: error,
    });
  }
}

function unreadable(path: string, reason: string): DaemonError {
  const message = `failed to read rollout at ${compressedPathOf(path)}: ${reason}`;
  return new DaemonError('rollout_unreadable', message);
}

/** The system cuts what is finer than a microsecond; without the half of one, rounding could take off a whole one. */
function toSeconds(milliseconds: number): number {
  return milliseconds / 1000 + 5e-7;
}
