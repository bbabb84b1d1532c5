// Variables in the environment of every command, inherited by all that it starts: they tell whose a process is when
// nothing else does, after a double fork, setsid or nohup. Any thread.
import { createHash } from 'node:crypto';
import { readlinkSync, realpathSync } from 'node:fs';
import { readStartTime } from './process-table.js';

/** Holds the id of the conversation. */
export const CONVERSATION_MARK = 'ROLLOUTD_CONVERSATION';
/** Holds the conversation's id and the command's number. */
export const COMMAND_MARK = 'ROLLOUTD_COMMAND';
/** Holds the home and the daemon, as ownerMark words them. */
export const OWNER_MARK = 'ROLLOUTD_OWNER';

/** The daemon that a process belongs to. */
export interface ProcessOwner {
  /** Stands for the home's path. */
  home: string;
  /** The kernel's table of process numbers that `pid` counts in. */
  pidSpace: string;
  pid: number;
  /** Tells the daemon from a later process with its number. */
  startTime: string;
}

/** The daemon that runs here, for this home. */
export function thisOwner(home: string): ProcessOwner {
  return {
    home: hashHome(home),
    pidSpace: readPidSpace(),
    pid: process.pid,
    startTime: readStartTime(process.pid) ?? '0',
  };
}

/** Value of OWNER_MARK. */
export function ownerMark({ home, pidSpace, pid, startTime }: ProcessOwner): string {
  return [home, pidSpace, pid, startTime].join('.');
}

/** null for what ownerMark did not make. */
export function parseOwnerMark(value: string): ProcessOwner | null {
  const [, home, pidSpace, pid, startTime] = /^([0-9a-f]{16})\.(\d+)\.(\d+)\.(\d+)$/.exec(value) ?? [];
  if (home === undefined || pidSpace === undefined || pid === undefined || startTime === undefined) return null;
  return { home, pidSpace, pid: Number(pid), startTime };
}

/** A test of environments as the kernel tells them, `\0` before and after each variable: this one has this value. */
export function hasVariable(name: string, value: string): (environment: string) => boolean {
  return (environment) => environment.includes(`\0${name}=${value}\0`);
}

/** The variable's value in such an environment, or null. */
export function readVariable(environment: string, name: string): string | null {
  const start = environment.indexOf(`\0${name}=`);
  if (start < 0) return null;
  const value = start + name.length + 2;
  return environment.slice(value, environment.indexOf('\0', value));
}

/** The same for every path that leads to the home. */
function hashHome(home: string): string {
  let place = home;
  try {
    place = realpathSync(home);
  } catch {
    // Not made yet: its own name has to do.
  }
  return createHash('sha256').update(place).digest('hex').slice(0, 16);
}

function readPidSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    // Not Linux.
    return '0';
  }
}
