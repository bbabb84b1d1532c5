// The beginning of a turn: what its file, and then its clients, are told before anything else. Session worker.
import { v7 as uuid } from 'uuid';
import { startActiveTurn } from './active-turn.js';
import type { ActiveTurn } from './active-turn.js';
import { pushNotification } from './frame.js';
import type { RolloutOpening } from './rollout-opening.js';
import type { SessionState } from './session-state.js';
import { setStatus } from './session-state.js';
import { newWireTurn } from './turn-ending.js';
import { taskStartedPayload, turnContextPayload } from './turn-lines.js';

/** Makes it the running one and records that. Nobody is told yet. */
export function beginTurn(
  state: SessionState,
  opening: RolloutOpening,
  requestId: number,
  outputSchema: unknown,
): ActiveTurn {
  opening.prepareInput();
  const turn = startActiveTurn(uuid(), requestId, outputSchema, Date.now());
  state.turn = turn;
  state.sent.startTurn(turn.id);
  const { recorder, settings } = state;
  recorder.write('event_msg', taskStartedPayload(turn, settings.contextWindow));
  opening.giveContext(turn.id);
  recorder.write('turn_context', turnContextPayload(turn.id, settings));
  opening.recordSettings();
  return turn;
}

/** Behind the reply to whoever began it. */
export function announceTurn(state: SessionState, turn: ActiveTurn, preview: string): void {
  const patch = { activeTurnId: turn.id, materialized: true, preview, updatedAt: turn.startedAt };
  setStatus(state, { type: 'active', activeFlags: [] }, patch);
  const params = { threadId: state.conversationId, turn: newWireTurn(turn.id, turn.startedAt) };
  pushNotification(state.outbox, 'turn/started', params);
}
