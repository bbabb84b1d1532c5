// One conversation's lines in their order, over all files that they lie in. Index thread.
import { dirname, join } from 'node:path';
import { ARCHIVED_SESSIONS_FOLDER } from '../rollout/file-name.js';
import type { HistoryMode, RolloutLine, SessionMetaPayload } from '../rollout/line.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { readSessionMeta, resolveLineage } from '../rollout/lineage.js';
import type { RolloutRange, SegmentLocator } from '../rollout/lineage.js';
import { historyModeOf, noSessionMeta, rolloutNotFound, toReadError } from '../rollout/read-rollout.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { LinePlace, RolloutLinesRead } from '../rollout/read-rollout-lines.js';
import { resolveRolloutPath } from '../rollout/resolve-rollout-path.js';
import { statStored } from '../rollout/stored-file.js';

export interface ConversationHistory {
  /** Resolved: under the home, without links. */
  path: string;
  archived: boolean;
  mtimeMs: number;
  meta: SessionMetaPayload;
  historyMode: HistoryMode;
  /** What precedes the file, oldest first. */
  sources: RolloutRange[];
}

/**
 * Looks up where the history of a file lies. Throws DaemonError rollout_path_not_allowed, rollout_not_found,
 * rollout_unreadable, lineage_broken.
 */
export async function openHistory(home: string, named: string, locate: SegmentLocator): Promise<ConversationHistory> {
  const resolved = await resolveRolloutPath(home, named);
  try {
    const stats = statStored(resolved);
    if (stats === null) throw rolloutNotFound(resolved);
    const { path } = stats;
    const meta = await readSessionMeta(path);
    if (meta === null) throw noSessionMeta(path);
    const sources = await resolveLineage(meta, locate);
    const archived = dirname(path) === join(home, ARCHIVED_SESSIONS_FOLDER);
    return { path, archived, mtimeMs: stats.mtimeMs, meta, historyMode: historyModeOf(meta), sources };
  } catch (error) {
    throw toReadError(resolved, error);
  }
}

/** Where a line stands in a history. */
export interface HistoryPlace extends LinePlace {
  /** Which of the sources; their number stands for the file itself. */
  file: number;
  /** Counts lines over all files. */
  index: number;
}

export interface HistoryRead {
  /** How the reading of each file ended, the conversation's own last. */
  files: RolloutLinesRead[];
  /** Damaged lines in all of them. */
  setAside: number;
}

/**
 * Calls `visit` for every line of these kinds, sources first, up to byte `end` of the file itself. Throws DaemonError
 * rollout_not_found and rollout_unreadable, and what `visit` throws.
 */
export async function readHistory(
  { path, sources }: ConversationHistory,
  visit: (line: RolloutLine, place: HistoryPlace) => void,
  { kinds, end }: { kinds?: ReadonlySet<LineKind> | undefined; end?: number | undefined },
): Promise<HistoryRead> {
  const files: RolloutLinesRead[] = [];
  let first = 0;
  for (const [file, range] of [...sources, { path, end }].entries()) {
    let count = first;
    const options = { ...(kinds && { kinds }), ...(range.end !== undefined && { end: range.end }) };
    try {
      const read = await readRolloutLines(
        range.path,
        (line, index, place) => {
          count = first + index + 1;
          visit(line, { ...place, file, index: first + index });
        },
        options,
      );
      files.push(read);
    } catch (error) {
      throw toReadError(range.path, error);
    }
    first = count;
  }
  return { files, setAside: files.reduce((sum, { setAside }) => sum + setAside.count, 0) };
}
