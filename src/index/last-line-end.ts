// Where the last whole line of a part of a file ends, found from its end. Index thread.
import { open } from 'node:fs/promises';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 64 * 1024;

/** The byte behind the last newline between `from` and `to`; null when there is none. Throws what reading throws. */
export async function findLastLineEnd(path: string, from: number, to: number): Promise<number | null> {
  const handle = await open(path, 'r');
  try {
    const chunk = Buffer.allocUnsafeSlow(Math.max(1, Math.min(CHUNK_BYTES, to - from)));
    for (let end = to; end > from;) {
      const start = Math.max(from, end - chunk.length);
      const { bytesRead } = await handle.read(chunk, 0, end - start, start);
      const newline = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE);
      if (newline !== -1) return start + newline + 1;
      end = start;
    }
    return null;
  } finally {
    await handle.close();
  }
}
