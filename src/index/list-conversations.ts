// One page of a home's conversations: filters, order, cursors. Index thread.
import type { ConversationMetadata } from './conversation-metadata.js';
import type { ConversationFinder } from './find-conversation.js';
import { summarizeAll } from './home-summaries.js';
import type { SummarizedConversation } from './home-summaries.js';
import type { ListParams, ListResult } from './index-messages.js';
import { toListFilter } from './list-filter.js';
import { compareRows, cursorAfter, cursorBack, isAfterCursor, parseCursor } from './list-order.js';
import type { RowPosition } from './list-order.js';
import type { SummaryReader } from './read-summary.js';
import { findInMessages } from './search-messages.js';

const MAX_LIMIT = 100;
/** Files searched side by side. */
const SEARCH_BATCH = 4;

interface Row extends SummarizedConversation {
  position: RowPosition;
  /** False when only its messages can tell whether the search term is there. */
  isFound: boolean;
}

export interface ListSources {
  finder: ConversationFinder;
  summaries: SummaryReader;
  metadata: ConversationMetadata;
}

/**
 * Looks at every conversation of the home: what has not changed is not read again. Conversations in which no user has
 * said anything are none of the list, but for the archive's: somebody put them there. Throws DaemonError invalid_params on a cursor that is none.
 */
export async function listConversations(params: ListParams, sources: ListSources): Promise<ListResult> {
  const { finder, summaries } = sources;
  const { sortDirection } = params;
  const cursor = parseCursor(params.cursor);
  const limit = Math.min(MAX_LIMIT, Math.max(1, params.limit));
  const files = await finder.listFiles();
  const locate = finder.locator(() => Promise.resolve(files));
  const [all, overlay] = await Promise.all([summarizeAll(files, summaries, locate), sources.metadata.read()]);
  const { judge, findsIn, term } = toListFilter(params, () => parentsOf(all));
  const rows: Row[] = [];
  let hiddenCount = 0;
  for (const conversation of all) {
    const { file, summary } = conversation;
    if (file.archived !== params.archived || (summary.preview === '' && !file.archived)) continue;
    const verdict = judge(summary);
    const isFound = verdict !== 'out' && findsIn(summary.preview, overlay.nameOf(summary.id));
    if (verdict === 'hidden' && isFound) hiddenCount += 1;
    if (verdict !== 'shown') continue;
    const position = positionOf(conversation, params);
    if (isAfterCursor(position, cursor, sortDirection)) rows.push({ ...conversation, position, isFound });
  }
  rows.sort((a, b) => compareRows(a.position, b.position, sortDirection));
  const page = await firstFound(rows, limit + 1, term);
  const shown = page.slice(0, limit);
  return {
    data: shown.map(({ summary }) => overlay.apply(summary)),
    nextCursor: page.length > limit ? cursorAfter(shown.at(-1)!.position) : null,
    backwardsCursor: shown.length === 0 ? null : cursorBack(shown[0]!.position, sortDirection),
    hiddenCount,
  };
}

function parentsOf(all: readonly SummarizedConversation[]): Map<string, string> {
  const parents = new Map<string, string>();
  for (const { summary } of all) if (summary.parentId !== null) parents.set(summary.id, summary.parentId);
  return parents;
}

/** Whole milliseconds, as cursors hold them. */
function positionOf({ file, mtimeMs }: SummarizedConversation, { sortKey }: ListParams): RowPosition {
  const byCreation = sortKey === 'created_at' || sortKey === 'section_position';
  return { time: byCreation ? file.createdAt.getTime() : Math.floor(mtimeMs), id: file.id };
}

/** Opens no more files than the page needs. */
async function firstFound(rows: readonly Row[], count: number, term: string): Promise<Row[]> {
  const found: Row[] = [];
  for (let start = 0; start < rows.length && found.length < count; start += SEARCH_BATCH) {
    const batch = rows.slice(start, start + SEARCH_BATCH);
    // One file that cannot be read must not hide all others.
    const isIn = await Promise.all(
      batch.map(async ({ file, isFound }) => isFound || (await findInMessages(file.path, term).catch(() => false))),
    );
    found.push(...batch.filter((_, index) => isIn[index]));
  }
  return found.slice(0, count);
}
