// The state of a session at one point in its order of events, for whoever joins there. Session worker.
import type { ThreadItem } from '../protocol/thread.js';
import { frameText } from '../session/frame-text.js';
import type { SessionSnapshot } from '../session/messages.js';
import { toThreadItem } from './open-items.js';
import type { SessionState } from './session-state.js';
import { runningSearch } from './web-search.js';

interface Running {
  item: ThreadItem;
  turnId: string;
  startedAtMs: number;
}

/** `rolloutSize`: bytes of the rollout that hold everything before this point. */
export function makeSnapshot(state: SessionState, rolloutSize: number): SessionSnapshot {
  const { turn, conversationId, tokens } = state;
  const running = runningItems(state);
  return {
    rolloutSize,
    activeTurnId: turn?.id ?? null,
    runningItemFrames: running.map((each) => frameText('item/started', { threadId: conversationId, ...each })),
    // Commands of former turns are not among the items of the one that runs.
    runningItems: running.filter(({ turnId }) => turnId === turn?.id).map(({ item }) => item),
    tokenUsage: tokens.last === null ? null : tokens.toTokenUsage(),
    tokenUsageTurnId: tokens.lastTurnId,
  };
}

function runningItems({ turn, commands, changes }: SessionState): Running[] {
  const ofTools = [...commands, ...changes].map((each) => ({
    item: each.toThreadItem(),
    turnId: each.turnId,
    startedAtMs: each.startedAtMs,
  }));
  if (turn === null) return ofTools;
  const { id: turnId, openItems, searches } = turn;
  return [
    ...[...openItems.values()].map((open) => ({
      item: toThreadItem(open, null),
      turnId,
      startedAtMs: open.startedAtMs,
    })),
    ...[...searches.values()].map((search) => ({
      item: runningSearch(search),
      turnId,
      startedAtMs: search.startedAtMs,
    })),
    ...ofTools,
  ];
}
