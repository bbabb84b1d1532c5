// `rolloutd stop`: ends the daemon of a home and its supervisor. Clients.
import { isSystemError } from '../auth/private-file.js';
import { isRunning } from '../supervisor/process-identity.js';
import type { ProcessIdentity } from '../supervisor/process-identity.js';
import { removeSupervisorState } from '../supervisor/state-file.js';
import { CliFailure } from './exit.js';
import { isHomeLocked } from './home-lock.js';
import { findProcesses } from './home-processes.js';
import type { HomeProcesses } from './home-processes.js';
import { waitUntil } from './wait-until.js';

/** For a `start` that has the lock but nothing to be found yet. */
const FIND_LIMIT_MS = 2_000;
/** Beyond what the daemon says that it needs. */
const MARGIN_MS = 2_000;

/** Says on stderr what it did. Throws CliFailure when the daemon cannot be ended. */
export async function runStop(home: string): Promise<void> {
  const found = await stopDaemon(home);
  process.stderr.write(found ? 'stopped\n' : `no daemon runs for ${home}\n`);
}

/**
 * Resolves when no daemon and no supervisor runs any more: false when none did. One that does not end in time is killed,
 * which costs nothing that a client was told. Throws CliFailure when it is not ours to end.
 */
export async function stopDaemon(home: string): Promise<boolean> {
  const found = await findSettled(home);
  const { supervisor, daemon, state, all } = found;
  if (all.length > 0) {
    for (const each of all) {
      // The supervisor hands the signal on to its daemon, for which a second one would mean: at once.
      const isHandedOn = supervisor !== null && each.pid === state?.daemon?.pid;
      if (!isHandedOn) send(each, 'SIGTERM');
    }
    const limitMs = (daemon?.closeLimitMs ?? 5_000) + MARGIN_MS;
    if (!(await areGone(all, limitMs))) await killAll(all, limitMs);
  }
  removeSupervisorState(home);
  return all.length > 0;
}

async function findSettled(home: string): Promise<HomeProcesses> {
  const found = await waitUntil(FIND_LIMIT_MS, async () => {
    const processes = findProcesses(home);
    return processes.all.length > 0 || !(await isHomeLocked(home)) ? processes : null;
  });
  return found ?? findProcesses(home);
}

async function killAll(processes: readonly ProcessIdentity[], afterMs: number): Promise<void> {
  process.stderr.write(`it did not end within ${afterMs / 1_000} s and is killed\n`);
  // The supervisor is the first of them: it must not start another.
  for (const each of processes) send(each, 'SIGKILL');
  if (await areGone(processes, MARGIN_MS)) return;
  throw new CliFailure(
    `cannot be ended: process ${processes
      .filter(isRunning)
      .map(({ pid }) => pid)
      .join(', ')}`,
  );
}

async function areGone(processes: readonly ProcessIdentity[], limitMs: number): Promise<boolean> {
  return (await waitUntil(limitMs, () => (processes.some(isRunning) ? null : true))) !== null;
}

function send(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return;
    throw new CliFailure(`process ${target.pid} cannot be ended: ${(error as Error).message}`);
  }
}
