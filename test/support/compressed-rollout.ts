// Compressed rollouts for tests, as a native zstd makes them. Main thread.
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { Encoder } from '@toondepauw/node-zstd';
import { compressedPathOf } from '../../src/rollout/file-name.js';

const encoder = new Encoder(3);

/** One frame. */
export function compress(content: Buffer | string): Buffer {
  return encoder.encodeSync(Buffer.from(content));
}

/** One frame for each part, one after the other. */
export function compressParts(parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map(compress));
}

/** Puts a compressed file in the place of a plain one, changed when that one was; returns the path of the new file. */
export function compressFile(path: string): string {
  const { atimeMs, mtimeMs } = statSync(path);
  const compressed = compressedPathOf(path);
  writeFileSync(compressed, compress(readFileSync(path)), { mode: 0o600 });
  utimesSync(compressed, atimeMs / 1000, mtimeMs / 1000);
  rmSync(path);
  return compressed;
}
