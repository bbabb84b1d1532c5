// Searches of the web that the provider does for the model: nothing to do here but to show them. Session worker.
import type { CoreItem } from '../rollout/line.js';
import { isResponseItem } from '../rollout/response-item.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { queryOf } from '../rollout/search-query.js';
import { toThreadItem } from '../rollout/thread-item.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { ActiveTurn } from './active-turn.js';
import { announceCompletion, announceStart, claimItemId } from './item-news.js';
import type { SessionState } from './session-state.js';
import { itemLines } from './turn-lines.js';

/** One that runs. */
export interface OpenSearch {
  /** On the wire. */
  id: string;
  startedAtMs: number;
}

const UNKNOWN = { query: '', action: { type: 'other' } };

export function startSearch(state: SessionState, turn: ActiveTurn, modelId: string): OpenSearch {
  const search = { id: claimItemId(turn, modelId), startedAtMs: Date.now() };
  turn.searches.set(modelId, search);
  announceStart(state, turn, runningSearch(search), search.startedAtMs);
  return search;
}

/** As it is shown while it runs. */
export function runningSearch({ id, startedAtMs }: OpenSearch): ThreadItem {
  return toThreadItem({ type: 'WebSearch', id, ...UNKNOWN }, { startedAtMs, completedAtMs: null });
}

/** The provider's own word of it, which need not have announced it. */
export function completeSearch(state: SessionState, turn: ActiveTurn, response: ResponseItem): void {
  if (!isResponseItem(response, 'web_search_call')) return;
  const modelId = response.id ?? '';
  const search = turn.searches.get(modelId) ?? startSearch(state, turn, modelId);
  turn.searches.delete(modelId);
  const action = response.action ?? null;
  complete(state, turn, search, { query: queryOf(action), action });
}

/** The request that ran them was cut. */
export function cutSearches(state: SessionState, turn: ActiveTurn): void {
  for (const [modelId, search] of turn.searches) {
    turn.searches.delete(modelId);
    complete(state, turn, search, UNKNOWN);
  }
}

function complete(
  state: SessionState,
  turn: ActiveTurn,
  { id, startedAtMs }: OpenSearch,
  what: { query: string; action: Record<string, unknown> | null },
): void {
  const item: CoreItem = { type: 'WebSearch', id, ...what };
  const now = Date.now();
  const { recorder, conversationId } = state;
  recorder.writeAll(itemLines(recorder.mode, conversationId, turn.id, item, startedAtMs, now));
  announceCompletion(state, turn, toThreadItem(item, { startedAtMs, completedAtMs: now }), now);
}
