// HOME/rolloutd/logs/service.log: what the supervisor did, and what the daemon wrote to stderr beside its log. Supervisor, any thread.
import { appendFileSync, closeSync, constants, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder } from '../auth/private-file.js';

const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW;
/** A file that has grown past this is put aside at the next start of a daemon, in place of the one before. */
const MAX_BYTES = 1024 * 1024;
/** As much as the last words of a daemon may be. */
const TAIL_BYTES = 32 * 1024;

export function serviceLogPath(home: string): string {
  return join(home, 'rolloutd', 'logs', 'service.log');
}

/** Whoever calls it closes the descriptor. Throws when the file cannot be opened. */
export function openServiceLog(home: string): number {
  const path = serviceLogPath(home);
  ensurePrivateFolder(join(home, 'rolloutd', 'logs'));
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, FLAGS, 0o600);
}

/** Never throws: a full disk is no reason to leave the daemon alone. */
export function noteInServiceLog(home: string, message: string): void {
  try {
    appendFileSync(serviceLogPath(home), `${new Date().toISOString()} supervisor: ${message}\n`, { mode: 0o600 });
  } catch {
    // There is nobody else to tell.
  }
}

export function sizeOfServiceLog(home: string): number {
  return statSync(serviceLogPath(home), { throwIfNoEntry: false })?.size ?? 0;
}

/** What a daemon that was started at `offset` said of its own end; null when it said nothing. */
export function lastWordsAfter(home: string, offset: number): string | null {
  // Without the stacks of JavaScript and of the system, and what Node puts below them.
  const telling = lastLinesAfter(home, offset, Infinity).filter((line) => !/^(\s|-----|Node\.js v)/.test(line));
  return (telling.findLast((line) => /^rolloutd: |error/i.test(line)) ?? telling.at(-1) ?? null)?.trim() ?? null;
}

/** The last lines that were written after `offset`, without those of the supervisor. Empty when it cannot be read. */
export function lastLinesAfter(home: string, offset: number, count: number): string[] {
  try {
    const fd = openSync(serviceLogPath(home), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { size } = fstatSync(fd);
      const from = Math.max(offset, size - TAIL_BYTES);
      const bytes = Buffer.alloc(Math.max(0, size - from));
      readSync(fd, bytes, 0, bytes.length, from);
      const lines = bytes.toString().split('\n');
      return lines.filter((line) => line.trim() !== '' && !/^\S+Z supervisor: /.test(line)).slice(-count);
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}
