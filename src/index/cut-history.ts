// Where the history ends that a fork or a revert keeps. Index thread.
import { basename } from 'node:path';
import { DaemonError } from '../errors.js';
import { journalPathFor, parseRolloutName } from '../rollout/file-name.js';
import { applyJournal, readJournal } from '../rollout/journal.js';
import type { PartialItem } from '../rollout/journal.js';
import { readSessionMeta } from '../rollout/lineage.js';
import type { RolloutRange, SegmentLocator } from '../rollout/lineage.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { RolloutLinesRead } from '../rollout/read-rollout-lines.js';
import { openHistory, readHistory } from './conversation-history.js';
import type { ConversationHistory } from './conversation-history.js';
import type { CutParams, CutPoint, CutResult } from './index-messages.js';
import { TurnStarts } from './turn-starts.js';
import type { TurnStart } from './turn-starts.js';

/** A place between two lines of one of the history's files. */
interface Cut {
  file: number;
  offset: number;
  /** What a new file that goes on from here counts from. */
  ordinal: number;
}

/**
 * Turns that were rolled back do not exist; one that was steered is one turn. A torn last line is never kept. Throws
 * DaemonError turn_not_found, and what openHistory and readHistory throw.
 */
export async function cutHistory(home: string, params: CutParams, locate: SegmentLocator): Promise<CutResult> {
  const history = await openHistory(home, params.path, locate);
  const { historyMode, sources, path } = history;
  const turns = new TurnStarts(historyMode);
  const read = await readHistory(history, (line, place) => turns.add(line, place), { end: params.end });
  const { completeSize } = read.files.at(-1)!;
  const starts = turns.starts.filter(({ file, offset }) => file < sources.length || offset < completeSize);
  const wanted = findCut(params.at, starts, turns, sources.length);
  if (wanted === null) return { historyMode, base: null, kept: [], partialItems: [] };
  const cut = 'offset' in wanted ? wanted : await endOf(wanted.file, history, read.files);
  const files = [...sources.map((source) => source.path), path];
  const kept: RolloutRange[] = [...sources.slice(0, cut.file), { path: files[cut.file]!, end: cut.offset }];
  const isWhole = cut.file === sources.length && cut.offset === completeSize;
  const partialItems = isWhole ? readPartialItems(home, history.meta.id, completeSize) : [];
  if (historyMode === 'legacy') return { historyMode, base: null, kept, partialItems };
  const threadId = await segmentIdIn(files[cut.file]!);
  const base = { threadId, endOrdinalExclusive: cut.ordinal, endByteOffset: cut.offset };
  return { historyMode, base, kept, partialItems };
}

/** Whoever gets them knows which of them are recorded. */
function readPartialItems(home: string, id: string, size: number): PartialItem[] {
  const journal = readJournal(journalPathFor(home, id));
  return journal === null ? [] : applyJournal(journal, size, new Set()).items;
}

/** A place, or the file to whose end all is kept; null when nothing is kept. */
function findCut(
  at: CutPoint,
  starts: readonly TurnStart[],
  turns: TurnStarts,
  lastFile: number,
): Cut | { file: number } | null {
  if (at.type === 'end') return { file: lastFile };
  const index = starts.findIndex(({ turnId }) => turnId === at.turnId);
  if (index === -1) throw new DaemonError('turn_not_found', `turn not found: ${at.turnId}`);
  if (at.type === 'before' && index === 0 && !turns.hasItemsBefore) return null;
  const { file, offset } = starts[index]!;
  const next = starts[at.type === 'before' ? index : index + 1];
  // What goes on from an inherited turn goes on from its file, and does not depend on the one that inherited it: unless
  // only that one tells how this turn ended, or that turns behind it are no more.
  const isDropped = turns.droppedLater.some((dropped) => dropped.file === file && dropped.offset > offset);
  const isAlone = !isDropped && !turns.isEndedLater(at.turnId);
  if (at.type === 'through' && next?.file !== file && isAlone) return { file };
  if (next === undefined) return { file: lastFile };
  return { file: next.file, offset: next.offset, ordinal: next.ordinal };
}

async function endOf(file: number, history: ConversationHistory, files: readonly RolloutLinesRead[]): Promise<Cut> {
  const { completeSize, tornTail, nextOrdinal } = files[file]!;
  const cut = { file, offset: completeSize, ordinal: nextOrdinal };
  if (!tornTail || history.historyMode === 'legacy') return cut;
  // The torn line may be whole but for its newline, and was counted.
  const path = history.sources[file]?.path ?? history.path;
  const complete = await readRolloutLines(path, () => true, { kinds: new Set(), end: completeSize });
  return { ...cut, ordinal: complete.nextOrdinal };
}

/** What lineage knows the file by. */
async function segmentIdIn(path: string): Promise<string> {
  const name = parseRolloutName(basename(path));
  // The id in a file wins over the one in its name.
  return name?.segmentId ?? (await readSessionMeta(path))?.id ?? name?.id ?? '';
}
