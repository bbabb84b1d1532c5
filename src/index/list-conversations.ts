// One page of a home's conversations: filters, order, cursors. Index thread.
import { stat } from 'node:fs/promises';
import type { ConversationNames } from './conversation-names.js';
import type { ConversationSummary, ListParams, ListResult } from './index-messages.js';
import { compareRows, cursorAfter, cursorBack, isAfterCursor, parseCursor } from './list-order.js';
import type { RowPosition } from './list-order.js';
import type { SummaryReader } from './read-summary.js';
import { listRolloutFiles, newestOfEachId } from './rollout-files.js';
import type { RolloutFile } from './rollout-files.js';
import { DEFAULT_SOURCE_KINDS, isOfSourceKind } from './session-source.js';

const MAX_LIMIT = 100;
/** Files read side by side. */
const BATCH = 16;

interface Row {
  file: RolloutFile;
  position: RowPosition;
}

/** Reads no more files than the page needs. Throws DaemonError invalid_params on a cursor that is none. */
export async function listConversations(
  home: string,
  params: ListParams,
  summaries: SummaryReader,
  names: ConversationNames,
): Promise<ListResult> {
  const cursor = parseCursor(params.cursor);
  const limit = Math.min(MAX_LIMIT, Math.max(1, params.limit));
  const rows = await orderedRows(home, params);
  const candidates = rows.filter(({ position }) => isAfterCursor(position, cursor, params.sortDirection));
  const page = await firstMatches(candidates, limit + 1, toFilter(params), summaries, await names.read());
  const shown = page.slice(0, limit);
  return {
    data: shown.map(({ summary }) => summary),
    nextCursor: page.length > limit ? cursorAfter(shown.at(-1)!.position) : null,
    hiddenCount: 0,
    backwardsCursor: shown.length === 0 ? null : cursorBack(shown[0]!.position, params.sortDirection),
  };
}

async function orderedRows(home: string, { archived, sortKey, sortDirection }: ListParams): Promise<Row[]> {
  const files = newestOfEachId(await listRolloutFiles(home, archived));
  const byCreation = sortKey === 'created_at' || sortKey === 'section_position';
  const rows: Row[] = [];
  for (let start = 0; start < files.length; start += BATCH) {
    const batch = files.slice(start, start + BATCH);
    const times = byCreation
      ? batch.map(({ createdAt }) => createdAt.getTime())
      : await Promise.all(batch.map(({ path }) => changedAt(path)));
    batch.forEach((file, index) => rows.push({ file, position: { time: times[index]!, id: file.id } }));
  }
  return rows.sort((a, b) => compareRows(a.position, b.position, sortDirection));
}

/** Whole milliseconds, as cursors hold them; 0 for a file that has gone since. */
async function changedAt(path: string): Promise<number> {
  const stats = await stat(path).catch(() => null);
  return stats === null ? 0 : Math.floor(stats.mtimeMs);
}

async function firstMatches(
  rows: readonly Row[],
  count: number,
  isWanted: (summary: ConversationSummary) => boolean,
  summaries: SummaryReader,
  names: ReadonlyMap<string, string>,
): Promise<{ summary: ConversationSummary; position: RowPosition }[]> {
  const matches: { summary: ConversationSummary; position: RowPosition }[] = [];
  for (let start = 0; start < rows.length && matches.length < count; start += BATCH) {
    const batch = rows.slice(start, start + BATCH);
    // One file that cannot be read must not hide all others.
    const read = await Promise.all(batch.map(({ file }) => summaries.read(file.path, file.archived).catch(() => null)));
    for (const [index, unnamed] of read.entries()) {
      if (unnamed === null || unnamed.preview === '') continue;
      const summary = { ...unnamed, name: names.get(unnamed.id) ?? null };
      if (isWanted(summary)) matches.push({ summary, position: batch[index]!.position });
    }
  }
  return matches.slice(0, count);
}

function toFilter(params: ListParams): (summary: ConversationSummary) => boolean {
  const term = params.searchTerm?.toLowerCase() ?? '';
  const folders = (params.cwd ?? []).map(withoutSlash);
  const providers = params.modelProviders ?? [];
  const kinds = params.sourceKinds?.length ? params.sourceKinds : DEFAULT_SOURCE_KINDS;
  return ({ preview, name, cwd, modelProvider, source }) =>
    isOfSourceKind(source, kinds) &&
    (providers.length === 0 || modelProvider === null || providers.includes(modelProvider)) &&
    (folders.length === 0 || folders.includes(withoutSlash(cwd))) &&
    (preview.toLowerCase().includes(term) || (name ?? '').toLowerCase().includes(term));
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}
