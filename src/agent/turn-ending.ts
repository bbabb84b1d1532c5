// The three ways a turn ends, each recorded before anybody is told. Session worker.
import type { DaemonError } from '../errors.js';
import type { ThreadStatus, Turn, TurnError } from '../protocol/thread.js';
import { wakeTurn } from './active-turn.js';
import type { ActiveTurn } from './active-turn.js';
import { pushNotification } from './frame.js';
import type { SessionState } from './session-state.js';
import { remember, setStatus } from './session-state.js';
import { abortedMarkerItem, taskCompletePayload, toRecordedError, turnAbortedPayload } from './turn-lines.js';

const IDLE: ThreadStatus = { type: 'idle' };

export function completeTurn(state: SessionState, turn: ActiveTurn): void {
  const completedAtMs = close(state, turn);
  state.recorder.write('event_msg', taskCompletePayload(turn, completedAtMs, null), true);
  // Who runs a command reads what comes of it.
  if (turn.hasAskedModel) announceUnread(state, turn);
  setStatus(state, IDLE, endPatch(completedAtMs), 'synced');
  announceEnd(state, turn, 'completed', null, completedAtMs);
}

export function failTurn(state: SessionState, turn: ActiveTurn, error: TurnError): void {
  const completedAtMs = close(state, turn);
  state.recorder.write('event_msg', taskCompletePayload(turn, completedAtMs, toRecordedError(error)), true);
  setStatus(state, { type: 'systemError' }, endPatch(completedAtMs), 'synced');
  const params = { error, willRetry: false, threadId: state.conversationId, turnId: turn.id };
  pushNotification(state.outbox, 'error', params, 'synced');
  announceUnread(state, turn);
  announceEnd(state, turn, 'failed', error, completedAtMs);
}

/**
 * Ends the turn as interrupted; its running items must have been completed before. `beforeStatus` runs once the end is
 * recorded and before anybody is told of it: the place for the reply to an interrupt.
 */
export function interruptTurn(state: SessionState, turn: ActiveTurn, beforeStatus: () => void): void {
  const completedAtMs = close(state, turn);
  state.recorder.write('event_msg', state.tokens.toTokenCountPayload());
  remember(state, abortedMarkerItem(turn.id));
  const payload = turnAbortedPayload(turn, completedAtMs, completedAtMs - turn.startedAtMs);
  state.recorder.write('event_msg', payload, true);
  beforeStatus();
  setStatus(state, IDLE, endPatch(completedAtMs), 'synced');
  announceEnd(state, turn, 'interrupted', null, completedAtMs);
}

/**
 * The rollout failed under a running turn: it ends without a line. It will read as interrupted, so that is what clients
 * are told, and why; unless they were not told of the turn at all.
 */
export function abandonTurn(state: SessionState, turn: ActiveTurn, cause: DaemonError, isTold: boolean): void {
  turn.attempt?.controller.abort();
  if (turn.attempt !== null) turn.attempt.cut = true;
  for (const call of turn.runningCalls) call.drop();
  for (const shell of turn.shells) shell.drop();
  const completedAtMs = close(state, turn);
  const { message, code } = cause;
  const error = { message, codexErrorInfo: 'other', additionalDetails: code, misalignment: null } as TurnError;
  setStatus(state, { type: 'systemError' }, endPatch(completedAtMs));
  if (!isTold) return;
  const params = { error, willRetry: false, threadId: state.conversationId, turnId: turn.id };
  pushNotification(state.outbox, 'error', params);
  announceEnd(state, turn, 'interrupted', error, completedAtMs);
}

function close(state: SessionState, turn: ActiveTurn): number {
  turn.ended = true;
  state.desk.cancelAll();
  state.turn = null;
  state.journal.clear();
  wakeTurn(turn);
  return Date.now();
}

function endPatch(completedAtMs: number) {
  return { activeTurnId: null, updatedAt: Math.floor(completedAtMs / 1000) };
}

function announceUnread(state: SessionState, turn: ActiveTurn): void {
  state.outbox.push({ type: 'state', patch: { unreadTurnId: turn.id } }, 'synced');
}

function announceEnd(
  state: SessionState,
  turn: ActiveTurn,
  status: Turn['status'],
  error: TurnError | null,
  completedAtMs: number,
): void {
  state.sent.endTurn(turn.id, status);
  const final = status === 'completed' ? turn.lastAgentItem : null;
  const wire = {
    id: turn.id,
    rootTurnId: turn.id,
    items: final === null ? [] : [final],
    itemsView: final === null ? 'notLoaded' : 'summary',
    status,
    error,
    startedAt: turn.startedAt,
    completedAt: Math.floor(completedAtMs / 1000),
    durationMs: completedAtMs - turn.startedAtMs,
  };
  pushNotification(state.outbox, 'turn/completed', { threadId: state.conversationId, turn: wire }, 'synced');
}

/**
 * A turn that has just begun, as replies and turn/started carry it; `startedAt` null in the reply. The reply to a retry
 * may speak of one that is over.
 */
export function newWireTurn(turnId: string, startedAt: number | null, status: Turn['status'] = 'inProgress'): unknown {
  return {
    id: turnId,
    rootTurnId: turnId,
    items: [],
    itemsView: 'notLoaded',
    status,
    error: null,
    startedAt,
    completedAt: null,
    durationMs: null,
  };
}
