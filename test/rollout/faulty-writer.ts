// Entry of a rollout writer that fails by plan. `?plan=FILE` names a JSON list of lives: each thread takes the next one
// and lives it; a thread that finds none is sound. Writer thread.
import fs from 'node:fs';
import type { NoParamCallback } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { BroadcastChannel } from 'node:worker_threads';
import type { FaultyLife } from './faulty-writer-url.js';

const planPath = new URL(import.meta.url).searchParams.get('plan')!;
const [life = {}, ...others] = JSON.parse(fs.readFileSync(planPath, 'utf8')) as FaultyLife[];
fs.writeFileSync(planPath, JSON.stringify(others));

const { writeSync, fdatasync } = fs;
let writes = 0;

function writeOrDie(fd: number, buffer: NodeJS.ArrayBufferView, offset: number, length: number): number {
  writes += 1;
  // Nothing that it holds is free until somebody ends the thread.
  while (life.loops);
  if (life.dieAtWrite?.write !== writes) return writeSync(fd, buffer, offset, length);
  writeSync(fd, buffer, offset, Math.min(length, life.dieAtWrite.bytes));
  process.exit(1);
}

function failSync(_fd: number, callback: NoParamCallback): void {
  setImmediate(() => callback(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })));
}

const channel = new BroadcastChannel(planPath);
channel.unref();

function holdSync(fd: number, callback: NoParamCallback): void {
  channel.onmessage = () => fdatasync(fd, callback);
  channel.postMessage('sync');
}

fs.writeSync = writeOrDie as typeof fs.writeSync;
if (life.failSyncs) fs.fdatasync = failSync as typeof fs.fdatasync;
if (life.holdSyncs) fs.fdatasync = holdSync as typeof fs.fdatasync;
syncBuiltinESMExports();

await import('../../workers/rollout-writer.js');
