// Pages of a conversation's turns and items, as JSON text for replies. Index thread.
import { DaemonError } from '../errors.js';
import type { ThreadItem, Turn } from '../protocol/thread.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { itemKey } from './conversation-turns.js';
import type { ConversationTurns } from './conversation-turns.js';
import type {
  ItemsPageParams,
  ItemsReadParams,
  PageResult,
  SortDirection,
  TailCursorsParams,
  TailCursorsResult,
  TurnsPageParams,
} from './index-messages.js';
import { formatCursor, invalidCursor, parseCursor, takePage } from './page-cursor.js';
import type { Page, PageAnchor, PageKind } from './page-cursor.js';

const MAX_LIMIT = 100;

interface ItemRow {
  turnId: string;
  item: ThreadItem;
}

/** Both kinds of page throw invalid_params for a cursor that is none. */
export function pageTurns({ turns }: ConversationTurns, params: TurnsPageParams): PageResult {
  const { cursor, threadId, itemsView } = params;
  const anchor = cursor === null ? null : parseCursor('turns', threadId, cursor);
  const at = anchor === null ? null : turns.findIndex(({ id }) => id === anchor.turnId);
  if (cursor !== null && at === -1) throw invalidCursor(cursor);
  const page = takePage(turns, rangeOf(params, anchor, at));
  const data = page.rows.map((turn) => ({ ...turn, items: itemsInView(turn, itemsView), itemsView }));
  return toResult('turns', params, page, data, ({ id }) => ({ turnId: id, itemId: '' }));
}

export function pageItems(read: ConversationTurns, params: ItemsPageParams): PageResult {
  const { threadId, turnId, cursor } = params;
  const rows = toRows(read);
  let anchor: PageAnchor | null = null;
  let at: number | null = null;
  if (cursor !== null) {
    anchor = typeof cursor === 'string' ? parseCursor('items', threadId, cursor) : ofItem(turnId, cursor.itemId);
    const { turnId: turn, itemId } = anchor;
    at = rows.findIndex((row) => row.turnId === turn && row.item.id === itemId);
    if (at === -1) throw typeof cursor === 'string' ? invalidCursor(cursor) : unknownItem();
  }
  const range = rangeOf(params, anchor, at);
  const isWanted = (row: ItemRow): boolean => turnId === null || row.turnId === turnId;
  const page = endBeforeRunning(takePage(rows, range, isWanted), params, read);
  const data = page.rows.map((row) => toEntry(row, params.deferOutput));
  return toResult('items', params, page, data, (row) => ({ turnId: row.turnId, itemId: row.item.id }));
}

export function readItems({ turns }: ConversationTurns, { turnId, itemIds }: ItemsReadParams): PageResult {
  const wanted = new Set(itemIds);
  const items = turns.find(({ id }) => id === turnId)?.items.filter(({ id }) => wanted.has(id)) ?? [];
  return { json: stringifyWellFormed({ data: items.map((item) => toEntry({ turnId, item })) }) };
}

export function findTailCursors(read: ConversationTurns, { threadId }: TailCursorsParams): TailCursorsResult {
  const turn = read.turns.at(-1);
  const row = toRows(read).at(-1);
  const cursorOf = (kind: PageKind, turnId: string, itemId: string): string =>
    formatCursor(kind, threadId, { turnId, itemId, included: true });
  return {
    turns: turn === undefined ? null : cursorOf('turns', turn.id, ''),
    items: row === undefined ? null : cursorOf('items', row.turnId, row.item.id),
  };
}

function itemsInView({ items }: Turn, view: TurnsPageParams['itemsView']): ThreadItem[] {
  if (view === 'full') return items;
  if (view === 'notLoaded') return [];
  const question = items.find(({ type }) => type === 'userMessage');
  const answers = items.filter((item) => item.type === 'agentMessage');
  const answer =
    answers.findLast(({ phase }) => phase === 'final_answer') ??
    answers.findLast(({ phase }) => phase !== 'commentary');
  return [question, answer].filter((item) => item !== undefined);
}

/** In the order of their first lines; those that no line holds yet come last. */
function toRows({ turns, firstLines }: ConversationTurns): ItemRow[] {
  const rows = turns.flatMap(({ id, items }) => items.map((item) => ({ turnId: id, item })));
  if (firstLines.size === 0) return rows;
  const lineOf = ({ turnId, item }: ItemRow): number =>
    firstLines.get(itemKey(turnId, item.id)) ?? Number.MAX_SAFE_INTEGER;
  return rows.sort((a, b) => lineOf(a) - lineOf(b));
}

/**
 * Items that no line holds yet end in no known order: an ascending page that others follow ends before the first of them,
 * so that none is passed by. A page that begins with one cannot.
 */
function endBeforeRunning(
  page: Page<ItemRow>,
  { sortDirection }: ItemsPageParams,
  { firstLines }: ConversationTurns,
): Page<ItemRow> {
  if (!page.hasMore || sortDirection === 'desc' || firstLines.size === 0) return page;
  const running = page.rows.findIndex(({ turnId, item }) => !firstLines.has(itemKey(turnId, item.id)));
  return running <= 0 ? page : { ...page, rows: page.rows.slice(0, running) };
}

/** Without its output when that is to be fetched apart. */
function toEntry({ turnId, item }: ItemRow, deferOutput: readonly ThreadItem['type'][] = []): object {
  const { startedAtMs, completedAtMs } = item;
  const isDeferred = deferOutput.includes(item.type) && outputOf(item) != null;
  const shown = isDeferred ? { ...item, ...NO_OUTPUT[item.type] } : item;
  return { turnId, item: shown, ...(isDeferred ? { outputDeferred: true } : {}), startedAtMs, completedAtMs };
}

/** What stands in the place of an item's output. */
const NO_OUTPUT: Partial<Record<ThreadItem['type'], object>> = {
  commandExecution: { aggregatedOutput: null },
  mcpToolCall: { result: null },
};

function outputOf(item: ThreadItem): unknown {
  if (item.type === 'commandExecution') return item.aggregatedOutput;
  return item.type === 'mcpToolCall' ? item.result : null;
}

function ofItem(turnId: string | null, itemId: string): PageAnchor {
  if (turnId === null || turnId === '') {
    throw new DaemonError('invalid_params', 'turnId is required when cursor is an item anchor');
  }
  return { turnId, itemId, included: false };
}

function unknownItem(): DaemonError {
  const message = 'cursor.itemId does not identify an item in the requested history scope';
  return new DaemonError('invalid_params', message);
}

function rangeOf(
  { limit, sortDirection }: { limit: number; sortDirection: SortDirection },
  anchor: PageAnchor | null,
  at: number | null,
): { from: number | null; limit: number; sortDirection: SortDirection } {
  const step = anchor === null || anchor.included ? 0 : sortDirection === 'asc' ? 1 : -1;
  return { from: at === null ? null : at + step, limit: Math.min(MAX_LIMIT, Math.max(1, limit)), sortDirection };
}

function toResult<Row>(
  kind: PageKind,
  { threadId }: { threadId: string },
  { rows, hasMore }: Page<Row>,
  data: readonly object[],
  toIds: (row: Row) => Omit<PageAnchor, 'included'>,
): PageResult {
  const cursorOf = (row: Row, included: boolean): string => formatCursor(kind, threadId, { ...toIds(row), included });
  const nextCursor = hasMore ? cursorOf(rows.at(-1)!, false) : null;
  const backwardsCursor = rows.length === 0 ? null : cursorOf(rows[0]!, true);
  return { json: stringifyWellFormed({ data, nextCursor, backwardsCursor }) };
}
