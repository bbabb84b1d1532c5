// thread/read, list, loaded/list: looking at conversations without loading them. Main thread.
import { DaemonError } from '../../errors.js';
import type { ReadState } from '../../protocol/thread.js';
import type { ListResult } from '../../index/index-messages.js';
import { toFacts } from '../../registry/conversation-facts.js';
import type { Conversation } from '../../registry/conversation.js';
import { toThread } from '../../registry/thread-view.js';
import { noConversation } from '../../registry/missing-rollout.js';
import type { Handler, Responder } from '../dispatch.js';
import { rawPlace, stringifyWith } from '../raw-json.js';
import type { HandlerContext } from './handler-context.js';
import { pageLimit } from './page-limits.js';
import { checkedThreadId } from './turn-handlers.js';

const READ_DEPRECATION = {
  summary: 'Reading the whole history at once is deprecated for paginated threads.',
  details: 'Leave out `includeTurns`, then page with `thread/turns/list` and `thread/items/list`.',
};

const DEFAULT_LOADED_LIMIT = 100;

export function threadReadHandler(context: HandlerContext): Handler<'thread/read'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const includeTurns = params.includeTurns ?? false;
    const loaded = context.registry.findLoaded(threadId) ?? (await context.registry.settle(threadId));
    if (loaded !== null) return readLoaded(context, loaded, includeTurns, respond);
    const watched = context.registry.watches.find(threadId);
    const status = watched?.status ?? { type: 'notLoaded' as const };
    const source = watched?.source ?? { path: await context.index.find(threadId), liveTurnId: null };
    const { path } = source;
    if (path === null) throw noConversation(threadId);
    const { summary, turnsJson } = await context.index.read({ ...source, path, includeTurns });
    const facts = toFacts(summary, context.readConfig(null).modelProvider);
    const thread = toThread(facts, status, watched === null);
    announceDeprecation(respond, includeTurns, thread.historyMode);
    answer(respond, thread, turnsJson, context.registry.remarks.readStateOf(threadId));
  };
}

async function readLoaded(
  { index }: HandlerContext,
  conversation: Conversation,
  includeTurns: boolean,
  respond: Responder<never>,
): Promise<void> {
  if (!includeTurns) return answer(respond, conversation.toThread(), null, conversation.readState);
  const { path, historyMode } = conversation.facts;
  if (path === null) {
    throw new DaemonError('history_not_materialized', 'ephemeral threads do not support includeTurns');
  }
  if (!conversation.materialized) {
    const message = `thread ${conversation.id} is not materialized yet; includeTurns is unavailable before first user message`;
    throw new DaemonError('history_not_materialized', message);
  }
  const snapshot = await conversation.takeSnapshot();
  const { turnsJson } = await index.read({
    path,
    end: snapshot.rolloutSize,
    includeTurns,
    liveTurnId: snapshot.activeTurnId,
    runningItems: snapshot.runningItems,
  });
  announceDeprecation(respond, includeTurns, historyMode);
  answer(respond, conversation.toThread(), turnsJson, conversation.readState);
}

function announceDeprecation(
  respond: Responder<never>,
  includeTurns: boolean,
  historyMode: string | null | undefined,
): void {
  if (includeTurns && historyMode === 'paginated') respond.connection.notify('deprecationNotice', READ_DEPRECATION);
}

function answer(
  respond: Responder<never>,
  thread: object,
  turnsJson: string | null,
  readState: ReadState | null,
): void {
  const result = { thread: { ...thread, turns: rawPlace(0) }, readState };
  respond.resultJson(stringifyWith(result, [turnsJson ?? '[]']));
}

export function threadListHandler(context: HandlerContext): Handler<'thread/list'> {
  const { registry, readConfig } = context;
  return async (params, respond) => {
    if (params.projectId != null) {
      throw new DaemonError('invalid_params', `project not found: ${params.projectId}`, {
        data: { path: 'params.projectId' },
      });
    }
    // There are neither sections nor attached threads here: nothing is in one.
    const isOfNone = params.sectionId != null || params.attachedToThreadId != null;
    const { modelProvider, recordedProviders } = readConfig(null);
    const page = isOfNone
      ? EMPTY_LIST
      : await context.index.list({
          cursor: params.cursor ?? null,
          limit: pageLimit(params.limit),
          sortKey: params.sortKey ?? 'created_at',
          sortDirection: params.sortDirection ?? 'desc',
          searchTerm: params.searchTerm ?? null,
          cwd: params.cwd == null ? null : [params.cwd].flat(),
          modelProviders: params.modelProviders ?? recordedProviders,
          sourceKinds: params.sourceKinds ?? null,
          archived: params.archived ?? false,
          excludedIds: params.excludedThreadIds?.map((id) => id.toLowerCase()) ?? [],
          parentId: params.parentThreadId ?? null,
          ancestorId: params.ancestorThreadId ?? null,
        });
    const rows = page.data.map((summary) => {
      const loaded = registry.findLoaded(summary.id);
      const status = registry.watches.find(summary.id)?.status ?? { type: 'notLoaded' as const };
      const thread = loaded?.toThread() ?? toThread(toFacts(summary, modelProvider), status);
      // Only a session says whether it can be spoken to, and none is asked here.
      return {
        thread: { ...thread, canAcceptDirectInput: null },
        readState: registry.remarks.readStateOf(summary.id),
      };
    });
    respond.result({
      data: rows.map(({ thread }) => thread),
      readStates: Object.fromEntries(rows.map(({ thread, readState }) => [thread.id, readState])),
      nextCursor: page.nextCursor,
      backwardsCursor: page.backwardsCursor,
      hiddenCount: page.hiddenCount,
    });
  };
}

const EMPTY_LIST: ListResult = { data: [], nextCursor: null, backwardsCursor: null, hiddenCount: 0 };

export function threadLoadedListHandler({ registry }: HandlerContext): Handler<'thread/loaded/list'> {
  return (params, respond) => {
    const after = params.cursor ?? null;
    const ids = registry.loadedIds().filter((id) => after === null || id > after);
    const page = ids.slice(0, Math.max(1, params.limit ?? DEFAULT_LOADED_LIMIT));
    respond.result({ data: page, nextCursor: page.length < ids.length ? (page.at(-1) ?? null) : null });
  };
}
