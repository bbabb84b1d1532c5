// Tells a process from another one that was given the same number later. Clients and the supervisor.
import { readFileSync } from 'node:fs';
import { isSystemError } from '../auth/private-file.js';

export interface ProcessIdentity {
  pid: number;
  /** Which boot, and when in it the process began, as the kernel has it; null on systems that do not tell. */
  start: string | null;
}

interface Stat {
  /** One letter of proc_pid_stat(5). */
  state: string;
  start: string;
}

export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid);
}

/** Of a process that lives: `start` is null when it is gone already. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, start: readStat(pid)?.start ?? null };
}

/** False when it has ended, also while its parent has not noticed, and when another process has its number now. */
export function isRunning({ pid, start }: ProcessIdentity): boolean {
  if (readStat(process.pid) === null) return answersToKill(pid);
  const stat = readStat(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X') return false;
  return start === null || stat.start === start;
}

function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything, brackets too.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    return { state: fields[0]!, start: `${boot}:${fields[19]}` };
  } catch {
    // Not this system, or no such process.
    return null;
  }
}

function answersToKill(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Someone else's process is alive all the same.
    return isSystemError(error, 'EPERM');
  }
}
