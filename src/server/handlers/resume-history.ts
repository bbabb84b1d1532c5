// The history of a conversation in the reply to a resume, made by the index. Main thread.
import type { IndexClient } from '../../index/index-client.js';
import type { PageSource, ReadResult, TailCursorsResult } from '../../index/index-messages.js';
import type { ParamsOf } from '../../protocol/methods.js';
import { DEFAULT_PAGE_LIMIT } from './page-limits.js';

export interface ResumedHistory {
  read: ReadResult;
  cursors: TailCursorsResult;
  /** JSON text, or null when it was not asked for. */
  page: string | null;
}

/** Throws what reading a rollout throws. */
export async function readHistory(
  index: IndexClient,
  threadId: string,
  source: PageSource,
  { excludeTurns, initialTurnsPage = null }: Pick<ParamsOf<'thread/resume'>, 'excludeTurns' | 'initialTurnsPage'>,
): Promise<ResumedHistory> {
  const [read, cursors, first] = await Promise.all([
    index.read({ ...source, includeTurns: excludeTurns !== true }),
    index.tailCursors({ ...source, threadId }),
    initialTurnsPage === null
      ? null
      : index.turnsPage({
          ...source,
          threadId,
          cursor: null,
          limit: initialTurnsPage.limit ?? DEFAULT_PAGE_LIMIT,
          sortDirection: initialTurnsPage.sortDirection ?? 'desc',
          itemsView: initialTurnsPage.itemsView ?? 'summary',
        }),
  ]);
  return { read, cursors, page: first === null ? null : first.json };
}
