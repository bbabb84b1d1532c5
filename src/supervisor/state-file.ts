// HOME/rolloutd/supervisor.json: what the supervisor of a home is doing, or why it has given up. Clients and the supervisor.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readPrivateFile, replacePrivateFile } from '../auth/private-file.js';
import type { ProcessIdentity } from './process-identity.js';

/**
 * - `running`: a daemon runs, or is starting.
 * - `waiting`: it died and is started again after a while.
 * - `stopping`: it was told to end.
 * - `parked`: it died too often; `failed`: it did not start at all. The supervisor has ended.
 */
const PHASES = ['running', 'waiting', 'stopping', 'parked', 'failed'] as const;

export interface SupervisorState {
  phase: (typeof PHASES)[number];
  supervisor: ProcessIdentity;
  /** Its daemon; null while there is none. */
  daemon: ProcessIdentity | null;
  /** Options of `rolloutd serve`. */
  serveArgs: string[];
  /** How often it was started again. */
  restarts: number;
  /** How the daemon ended last; null before that. */
  reason: string | null;
  /** ISO time of the last change. */
  changedAt: string;
}

function pathOf(home: string): string {
  return join(home, 'rolloutd', 'supervisor.json');
}

/** The folder must be there. */
export function writeSupervisorState(home: string, state: SupervisorState): void {
  replacePrivateFile(pathOf(home), `${JSON.stringify(state)}\n`);
}

/** null when there is none, or nothing that can be read. Throws config_invalid when it is not private. */
export function readSupervisorState(home: string): SupervisorState | null {
  const text = readPrivateFile(pathOf(home));
  if (text === null) return null;
  try {
    const state = JSON.parse(text) as SupervisorState;
    const isSound = PHASES.includes(state.phase) && isIdentity(state.supervisor) && Array.isArray(state.serveArgs);
    return isSound && (state.daemon === null || isIdentity(state.daemon)) ? state : null;
  } catch {
    // Edited by hand or of another version: as good as none.
    return null;
  }
}

export function removeSupervisorState(home: string): void {
  rmSync(pathOf(home), { force: true });
}

function isIdentity(value: unknown): boolean {
  const { pid, start } = (value ?? {}) as Partial<ProcessIdentity>;
  // Zero and less would mean groups of processes.
  return Number.isSafeInteger(pid) && pid! > 0 && (start === null || typeof start === 'string');
}
