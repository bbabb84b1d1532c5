// One conversation in full: its summary, its turns as JSON text, its token usage. Index thread.
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import type { ConversationHistory } from './conversation-history.js';
import { toSummary } from './conversation-summary.js';
import type { UnnamedSummary } from './conversation-summary.js';
import type { TurnReader } from './conversation-turns.js';
import type { ReadParams, ReadResult } from './index-messages.js';

/** Throws DaemonError rollout_not_found, rollout_unreadable. */
export async function readConversation(
  history: ConversationHistory,
  params: ReadParams,
  reader: TurnReader,
): Promise<Omit<ReadResult, 'summary'> & { summary: UnnamedSummary }> {
  const read = await reader.read(history, { ...params, withItems: params.includeTurns });
  const { turns, facts, tokenUsage, setAside } = read;
  return {
    summary: toSummary(history, history.meta, facts.at(-1)!, facts.slice(0, -1)),
    turnsJson: params.includeTurns ? stringifyWellFormed(turns) : null,
    tokenUsage,
    setAside,
  };
}
