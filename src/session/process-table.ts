// What the kernel tells of processes. Linux only: elsewhere nothing is known and nothing is found. Any thread.
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** A process, and what tells it from a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between the boot and its start, as the kernel has it; '0' on systems that do not tell. */
  startTime: string;
}

export interface ProcessEntry extends ProcessIdentity {
  parent: number;
  group: number;
  /** It runs no more; its parent has not asked for it yet. */
  ended: boolean;
}

/** Files that are open at once. */
const AT_ONCE = 64;

/** null when there is no such process. */
export function readStartTime(pid: number): string | null {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'utf8')).startTime;
  } catch {
    return null;
  }
}

/** null when it is gone. */
async function readProcess(pid: number): Promise<ProcessEntry | null> {
  try {
    return parseStat(pid, await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/** Every process that is there, in no certain order. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = await mapInBatches(pids, readProcess);
  return entries.filter((entry) => entry !== null);
}

/** Those of the processes whose environment at their start, `\0` before and after each variable, passes. */
export async function selectByEnvironment(
  processes: readonly ProcessEntry[],
  passes: (environment: string) => boolean,
): Promise<ProcessEntry[]> {
  const verdicts = await mapInBatches(processes, async ({ pid }) => passes(await readEnvironment(pid)));
  return processes.filter((_, index) => verdicts[index] === true);
}

/** Whether the same process is still there and runs. */
export async function isRunning({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  const entry = await readProcess(pid);
  return entry !== null && !entry.ended && entry.startTime === startTime;
}

async function readEnvironment(pid: number): Promise<string> {
  try {
    return `\0${await readFile(`/proc/${pid}/environ`, 'latin1')}\0`;
  } catch {
    // Gone, or another user's.
    return '';
  }
}

async function mapInBatches<T, R>(all: readonly T[], map: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < all.length; start += AT_ONCE) {
    results.push(...(await Promise.all(all.slice(start, start + AT_ONCE).map(map))));
  }
  return results;
}

/** A line of proc_pid_stat(5). The name in brackets may hold anything, brackets too. */
function parseStat(pid: number, text: string): ProcessEntry {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent, group] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    ended: state === 'Z' || state === 'X',
    startTime: fields[19] ?? '0',
  };
}
