// What is on disk for a rollout's path: the file itself, or a compressed one in its place; also when it was archived or
// taken back since the path was found. Any thread.
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from './byte-source.js';
import { PlainSource } from './byte-source.js';
import { CompressedSource } from './compressed-source.js';
import { compressedPathOf, movedPathOf } from './file-name.js';

export interface StoredStats {
  /** Where it lies now, without `.zst`. */
  path: string;
  /** Bytes on disk: of a compressed file not those of its content. */
  size: number;
  mtimeMs: number;
  compressed: boolean;
}

/**
 * null when there is no such file. Not by a promise: lists ask this of every file, and a call of its own for each would
 * cost ten times as much. Throws what asking the system throws.
 */
export function statStored(path: string): StoredStats | null {
  for (const { plainPath, compressed } of placesOf(path)) {
    const stats = statSync(compressed ? compressedPathOf(plainPath) : plainPath, { throwIfNoEntry: false });
    if (stats !== undefined) return { path: plainPath, size: stats.size, mtimeMs: stats.mtimeMs, compressed };
  }
  return null;
}

/** The content of a rollout, plain or compressed; where there are both, the plain one counts. Throws what opening throws. */
export async function openStored(path: string): Promise<ByteSource> {
  for (const { plainPath, compressed } of placesOf(path)) {
    const handle = await openIfThere(compressed ? compressedPathOf(plainPath) : plainPath);
    if (handle !== null) return openSource(handle, compressed ? CompressedSource : PlainSource);
  }
  return openSource(await open(path, 'r'), PlainSource);
}

/**
 * In the order in which they count. At the end the first ones come again: between two questions the file may have been
 * restored from its compressed form, or have moved to a place that was asked for already.
 */
function* placesOf(path: string): Generator<{ plainPath: string; compressed: boolean }> {
  yield* formsOf(path);
  // Only now: nearly all files are where they were.
  const moved = movedPathOf(path);
  if (moved !== null) yield* formsOf(moved);
  yield* formsOf(path);
}

function* formsOf(plainPath: string): Generator<{ plainPath: string; compressed: boolean }> {
  yield { plainPath, compressed: false };
  yield { plainPath, compressed: true };
}

async function openSource(
  handle: FileHandle,
  form: { open(handle: FileHandle): Promise<ByteSource> },
): Promise<ByteSource> {
  try {
    return await form.open(handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
