// The event-loop delay of another process: what the preload writes, read back. Main thread of the test.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface LoopDelay {
  /** Of the whole time, or of one second. */
  isWhole: boolean;
  /** How often the timer was looked at. */
  count: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Environment with which a Node process writes its delays to `file`. */
export function loopDelayEnv(file: string): Record<string, string> {
  const preload = pathToFileURL(join(import.meta.dirname, 'preload', 'main.js')).href;
  return { NODE_OPTIONS: `--import=${preload}`, LOOP_DELAY_FILE: file };
}

const TRIES = 50;

/** Asks the process for the figures of its whole time, after which it measures no more. Resolves with all of them. */
export async function endLoopDelay(pid: number, file: string): Promise<{ whole: LoopDelay; seconds: LoopDelay[] }> {
  process.kill(pid, 'SIGUSR2');
  for (let tries = 0; tries < TRIES; tries += 1) {
    const delays = await readDelays(file);
    const whole = delays.find(({ isWhole }) => isWhole);
    if (whole !== undefined) return { whole, seconds: delays.filter(({ isWhole }) => !isWhole) };
    await sleep(100);
  }
  throw new Error(`process ${pid} did not tell its event-loop delay`);
}

async function readDelays(file: string): Promise<LoopDelay[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LoopDelay);
}
