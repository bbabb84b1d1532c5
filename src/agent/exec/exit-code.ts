// How a command ended, as one number. Pure. Session worker.
import { constants } from 'node:os';

export interface CommandExit {
  /** null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** As shells count: 128 and the signal's number for one that a signal ended. */
export function exitCodeOf({ code, signal }: CommandExit): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
