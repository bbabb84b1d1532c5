// HOME/rolloutd/daemon.json: where the daemon of a home can be reached. Main thread (serve) and clients.
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder, isSystemError, readPrivateFile } from '../auth/private-file.js';

export interface DaemonFile {
  pid: number;
  url: string;
  version: string;
  /** ISO time; with the pid it tells two daemons apart. */
  startedAt: string;
}

function pathOf(home: string): string {
  return join(home, 'rolloutd', 'daemon.json');
}

/** Puts the file there (0600), whole or not at all; of several daemons the one that started last is found. */
export function writeDaemonFile(home: string, daemon: DaemonFile): void {
  ensurePrivateFolder(join(home, 'rolloutd'));
  const draft = `${pathOf(home)}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify(daemon)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    renameSync(draft, pathOf(home));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/**
 * The daemon of this home, or null when none runs: no file, an unreadable one, or one whose process is gone. Throws
 * config_invalid when the file is not private, for the token is sent where it points.
 */
export function readDaemonFile(home: string): DaemonFile | null {
  const daemon = parse(readPrivateFile(pathOf(home)));
  return daemon !== null && isAlive(daemon.pid) ? daemon : null;
}

/** Takes the file away if it is still this daemon's; what is there else stays. Never throws: a daemon must be able to stop. */
export function removeDaemonFile(home: string, daemon: DaemonFile): void {
  try {
    const found = parse(readPrivateFile(pathOf(home)));
    if (found?.pid === daemon.pid && found.startedAt === daemon.startedAt) rmSync(pathOf(home), { force: true });
  } catch {
    // Replaced by something unreadable, or the folder is gone: not ours any more. Readers check the pid.
  }
}

function parse(text: string | null): DaemonFile | null {
  if (text === null) return null;
  try {
    const { pid, url, version, startedAt } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof url !== 'string') return null;
    return { pid, url, version: String(version), startedAt: String(startedAt) };
  } catch {
    // Cut off or edited by hand: it points nowhere, and the next start replaces it.
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Someone else's process is alive all the same.
    return isSystemError(error, 'EPERM');
  }
}
