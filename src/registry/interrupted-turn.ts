// A turn as clients are told of its end when whoever ran it is gone: it reads as interrupted. Pure. Main thread.
import type { DaemonError } from '../errors.js';
import type { Turn, TurnError } from '../protocol/thread.js';

/** `error` tells why, where that is known. */
export function interruptedTurn(id: string, error: TurnError | null): Turn {
  return {
    id,
    rootTurnId: id,
    items: [],
    itemsView: 'notLoaded',
    status: 'interrupted',
    error,
    startedAt: null,
    completedAt: null,
    durationMs: null,
  };
}

/** Its code stands in the details. */
export function toTurnError({ code, message }: DaemonError): TurnError {
  return { message, codexErrorInfo: 'other', additionalDetails: code, misalignment: null };
}
