// Whether processes run, and waiting for their end: as the kernel tells. Used by tests only.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** One that is dead and not yet fetched by its parent does nothing any more. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Those that still run when all have ended, or the time is over. */
export async function waitForEnds(pids: readonly number[], limitMs = 2_000): Promise<number[]> {
  const deadline = performance.now() + limitMs;
  while (pids.some(isRunning) && performance.now() < deadline) await delay(10);
  return pids.filter(isRunning);
}
