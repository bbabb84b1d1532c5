// Which processes serve a home: its daemon, and the supervisor that keeps it running. Clients.
import { get } from 'node:http';
import { isRunning } from '../supervisor/process-identity.js';
import type { ProcessIdentity } from '../supervisor/process-identity.js';
import { readSupervisorState } from '../supervisor/state-file.js';
import type { SupervisorState } from '../supervisor/state-file.js';
import { readDaemonFile } from './daemon-file.js';
import type { DaemonFile } from './daemon-file.js';
import { reachable } from './locate-daemon.js';

export interface HomeProcesses {
  /** One that can be found and lives, whoever started it. */
  daemon: DaemonFile | null;
  /** What the supervisor said last, whether it lives or not. */
  state: SupervisorState | null;
  supervisor: ProcessIdentity | null;
  /** Every living process that belongs to the home, the supervisor first. */
  all: ProcessIdentity[];
}

/** Throws config_invalid when a file of the home is not private. */
export function findProcesses(home: string): HomeProcesses {
  const daemon = readDaemonFile(home);
  const state = readSupervisorState(home);
  const supervisor = state !== null && isRunning(state.supervisor) ? state.supervisor : null;
  const all = supervisor === null ? [] : [supervisor];
  if (daemon !== null) all.push({ pid: daemon.pid, start: daemon.processStart });
  // One that is still starting is not to be found otherwise.
  const child = state?.daemon ?? null;
  if (child !== null && child.pid !== daemon?.pid && isRunning(child)) all.push(child);
  return { daemon, state, supervisor, all };
}

const ANSWER_LIMIT_MS = 3_000;

/** `silent`: it does not answer, or something else does. */
export function askReadiness(url: string): Promise<'ready' | 'stopping' | 'silent'> {
  return new Promise((resolve) => {
    const address = `${reachable(url).replace(/^ws/, 'http').replace(/\/$/, '')}/readyz`;
    const request = get(address, { timeout: ANSWER_LIMIT_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'ready' : response.statusCode === 503 ? 'stopping' : 'silent');
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve('silent'));
  });
}
