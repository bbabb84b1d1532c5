// What a newcomer must know of a live conversation beside its rollout: what runs, and how far. Session worker.
import { frameText } from '../session/frame-text.js';
import type { SessionSnapshot } from '../session/messages.js';
import { toThreadItem } from './open-items.js';
import type { SessionState } from './session-state.js';

/** `rolloutSize` is how large the rollout will be with all that was appended so far. */
export function takeSnapshot(state: SessionState, rolloutSize: number): SessionSnapshot {
  const { turn, conversationId, tokens, commands, changes } = state;
  const open = turn === null ? [] : [...turn.openItems.values()];
  const running = [
    ...open.map((item) => ({ item: toThreadItem(item, null), turnId: turn!.id, startedAtMs: item.startedAtMs })),
    ...[...commands, ...changes].map((item) => ({
      item: item.toThreadItem(),
      turnId: item.turnId,
      startedAtMs: item.startedAtMs,
    })),
  ];
  return {
    rolloutSize,
    activeTurnId: turn?.id ?? null,
    runningItemFrames: running.map((each) => frameText('item/started', { threadId: conversationId, ...each })),
    // Those of former turns are not among the items of the one that runs.
    runningItems: running.filter(({ turnId }) => turnId === turn?.id).map(({ item }) => item),
    tokenUsage: tokens.last === null ? null : tokens.toTokenUsage(),
    tokenUsageTurnId: tokens.lastTurnId,
  };
}
