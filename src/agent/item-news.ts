// What all items have in common: an id of their own, and the news that they start and end. Session worker.
import { v7 as uuid } from 'uuid';
import type { ThreadItem } from '../protocol/thread.js';
import type { ActiveTurn } from './active-turn.js';
import { pushNotification } from './frame.js';
import type { SessionState } from './session-state.js';

/** Ids are unique within a turn, whatever a model repeats. */
export function claimItemId(turn: ActiveTurn, wanted: string): string {
  const id = wanted === '' || turn.usedItemIds.has(wanted) ? uuid() : wanted;
  turn.usedItemIds.add(id);
  return id;
}

/** `turn` may be over: a command can outlive it. */
export function announceStart(
  state: SessionState,
  turn: Pick<ActiveTurn, 'id'>,
  item: ThreadItem,
  startedAtMs: number,
): void {
  if (state.outbox.isAbandoned) return;
  const params = { item, threadId: state.conversationId, turnId: turn.id, startedAtMs };
  pushNotification(state.outbox, 'item/started', params);
}

export function announceCompletion(
  state: SessionState,
  turn: Pick<ActiveTurn, 'id'>,
  item: ThreadItem,
  completedAtMs: number,
): void {
  if (state.outbox.isAbandoned) return;
  const params = { item, threadId: state.conversationId, turnId: turn.id, contentTokenCount: null, completedAtMs };
  pushNotification(state.outbox, 'item/completed', params);
}
