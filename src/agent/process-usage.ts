// What a process and all its descendants take of the machine. Linux only: elsewhere nothing is known. Session worker.
import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { listProcesses } from '../session/process-table.js';

export interface ProcessUsage {
  /** Of one processor, since the process was started; 100 and more for several that are busy. */
  cpuPercent: number | null;
  /** KiB that lie in memory; what processes share is counted for each. */
  rssKb: number | null;
}

const UNKNOWN: ProcessUsage = { cpuPercent: null, rssKb: null };
/** The kernel counts time for programs in hundredths of a second, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Never rejects. */
export async function measureTree(pid: number): Promise<ProcessUsage> {
  const all = await listProcesses();
  const root = all.find((entry) => entry.pid === pid);
  if (root === undefined) return UNKNOWN;
  const tree = new Set([pid]);
  for (let size = -1; size !== tree.size;) {
    size = tree.size;
    for (const entry of all) if (tree.has(entry.parent)) tree.add(entry.pid);
  }
  const parts = await Promise.all([...tree].map(measure));
  const lifeSeconds = uptime() - Number(root.startTime) / TICKS_PER_SECOND;
  const ticks = parts.reduce((sum, part) => sum + part.ticks, 0);
  const share = lifeSeconds > 0 ? (100 * ticks) / TICKS_PER_SECOND / lifeSeconds : 0;
  return { cpuPercent: Math.round(share * 10) / 10, rssKb: parts.reduce((sum, part) => sum + part.rssKb, 0) };
}

async function measure(pid: number): Promise<{ ticks: number; rssKb: number }> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    // Times in user and system mode; the name before them may hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? '0';
    return { ticks: Number(fields[11]) + Number(fields[12]), rssKb: Number(rss) };
  } catch {
    // It has ended meanwhile.
    return { ticks: 0, rssKb: 0 };
  }
}
