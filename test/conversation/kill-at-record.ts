// Preload of a daemon that dies when a certain text has been recorded: written, and nobody told. Every thread of it.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { writeSync } = fs;
const text = process.env['ROLLOUTD_TEST_KILL_AT'];

function writeThenDie(...args: Parameters<typeof writeSync>): number {
  const written = writeSync(...args);
  const [, data, offset = 0] = args as [number, NodeJS.ArrayBufferView | string, number?];
  if (typeof data === 'string') return written;
  const bytes = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset + offset, written);
  if (bytes.includes(text!)) process.kill(process.pid, 'SIGKILL');
  return written;
}

if (text !== undefined) {
  fs.writeSync = writeThenDie as typeof fs.writeSync;
  syncBuiltinESMExports();
}
