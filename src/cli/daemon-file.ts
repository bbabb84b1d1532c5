// HOME/rolloutd/daemon.json: where the daemon of a home can be reached. Main thread (serve) and clients.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateFolder, readPrivateFile, replacePrivateFile } from '../auth/private-file.js';
import { isRunning } from '../supervisor/process-identity.js';

export interface DaemonFile {
  pid: number;
  /** See ProcessIdentity; null in the file of a version that did not say. */
  processStart: string | null;
  url: string;
  version: string;
  /** ISO time. */
  startedAt: string;
  /** Whether a supervisor started it. */
  supervised: boolean;
  /** Options of `rolloutd serve`, home included. */
  serveArgs: string[];
  /** Longest that it takes to end when it is told to, in milliseconds. */
  closeLimitMs: number;
}

function pathOf(home: string): string {
  return join(home, 'rolloutd', 'daemon.json');
}

/** Puts the file there (0600), whole or not at all; of several daemons the one that started last is found. */
export function writeDaemonFile(home: string, daemon: DaemonFile): void {
  ensurePrivateFolder(join(home, 'rolloutd'));
  replacePrivateFile(pathOf(home), `${JSON.stringify(daemon)}\n`);
}

/**
 * The daemon of this home, or null when none runs: no file, an unreadable one, or one whose process is gone, though
 * another may have its number by now. Throws config_invalid when the file is not private, for the token is sent where it points.
 */
export function readDaemonFile(home: string): DaemonFile | null {
  const daemon = parse(readPrivateFile(pathOf(home)));
  return daemon !== null && isRunning({ pid: daemon.pid, start: daemon.processStart }) ? daemon : null;
}

/** Takes the file away if it is still this daemon's; what is there else stays. Never throws: a daemon must be able to stop. */
export function removeDaemonFile(home: string, daemon: DaemonFile): void {
  try {
    const found = parse(readPrivateFile(pathOf(home)));
    if (found?.pid === daemon.pid && found.startedAt === daemon.startedAt) rmSync(pathOf(home), { force: true });
  } catch {
    // Replaced by something unreadable, or the folder is gone: not ours any more. Readers check the process.
  }
}

function parse(text: string | null): DaemonFile | null {
  if (text === null) return null;
  try {
    const { pid, processStart, url, version, startedAt, supervised, serveArgs, closeLimitMs } = JSON.parse(
      text,
    ) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof url !== 'string') return null;
    return {
      pid,
      processStart: typeof processStart === 'string' ? processStart : null,
      url,
      version: String(version),
      startedAt: String(startedAt),
      supervised: supervised === true,
      serveArgs: Array.isArray(serveArgs) ? serveArgs.map(String) : [],
      closeLimitMs: typeof closeLimitMs === 'number' ? closeLimitMs : 5_000,
    };
  } catch {
    // Cut off or edited by hand: it points nowhere, and the next start replaces it.
    return null;
  }
}
