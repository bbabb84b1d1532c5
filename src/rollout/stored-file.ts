// What is on disk for a rollout's path: the file itself, or a compressed one in its place. Any thread.
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from './byte-source.js';
import { PlainSource } from './byte-source.js';
import { CompressedSource } from './compressed-source.js';
import { compressedPathOf } from './file-name.js';

export interface StoredStats {
  /** Bytes on disk: of a compressed file not those of its content. */
  size: number;
  mtimeMs: number;
  compressed: boolean;
}

/**
 * null when there is neither file. Not by a promise: lists ask this of every file, and a call of its own for each would
 * cost ten times as much. Throws what asking the system throws.
 */
export function statStored(path: string): StoredStats | null {
  const plain = statSync(path, { throwIfNoEntry: false });
  if (plain !== undefined) return { size: plain.size, mtimeMs: plain.mtimeMs, compressed: false };
  const compressed = statSync(compressedPathOf(path), { throwIfNoEntry: false });
  if (compressed !== undefined) return { size: compressed.size, mtimeMs: compressed.mtimeMs, compressed: true };
  // It may have been restored between the two questions.
  const restored = statSync(path, { throwIfNoEntry: false });
  return restored === undefined ? null : { size: restored.size, mtimeMs: restored.mtimeMs, compressed: false };
}

/** The content of a rollout, plain or compressed; where there are both, the plain one counts. Throws what opening throws. */
export async function openStored(path: string): Promise<ByteSource> {
  const plain = await openIfThere(path);
  if (plain !== null) return openSource(plain, PlainSource);
  const compressed = await openIfThere(compressedPathOf(path));
  if (compressed !== null) return openSource(compressed, CompressedSource);
  // It may have been restored between the two attempts.
  return openSource(await open(path, 'r'), PlainSource);
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
