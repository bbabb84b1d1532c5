// What a process holds at one moment, from /proc: memory, descriptors, threads, children, processor time. Any process.
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface ProcessSample {
  /** `performance.now()`. */
  atMs: number;
  rssMb: number;
  descriptors: number;
  threads: number;
  /** Living descendants, whoever started them. */
  children: number;
  /** Descendants that ended and that nobody waited for. */
  zombies: number;
  /** Processor time used so far, in steps of 10 ms. */
  cpuMs: number;
}

export async function sampleProcess(pid: number): Promise<ProcessSample> {
  const [status, descriptors, cpuMs, descendants] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
    processorMs(pid),
    listDescendants(pid),
  ]);
  return {
    atMs: performance.now(),
    rssMb: fieldOf(status, 'VmRSS') / 1024,
    descriptors: descriptors.length,
    threads: fieldOf(status, 'Threads'),
    children: descendants.filter(({ state }) => state !== 'Z').length,
    zombies: descendants.filter(({ state }) => state === 'Z').length,
    cpuMs,
  };
}

/** What its descriptors refer to: paths, or `socket:[N]` and the like. */
export async function listDescriptors(pid: number): Promise<string[]> {
  const numbers = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(numbers.map((number) => readlink(`/proc/${pid}/fd/${number}`).catch(() => null)));
  return targets.filter((target) => target !== null);
}

/** Resident memory, in MB. */
export async function residentMb(pid: number): Promise<number> {
  return fieldOf(await readFile(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1024;
}

/** Processor time used so far, in steps of 10 ms. */
export async function processorMs(pid: number): Promise<number> {
  const fields = fieldsOf(await readFile(`/proc/${pid}/stat`, 'utf8'));
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function listDescendants(pid: number): Promise<{ pid: number; state: string }[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map(async (name) => ({ pid: Number(name), stat: await readStat(name) })));
  const byParent = new Map<number, { pid: number; state: string }[]>();
  for (const { pid: child, stat } of stats) {
    if (stat === null) continue;
    const [state, parent] = fieldsOf(stat);
    const siblings = byParent.get(Number(parent)) ?? [];
    siblings.push({ pid: child, state: state! });
    byParent.set(Number(parent), siblings);
  }
  const found: { pid: number; state: string }[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    const children = byParent.get(parent) ?? [];
    found.push(...children);
    parents.push(...children.map((child) => child.pid));
  }
  return found;
}

/** Null for a process that has ended meanwhile. */
async function readStat(pid: string): Promise<string | null> {
  try {
    return await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
}

/** The fields after the name, which may hold anything but ends at the last bracket: state, parent, ... */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function fieldOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
}
