// `rolloutd serve`: runs the daemon in this process until a signal ends it. Main thread.
import type { Daemon, DaemonOptions } from '../daemon.js';
import { readVersion } from '../version.js';
import { removeDaemonFile, writeDaemonFile } from './daemon-file.js';
import type { DaemonFile } from './daemon-file.js';
import { CliFailure, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import { onSignals } from './signals.js';

/** Longer than this no shutdown takes; what was told to clients is on disk anyway. */
const CLOSE_LIMIT_MS = 5_000;

const EXIT_CODES: Partial<Record<NodeJS.Signals, ExitCode>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
};

/**
 * Serves until SIGINT, SIGTERM or SIGHUP, and resolves when the daemon has closed. A second signal ends the process at
 * once. Rejects with what kept the daemon from starting, or CliFailure when it did not close in time.
 */
export async function runServe(options: DaemonOptions): Promise<void> {
  const firstSignal = listenForSignals();
  // A reader that goes away after the line is no reason to stop.
  process.stdout.on('error', () => undefined);
  const { startDaemon } = await import('../daemon.js');
  const daemon = await startDaemon(options);
  let file: DaemonFile;
  try {
    file = announce(options.home, daemon.url);
  } catch (error) {
    await daemon.close();
    throw error;
  }
  await firstSignal;
  removeDaemonFile(options.home, file);
  await closeInTime(daemon);
}

function announce(home: string, url: string): DaemonFile {
  const file = { pid: process.pid, url, version: readVersion(), startedAt: new Date().toISOString() };
  writeDaemonFile(home, file);
  process.stdout.write(`listening on: ${url}\n`);
  return file;
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
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CliFailure(`did not close within ${CLOSE_LIMIT_MS / 1000} s`)), CLOSE_LIMIT_MS);
  });
  try {
    await Promise.race([daemon.close(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
