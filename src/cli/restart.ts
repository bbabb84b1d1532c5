// `rolloutd restart`: ends the daemon, at once or when nothing runs, and starts it with the code that is installed now. Clients.
import { RpcClientError } from '../client/rpc-client-error.js';
import { askDaemon } from './ask-daemon.js';
import { CliFailure } from './exit.js';
import { findProcesses } from './home-processes.js';
import { runStart } from './start.js';
import { stopDaemon } from './stop.js';

export interface RestartOptions {
  home: string;
  /** Options of `rolloutd serve`, home included; null: those that it runs with. */
  serveArgs: string[] | null;
  /** Lets every running turn come to its end before. */
  whenIdle: boolean;
  /** How long to wait for that; null: for ever. */
  timeoutMs: number | null;
}

/** Prints where the daemon listens. Throws CliFailure; when that is because turns still run, nothing has happened. */
export async function runRestart({ home, serveArgs, whenIdle, timeoutMs }: RestartOptions): Promise<void> {
  const { daemon, state } = findProcesses(home);
  // Options with which it did not start are none to repeat.
  const former = daemon?.serveArgs ?? (state?.phase === 'failed' ? null : state?.serveArgs);
  if (whenIdle && daemon !== null) await drain(home, timeoutMs);
  // From here on a terminal that goes away must not leave the home without a daemon.
  process.on('SIGHUP', () => undefined);
  await stopDaemon(home);
  await runStart({ home, serveArgs: serveArgs ?? former ?? ['--home', home] });
}

/** New turns are accepted until the moment in which none runs; from then on none is. */
async function drain(home: string, timeoutMs: number | null): Promise<void> {
  const drained = await askDaemon(home, async (client) => {
    const { runningTurnCount } = await client.request('daemon/status', {});
    if (runningTurnCount > 0) process.stderr.write(`waiting for ${countTurns(runningTurnCount)} to end\n`);
    return (await client.request('daemon/drain', { timeoutMs })).drained;
  }).catch((error: unknown) => {
    if (!(error instanceof RpcClientError)) throw error;
    throw new CliFailure(`${error.message}; nothing was restarted`);
  });
  if (!drained) {
    throw new CliFailure(`turns still run after ${(timeoutMs ?? 0) / 1_000} s; nothing was restarted`);
  }
}

function countTurns(count: number): string {
  return count === 1 ? '1 turn' : `${count} turns`;
}
