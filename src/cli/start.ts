// `rolloutd start`: has a supervisor run the daemon in the background. Clients.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { lastLinesAfter, openServiceLog, serviceLogPath, sizeOfServiceLog } from '../supervisor/service-log.js';
import { readSupervisorState } from '../supervisor/state-file.js';
import type { ProcessIdentity } from '../supervisor/process-identity.js';
import { readDaemonFile } from './daemon-file.js';
import type { DaemonFile } from './daemon-file.js';
import { CliFailure } from './exit.js';
import { lockHome } from './home-lock.js';
import { askReadiness, findProcesses } from './home-processes.js';
import { waitUntil } from './wait-until.js';

export interface StartOptions {
  home: string;
  /** Options of `rolloutd serve`, home included. */
  serveArgs: string[];
}

/** How long a daemon may take until it is ready. */
const START_LIMIT_MS = 30_000;
/** Lines that are shown of a daemon that did not start. */
const SHOWN_LINES = 10;

const SUPERVISOR = fileURLToPath(new URL('../supervisor/main.js', import.meta.url));

/** Prints where the daemon listens once it is ready, also when it was before. Throws CliFailure when it does not start. */
export async function runStart(options: StartOptions): Promise<void> {
  const { home } = options;
  const daemon = await waitUntil(START_LIMIT_MS, async () => {
    const lock = await lockHome(home);
    if (lock !== null) return startWithLock(options, lock);
    // Whoever has the lock runs a daemon, or is about to.
    const { daemon: running, supervisor } = findProcesses(home);
    if (running === null || (await askReadiness(running.url)) !== 'ready') return null;
    // One that lost its supervisor while it started lets go of the lock in a moment, and is given another then.
    if (running.supervised && supervisor === null) return null;
    note(`already running, pid ${running.pid}`);
    return running;
  });
  if (daemon === null) throw new CliFailure(describeDelay(home));
  process.stdout.write(`listening on: ${daemon.url}\n`);
}

/** Closes the lock, which lives on with the supervisor. */
async function startWithLock({ home, serveArgs }: StartOptions, lock: number): Promise<DaemonFile> {
  try {
    const running = await settleFormer(home);
    if (running !== null && !running.supervised) {
      note(`already running, pid ${running.pid}, started without a supervisor`);
      return running;
    }
    if (running !== null) {
      const orphan = { pid: running.pid, start: running.processStart };
      await awaitAdoption(home, spawnSupervisor(home, running.serveArgs, orphan, lock));
      note(`already running, pid ${running.pid}; its supervisor was gone, it has a new one`);
      return running;
    }
    const logEnd = sizeOfServiceLog(home);
    const supervisor = spawnSupervisor(home, serveArgs, null, lock);
    const daemon = await awaitDaemon(home, supervisor, logEnd);
    note(`rolloutd ${daemon.version} runs in the background, pid ${daemon.pid}`);
    return daemon;
  } finally {
    closeSync(lock);
  }
}

/** The daemon that runs, or null once none does: one that is about to stop is waited for. */
async function settleFormer(home: string): Promise<DaemonFile | null> {
  const running = readDaemonFile(home);
  if (running === null) return null;
  const readiness = await askReadiness(running.url);
  if (readiness === 'ready') return running;
  const limit = readiness === 'stopping' ? running.closeLimitMs + 1_000 : 0;
  if (await waitUntil(limit, () => (readDaemonFile(home) === null ? true : null))) return null;
  throw new CliFailure(describeSilence(running));
}

function spawnSupervisor(home: string, serveArgs: string[], adopt: ProcessIdentity | null, lock: number): ChildProcess {
  const log = openServiceLog(home);
  const options = JSON.stringify({ home, serveArgs, adopt });
  const supervisor = spawn(process.execPath, [SUPERVISOR, options], {
    // Neither the terminal nor a folder that may go away.
    detached: true,
    cwd: existsSync(homedir()) ? homedir() : home,
    stdio: ['ignore', 'ignore', log, lock],
  });
  closeSync(log);
  supervisor.on('error', () => undefined);
  supervisor.unref();
  return supervisor;
}

async function awaitDaemon(home: string, supervisor: ChildProcess, logEnd: number): Promise<DaemonFile> {
  const daemon = await waitUntil(START_LIMIT_MS, () => readDaemonFile(home) ?? (hasEnded(supervisor) ? 'ended' : null));
  if (daemon !== null && daemon !== 'ended') return daemon;
  if (daemon === null) throw new CliFailure(describeDelay(home));
  const lines = lastLinesAfter(home, logEnd, SHOWN_LINES);
  if (lines.length > 1) process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  const state = readSupervisorState(home);
  const reason = state?.supervisor.pid === supervisor.pid ? state?.reason : null;
  throw new CliFailure(
    `the daemon did not start: ${reason ?? 'its supervisor ended'}; more in ${serviceLogPath(home)}`,
  );
}

async function awaitAdoption(home: string, supervisor: ChildProcess): Promise<void> {
  await waitUntil(START_LIMIT_MS, () => {
    const isThere = readSupervisorState(home)?.supervisor.pid === supervisor.pid;
    return isThere || hasEnded(supervisor) ? true : null;
  });
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

function describeDelay(home: string): string {
  const { daemon, state } = findProcesses(home);
  if (daemon !== null) return describeSilence(daemon);
  const reason = state?.reason == null ? '' : `: it ${state.reason}`;
  return `the daemon is not ready after ${START_LIMIT_MS / 1_000} s${reason}; more in ${serviceLogPath(home)}`;
}

function describeSilence({ pid }: DaemonFile): string {
  return `a daemon runs, pid ${pid}, but does not answer; end it with: rolloutd restart`;
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
