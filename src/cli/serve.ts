// `rolloutd serve`: runs the daemon in this process until a signal or a drain ends it. Main thread.
import type { Daemon, DaemonOptions } from '../daemon.js';
import { ownIdentity } from '../supervisor/process-identity.js';
import { readVersion } from '../version.js';
import { removeDaemonFile, writeDaemonFile } from './daemon-file.js';
import { CliFailure, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import { letGoOfInheritedLock } from './home-lock.js';
import { onSignals } from './signals.js';

export interface ServeOptions extends DaemonOptions {
  /** The options as they were written, for whoever starts it again. */
  serveArgs: string[];
  /** A supervisor started it: the log goes to its files alone. */
  supervised: boolean;
}

const EXIT_CODES: Partial<Record<NodeJS.Signals, ExitCode>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
};

/**
 * Serves until SIGINT, SIGTERM or SIGHUP, or until a client had it drained, and resolves when the daemon has closed. A
 * second signal ends the process at once. Rejects with what kept the daemon from starting, or CliFailure when it did not
 * close in time.
 */
export async function runServe(options: ServeOptions): Promise<void> {
  const firstSignal = listenForSignals();
  // A reader that goes away after the line is no reason to stop.
  process.stdout.on('error', () => undefined);
  const { startDaemon } = await import('../daemon.js');
  const daemon = await startDaemon({ ...options, logToConsole: !options.supervised });
  try {
    announce(options, daemon);
  } catch (error) {
    await daemon.close();
    throw error;
  }
  if (options.supervised) letGoOfInheritedLock(options.home);
  await Promise.race([firstSignal, daemon.drained]);
  await closeInTime(daemon);
}

/** The file stays until the process ends: as long as it closes, no other daemon should be started. */
function announce({ home, serveArgs, supervised }: ServeOptions, { url, closeLimitMs }: Daemon): void {
  const { pid, start: processStart } = ownIdentity();
  const startedAt = new Date().toISOString();
  const file = { pid, processStart, url, version: readVersion(), startedAt, supervised, serveArgs, closeLimitMs };
  writeDaemonFile(home, file);
  process.once('exit', () => removeDaemonFile(home, file));
  process.stdout.write(`listening on: ${url}\n`);
}

function listenForSignals(): Promise<void> {
  return new Promise((resolve) => {
    onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], (signal, count) => {
      if (count > 1) process.exit(EXIT_CODES[signal]);
      resolve();
    });
  });
}

async function closeInTime(daemon: Daemon): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const { closeLimitMs } = daemon;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CliFailure(`did not close within ${closeLimitMs / 1000} s`)), closeLimitMs);
  });
  try {
    await Promise.race([daemon.close(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
