// A program that owns a conversation: `node lock-program.js MODE HOME ID`. MODE `hold` acquires, prints `held` and stays;
// `contend` acquires and gives up again and again, and proves each time that it is the only owner; `snatch` does so
// without waiting for those who are just acquiring when it removes its lock file. Main thread.
import { closeSync, existsSync, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DaemonError } from '../../src/errors.js';
import { tryFlock } from '../../src/registry/flock.js';
import { WriterLocks } from '../../src/registry/writer-lock.js';

const [, , mode, home, id] = process.argv as [string, string, string, string, string];
const locks = new WriterLocks(home);

if (mode === 'hold') {
  await locks.acquire(id);
  console.log('held');
  setInterval(() => undefined, 60_000);
} else if (mode === 'snatch') {
  await locks.acquire(`${id}-own`);
  console.log('snatching');
  for (;;) {
    snatch();
    await nextTurn();
  }
} else {
  const ownerships = await contend(150);
  console.log(`done ${ownerships}`);
}

async function contend(wanted: number): Promise<number> {
  const witness = join(home, `${id}.owner`);
  for (let owned = 0; owned < wanted;) {
    try {
      const lease = await locks.acquire(id);
      // Throws when there is another owner.
      closeSync(openSync(witness, 'wx'));
      if (!existsSync(join(home, 'thread-writer-locks', `${id}.lock`))) throw new Error('the lock has lost its name');
      await nextTurn();
      unlinkSync(witness);
      await lease.release();
      owned += 1;
    } catch (error) {
      if (!(error instanceof DaemonError) || error.code !== 'already_has_writer') throw error;
      await nextTurn();
    }
  }
  return wanted;
}

function snatch(): void {
  const coordination = openSync(join(home, 'thread-writer-locks', '.coordination.lock'), 'r');
  const path = join(home, 'thread-writer-locks', `${id}.lock`);
  if (tryFlock(coordination, 'shared')) {
    const fd = openSync(path, 'a');
    const locked = tryFlock(fd, 'exclusive') && fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino;
    if (locked) unlinkSync(path);
    closeSync(fd);
  }
  closeSync(coordination);
}
