// Ends processes and all that they have started: TERM, then KILL, until none is found any more. Any thread.
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning, listProcesses, selectByEnvironment } from './process-table.js';
import type { ProcessEntry, ProcessIdentity } from './process-table.js';

export interface EndTargets {
  /** Leaders of process groups, whether or not they still run. */
  leaders: readonly ProcessIdentity[];
  /** What else belongs to them, by its environment: `\0` stands before and after each variable. */
  isMarked: (environment: string) => boolean;
}

export interface EndLimits {
  /** Between TERM and KILL. */
  graceMs?: number;
  /** For all of it. */
  limitMs?: number;
}

export interface EndReport {
  /** How many processes were told to end. */
  found: number;
  /** Those that run in spite of all. */
  survivors: ProcessIdentity[];
}

const GRACE_MS = 400;
const LIMIT_MS = 1_900;
const LOOK_AGAIN_MS = 10;
/** After KILL, before it is looked for others. */
const SETTLE_MS = 60;
/** The same when the time is over: what was just told to end is not called a survivor. */
const LAST_LOOK_MS = 20;

/**
 * Ends the groups, what is marked, and the descendants of both. Never this process nor one that it descends from. Resolves
 * when none is left or the limit is over, and never rejects. Where the kernel tells nothing of processes, the groups alone.
 */
export async function endProcesses(targets: EndTargets, limits: EndLimits = {}): Promise<EndReport> {
  const { graceMs = GRACE_MS, limitMs = LIMIT_MS } = limits;
  if (process.platform !== 'linux') return endGroups(targets.leaders, graceMs, limitMs);
  const deadline = performance.now() + limitMs;
  let found = await findTargets(targets);
  const told = new Set(found.map(nameOf));
  signalAll(found, 'SIGTERM');
  await waitForEnd(found, Math.min(performance.now() + graceMs, deadline));
  for (;;) {
    // To look for all takes its time on a busy machine: those that are known have had theirs.
    signalAll(await stillRunning(found), 'SIGKILL');
    found = found.length === 0 ? [] : await findTargets(targets);
    for (const entry of found) told.add(nameOf(entry));
    signalAll(found, 'SIGKILL');
    await waitForEnd(
      found,
      Math.max(performance.now() + LAST_LOOK_MS, Math.min(performance.now() + SETTLE_MS, deadline)),
    );
    if (found.length > 0 && performance.now() < deadline) continue;
    return { found: told.size, survivors: (await stillRunning(found)).map(toIdentity) };
  }
}

async function findTargets({ leaders, isMarked }: EndTargets): Promise<ProcessEntry[]> {
  const all = await listProcesses();
  const byPid = new Map(all.map((entry) => [entry.pid, entry]));
  const spared = ancestorsOf(process.pid, byPid);
  const candidates = all.filter(({ pid, ended }) => !ended && !spared.has(pid));
  const startOf = new Map(leaders.map(({ pid, startTime }) => [pid, startTime]));
  const inGroup = candidates.filter((entry) => isOfGroup(entry, startOf.get(entry.group), byPid.get(entry.group)));
  const chosen = new Set(inGroup.map(({ pid }) => pid));
  const others = candidates.filter(({ pid }) => !chosen.has(pid));
  for (const { pid } of await selectByEnvironment(others, isMarked)) chosen.add(pid);
  for (let size = -1; size !== chosen.size;) {
    size = chosen.size;
    for (const { pid, parent } of candidates) if (chosen.has(parent)) chosen.add(pid);
  }
  return candidates.filter(({ pid }) => chosen.has(pid));
}

/** A number is not given to another process as long as a group has it; afterwards it may be. */
function isOfGroup(entry: ProcessEntry, leaderStart: string | undefined, leader: ProcessEntry | undefined): boolean {
  if (leaderStart === undefined) return false;
  if (leader !== undefined) return leader.startTime === leaderStart;
  return Number(entry.startTime) >= Number(leaderStart);
}

function ancestorsOf(pid: number, byPid: ReadonlyMap<number, ProcessEntry>): Set<number> {
  const chain = new Set<number>();
  for (let next: number | undefined = pid; next !== undefined && next > 0 && !chain.has(next);) {
    chain.add(next);
    next = byPid.get(next)?.parent;
  }
  return chain;
}

async function stillRunning<Process extends ProcessIdentity>(processes: readonly Process[]): Promise<Process[]> {
  const running = await Promise.all(processes.map(isRunning));
  return processes.filter((_, index) => running[index]);
}

async function waitForEnd(processes: readonly ProcessIdentity[], until: number): Promise<void> {
  let left = [...processes];
  while (left.length > 0) {
    const running = await Promise.all(left.map(isRunning));
    left = left.filter((_, index) => running[index]);
    if (left.length === 0 || performance.now() >= until) return;
    await delay(LOOK_AGAIN_MS);
  }
}

function signalAll(processes: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) sendSignal(pid, signal);
}

/** A negative number means the group. False when there is none to get it. */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // It has ended meanwhile, or is another user's: then it will be found again.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function endGroups(leaders: readonly ProcessIdentity[], graceMs: number, limitMs: number): Promise<EndReport> {
  const start = performance.now();
  const isAlive = ({ pid }: ProcessIdentity): boolean => sendSignal(-pid, 0);
  const alive = leaders.filter(isAlive);
  let left = alive;
  for (const { pid } of left) sendSignal(-pid, 'SIGTERM');
  while (left.length > 0 && performance.now() - start < limitMs) {
    await delay(LOOK_AGAIN_MS);
    left = left.filter(isAlive);
    if (performance.now() - start >= graceMs) for (const { pid } of left) sendSignal(-pid, 'SIGKILL');
  }
  return { found: alive.length, survivors: left };
}

function nameOf({ pid, startTime }: ProcessIdentity): string {
  return `${pid}.${startTime}`;
}

function toIdentity({ pid, startTime }: ProcessIdentity): ProcessIdentity {
  return { pid, startTime };
}
