// The turns of one conversation with what runs in them, and the order of their items. Index thread.
import { join } from 'node:path';
import type { ThreadItem, Turn } from '../protocol/thread.js';
import type { RolloutLine } from '../rollout/line.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { TURN_LINE_KINDS, TurnProjection } from '../rollout/turns.js';
import type { TurnTokenUsage } from '../rollout/turns.js';
import { readHistory } from './conversation-history.js';
import type { ConversationHistory, HistoryPlace } from './conversation-history.js';
import type { PageSource } from './index-messages.js';
import { addRecoveredItems } from './recovered-items.js';

export interface ConversationTurns {
  turns: Turn[];
  tokenUsage: TurnTokenUsage | null;
  /** Damaged lines in all files read. */
  setAside: number;
  /** By turn and item, as `itemKey` joins them: which of all lines first held the item. Empty for legacy files. */
  firstLines: ReadonlyMap<string, number>;
}

export interface ReadTurnsOptions extends Omit<PageSource, 'path'> {
  /** Without items the turns are told from each other, nothing more. */
  withItems: boolean;
  /** Kinds that `observe` gets besides those that turns are made of. */
  kinds?: readonly LineKind[];
  observe?: (line: RolloutLine, place: HistoryPlace) => void;
}

export function itemKey(turnId: string, itemId: string): string {
  return `${turnId}\n${itemId}`;
}

/** Reads all files of the history once. Throws what readHistory throws. */
export async function readTurns(
  home: string,
  history: ConversationHistory,
  options: ReadTurnsOptions,
): Promise<ConversationTurns> {
  const { historyMode, meta } = history;
  const { withItems, observe, end, liveTurnId = null, runningItems = [] } = options;
  const projection = new TurnProjection({ mode: historyMode, keepItems: withItems });
  const firstLines = new Map<string, number>();
  const kinds = new Set([...TURN_LINE_KINDS, ...(options.kinds ?? [])]);
  const read = await readHistory(
    history,
    (line, place) => {
      observe?.(line, place);
      projection.apply(line, place.index);
      if (!withItems || historyMode !== 'paginated') return;
      if (line.type !== 'event_msg' || line.payload.type !== 'item_completed') return;
      const key = itemKey(line.payload.turn_id, line.payload.item.id);
      if (!firstLines.has(key)) firstLines.set(key, place.index);
    },
    { kinds, end },
  );
  const turns = projection.turns({ liveTurnId });
  if (withItems) {
    addRunningItems(turns, liveTurnId, runningItems);
    const journalPath = join(home, 'rolloutd', 'journal', `${meta.id}.jsonl`);
    addRecoveredItems(turns, liveTurnId, journalPath, read.files.at(-1)!.completeSize);
  }
  return { turns, tokenUsage: projection.tokenUsage(), setAside: read.setAside, firstLines };
}

function addRunningItems(turns: readonly Turn[], liveTurnId: string | null, running: readonly ThreadItem[]): void {
  const live = turns.find(({ id }) => id === liveTurnId);
  const recorded = new Set(live?.items.map(({ id }) => id));
  live?.items.push(...running.filter(({ id }) => !recorded.has(id)));
}
