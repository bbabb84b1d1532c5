// One conversation in full: its summary, its turns as JSON text, its token usage. Index thread.
import type { SegmentLocator } from '../rollout/lineage.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { openHistory } from './conversation-history.js';
import type { ConversationHistory } from './conversation-history.js';
import { FactsGatherer, SUMMARY_LINE_KINDS, toSummary } from './conversation-summary.js';
import type { UnnamedSummary } from './conversation-summary.js';
import { readTurns } from './conversation-turns.js';
import type { ReadParams, ReadResult } from './index-messages.js';

/**
 * Reads each file of the history once, its own up to `end`. Throws DaemonError rollout_path_not_allowed,
 * rollout_not_found, rollout_unreadable, lineage_broken.
 */
export async function readConversation(
  home: string,
  params: ReadParams,
  locate: SegmentLocator,
): Promise<Omit<ReadResult, 'summary'> & { summary: UnnamedSummary }> {
  const history = await openHistory(home, params.path, locate);
  const gatherers = [...history.sources, null].map(() => new FactsGatherer());
  const { turns, tokenUsage, setAside } = await readTurns(home, history, {
    ...params,
    withItems: params.includeTurns,
    kinds: SUMMARY_LINE_KINDS,
    observe: (line, { file }) => gatherers[file]!.add(line),
  });
  return {
    summary: summarize(history, gatherers),
    turnsJson: params.includeTurns ? stringifyWellFormed(turns) : null,
    tokenUsage,
    setAside,
  };
}

function summarize(history: ConversationHistory, gatherers: readonly FactsGatherer[]): UnnamedSummary {
  const facts = gatherers.map((gatherer) => gatherer.facts);
  return toSummary(history, history.meta, facts.at(-1)!, facts.slice(0, -1));
}
