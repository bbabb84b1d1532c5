// One conversation in full: its summary, its turns as JSON text, its token usage. Index thread.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Turn } from '../protocol/thread.js';
import { ARCHIVED_SESSIONS_FOLDER } from '../rollout/file-name.js';
import { noSessionMeta, toReadError } from '../rollout/read-rollout.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { resolveRolloutPath } from '../rollout/resolve-rollout-path.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { TURN_LINE_KINDS, TurnProjection } from '../rollout/turns.js';
import { addRecoveredItems } from './recovered-items.js';
import { SUMMARY_LINE_KINDS, SummaryGatherer } from './conversation-summary.js';
import type { ConversationNames } from './conversation-names.js';
import type { ReadParams, ReadResult } from './index-messages.js';

const KINDS: ReadonlySet<LineKind> = new Set([...TURN_LINE_KINDS, ...SUMMARY_LINE_KINDS]);

/**
 * Reads the file once, up to `end`. Throws DaemonError rollout_path_not_allowed, rollout_not_found, rollout_unreadable.
 */
export async function readConversation(
  home: string,
  params: ReadParams,
  names: ConversationNames,
): Promise<ReadResult> {
  const path = await resolveRolloutPath(home, params.path);
  const gatherer = new SummaryGatherer();
  const projection = new TurnProjection({ keepItems: params.includeTurns });
  try {
    const { mtimeMs } = await stat(path);
    const { completeSize } = await readRolloutLines(
      path,
      (line, index) => {
        gatherer.add(line);
        projection.apply(line, index);
      },
      { kinds: KINDS, ...(params.end === undefined ? {} : { end: params.end }) },
    );
    const archived = dirname(path) === join(home, ARCHIVED_SESSIONS_FOLDER);
    const summary = gatherer.finish({ path, archived, mtimeMs });
    if (summary === null) throw noSessionMeta(path);
    const turns = params.includeTurns ? withRunningItems(projection, params) : [];
    const journalPath = join(home, 'rolloutd', 'journal', `${summary.id}.jsonl`);
    addRecoveredItems(turns, params.liveTurnId ?? null, journalPath, completeSize);
    return {
      summary: { ...summary, name: (await names.read()).get(summary.id) ?? null },
      turnsJson: params.includeTurns ? stringifyWellFormed(turns) : null,
      tokenUsage: projection.tokenUsage(),
    };
  } catch (error) {
    throw toReadError(path, error);
  }
}

function withRunningItems(projection: TurnProjection, { liveTurnId = null, runningItems = [] }: ReadParams): Turn[] {
  const turns = projection.turns({ liveTurnId });
  const live = turns.find(({ id }) => id === liveTurnId);
  const recorded = new Set(live?.items.map(({ id }) => id));
  live?.items.push(...runningItems.filter(({ id }) => !recorded.has(id)));
  return turns;
}
