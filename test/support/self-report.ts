// What another Node process tells of itself by the preload: its event-loop delay, and what its heap holds. Any process.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface LoopDelay {
  /** How often the timer was looked at. */
  count: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export type SelfReport =
  /** Of one second; of the whole time. */
  | ({ type: 'second' | 'whole' } & LoopDelay)
  /** What the main thread's heap holds, and buffers outside of it, when all garbage is gone. */
  | { type: 'heap'; heldMb: number };

const PATIENCE_MS = 10_000;

/** Environment with which a Node process reports to `file`. */
export function selfReportEnv(file: string): Record<string, string> {
  const preload = pathToFileURL(join(import.meta.dirname, 'self-report', 'main.js')).href;
  return { NODE_OPTIONS: `--import=${preload}`, SELF_REPORT_FILE: file };
}

/** The delay of the whole time until now; it is not measured any longer. */
export async function endLoopDelay(pid: number, file: string): Promise<LoopDelay> {
  const report = await askFor(pid, file, 'SIGUSR2', 'whole');
  return report as LoopDelay;
}

/** MB that the main thread holds. Stops the process for as long as a full collection of garbage takes. */
export async function askHeldMb(pid: number, file: string): Promise<number> {
  const report = await askFor(pid, file, 'SIGURG', 'heap');
  return (report as { heldMb: number }).heldMb;
}

async function askFor(
  pid: number,
  file: string,
  signal: NodeJS.Signals,
  type: SelfReport['type'],
): Promise<SelfReport> {
  const known = (await readReports(file, type)).length;
  process.kill(pid, signal);
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const report = (await readReports(file, type))[known];
    if (report !== undefined) return report;
    await sleep(50);
  }
  throw new Error(`process ${pid} did not tell its ${type}`);
}

async function readReports(file: string, type: SelfReport['type']): Promise<SelfReport[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // The last line may be half written.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  const reports = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as SelfReport);
  return reports.filter((report) => report.type === type);
}
