// Text of an unfinished turn that only the side journal holds, as items of that turn. Index thread.
import { applyJournal, readJournal } from '../rollout/journal.js';
import type { PartialItem } from '../rollout/journal.js';
import { brokenTool } from '../rollout/broken-tool.js';
import type { ItemTimes } from '../rollout/item-times.js';
import { agentMessage, reasoning, toThreadItem } from '../rollout/thread-item.js';
import type { ThreadItem, Turn } from '../protocol/thread.js';

/**
 * Adds to the last turn what streamed before its process died; the rollout gets it with the next input. Does nothing
 * for a turn that ended or is live, and for a journal that does not belong to a rollout of `size` bytes.
 */
export function addRecoveredItems(
  turns: readonly Turn[],
  liveTurnId: string | null,
  journalPath: string,
  size: number,
): void {
  const turn = turns.at(-1);
  if (turn === undefined || turn.status !== 'interrupted' || turn.completedAt !== null || turn.id === liveTurnId)
    return;
  const journal = readJournal(journalPath);
  if (journal === null) return;
  const { items } = applyJournal(journal, size, new Set(turn.items.map(({ id }) => id)));
  for (const item of items) {
    if (item.turnId !== turn.id) continue;
    const times = { startedAtMs: item.startedAtMs, completedAtMs: null };
    const recovered = recoveredItem(item, times);
    if (recovered !== null) turn.items.push(recovered);
  }
}

function recoveredItem(item: PartialItem, times: ItemTimes): ThreadItem | null {
  switch (item.type) {
    case 'agentMessage':
      return agentMessage(item.id, item.text, item.phase, true, times);
    case 'reasoning':
      return reasoning(item.id, item.summary, item.content, true, times);
    case 'tool':
      return item.core === null ? null : toThreadItem(brokenTool(item.core, item.text), times);
  }
}
