// What the model is told as soon as it may be: not while it speaks, and not between its calls and their output. Session worker.
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';

/** Adds it to history and rollout now, or when what goes on is complete. */
export function holdForModel(state: SessionState, turn: ActiveTurn, item: ResponseItem): void {
  turn.heldItems.push(item);
  if (turn.attempt === null && turn.runningCalls.size === 0) releaseHeldItems(state, turn);
}

/** In order. To be called when nothing of the model goes on. */
export function releaseHeldItems(state: SessionState, turn: ActiveTurn): void {
  for (const item of turn.heldItems.splice(0)) remember(state, item);
}
