// Finds processes by what stands in their command line, without the code under test. Main thread.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Numbers of the processes that run with an argument like this, but for ourselves. */
export function findByArgument(part: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => read(`/proc/${name}/cmdline`).includes(part))
    .map(Number);
}

/** Resolves as soon as so many processes have it; rejects with the count when that takes too long. */
export async function waitForCount(part: string, count: number, patienceMs = 5_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = findByArgument(part).length;
    if (found === count) return;
    if (Date.now() > deadline) throw new Error(`${found} processes with ${part} instead of ${count}`);
    await delay(5);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
