// The reply to a resume, with the history that the index made. Main thread.
import type { IndexClient } from '../../index/index-client.js';
import type { PageSource, ReadResult, TailCursorsResult } from '../../index/index-messages.js';
import type { ParamsOf, ResultOf } from '../../protocol/methods.js';
import type { Reattach } from '../../registry/fan-out.js';
import { rawPlace, stringifyWith } from '../raw-json.js';
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

export interface ResumeReply {
  result: ResultOf<'thread/start'>;
  /** null for a conversation that has no file. */
  history: ResumedHistory | null;
  reattach: Reattach | null;
  ignoredOverrides: readonly string[];
}

/** JSON text of the result. */
export function toResumeJson({ result, history, reattach, ignoredOverrides }: ResumeReply): string {
  const { model, reasoningEffort } = result;
  const value = {
    ...result,
    thread: { ...result.thread, turns: rawPlace(0) },
    collaborationMode: {
      mode: 'default',
      // Those of a mode; what a client gave belongs to the conversation.
      settings: { model, reasoning_effort: reasoningEffort, developer_instructions: null },
    },
    initialTurnsPage: rawPlace(1),
    turnsBackwardsCursor: history?.cursors.turns ?? null,
    itemsBackwardsCursor: history?.cursors.items ?? null,
    ...(ignoredOverrides.length === 0 ? {} : { ignoredOverrides }),
    ...(reattach === null ? {} : { reattach: toWireReattach(reattach) }),
  };
  return stringifyWith(value, [history?.read.turnsJson ?? '[]', history?.page ?? 'null']);
}

function toWireReattach(reattach: Reattach): ResultOf<'thread/resume'>['reattach'] {
  return { type: reattach.type, reason: reattach.type === 'resync' ? reattach.reason : null };
}
