// thread/start, resume, unsubscribe: loading conversations and joining them. Main thread.
import { DaemonError } from '../../errors.js';
import type { ReadResult, TailCursorsResult } from '../../index/index-messages.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { Conversation, JoinedAt } from '../../registry/conversation.js';
import type { EventsCursor } from '../../registry/fan-out.js';
import type { SessionSnapshot } from '../../session/messages.js';
import type { Handler } from '../dispatch.js';
import { rawPlace, stringifyWith } from '../raw-json.js';
import type { HandlerContext } from './handler-context.js';
import { DEFAULT_PAGE_LIMIT } from './page-limits.js';
import { pathOf, toRequest, toSessionResult, warn } from './session-request.js';
import { checkedThreadId } from './turn-handlers.js';

const RESUME_DEPRECATION = {
  summary: 'Reading the whole history with a resume is deprecated for paginated threads.',
  details: 'Use `excludeTurns: true`, then page with `thread/turns/list` and `thread/items/list`.',
};

export function threadStartHandler({ registry }: HandlerContext): Handler<'thread/start'> {
  return async (params, respond) => {
    const { connection } = respond;
    const started = await registry.newConversation(toRequest(params, connection));
    const { conversation } = started;
    conversation.addSubscriber(connection);
    warn(started, connection);
    respond.result(toSessionResult(conversation));
    conversation.fanOut.publish('thread/started', { thread: conversation.toThread() });
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

export function threadResumeHandler(context: HandlerContext): Handler<'thread/resume'> {
  const { registry } = context;
  return async (params, respond) => {
    const { connection } = respond;
    refuseHistory(context, params);
    const request = toRequest(params, connection);
    const path = pathOf(params);
    const resumed =
      path === null
        ? await registry.resumeConversation(checkedThreadId(params.threadId), request)
        : await registry.resumeConversationFromRollout(path, request, params.threadId);
    const { conversation, ignoredOverrides } = resumed;
    if (params.excludeTurns !== true && conversation.facts.historyMode === 'paginated') {
      connection.notify('deprecationNotice', RESUME_DEPRECATION);
    }
    if (resumed.loadedNow) {
      conversation.fanOut.publish('thread/status/changed', { threadId: conversation.id, status: conversation.status });
    }
    warn(resumed, connection);
    const wasSubscribed = conversation.fanOut.has(connection);
    const placed = await conversation.subscribeAtSnapshot(connection, toCursor(params));
    try {
      const history = await readHistory(context, conversation, placed.snapshot, params);
      respond.resultJson(toResumeResult(conversation, history, ignoredOverrides, placed));
      const { reattach } = placed;
      if (reattach !== null && reattach.type !== 'resync') {
        await conversation.fanOut.replay(connection, reattach);
      } else {
        const usage = placed.snapshot.tokenUsage ?? history?.read.tokenUsage?.usage ?? null;
        const turnId = placed.snapshot.tokenUsageTurnId ?? history?.read.tokenUsage?.turnId ?? '';
        conversation.catchUp(connection, placed, usage === null ? null : { turnId, usage });
      }
    } catch (error) {
      if (wasSubscribed) conversation.fanOut.release(connection);
      else conversation.removeSubscriber(connection);
      throw error;
    }
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

interface ResumedHistory {
  read: ReadResult;
  cursors: TailCursorsResult;
  /** JSON text, or null when it was not asked for. */
  page: string | null;
}

/** Null for a conversation that has no file. */
async function readHistory(
  { index }: HandlerContext,
  conversation: Conversation,
  { rolloutSize, activeTurnId }: SessionSnapshot,
  params: ParamsOf<'thread/resume'>,
): Promise<ResumedHistory | null> {
  const { path } = conversation.facts;
  if (path === null || !conversation.materialized) return null;
  const source = { path, end: rolloutSize, liveTurnId: activeTurnId };
  const page = params.initialTurnsPage ?? null;
  const [read, cursors, first] = await Promise.all([
    index.read({ ...source, includeTurns: params.excludeTurns !== true }),
    index.tailCursors({ ...source, threadId: conversation.id }),
    page === null
      ? null
      : index.turnsPage({
          ...source,
          threadId: conversation.id,
          cursor: null,
          limit: page.limit ?? DEFAULT_PAGE_LIMIT,
          sortDirection: page.sortDirection ?? 'desc',
          itemsView: page.itemsView ?? 'summary',
        }),
  ]);
  return { read, cursors, page: first === null ? null : first.json };
}

export function threadUnsubscribeHandler({ registry }: HandlerContext): Handler<'thread/unsubscribe'> {
  return (params, respond) => {
    const conversation = registry.findLoaded(params.threadId);
    const status =
      conversation === null
        ? 'notLoaded'
        : conversation.removeSubscriber(respond.connection)
          ? 'unsubscribed'
          : 'notSubscribed';
    respond.result({ status });
  };
}

/** The last event that the client has, when it says so. */
function toCursor({ afterEpoch, afterSeq }: ParamsOf<'thread/resume'>): EventsCursor | null {
  return afterEpoch == null || afterSeq == null ? null : { epoch: afterEpoch, seq: afterSeq };
}

function refuseHistory({ registry }: HandlerContext, params: ParamsOf<'thread/resume'>): void {
  if (params.history == null) return;
  const message =
    registry.findLoaded(params.threadId) === null
      ? 'thread/resume with history is not supported: fork the thread instead'
      : `cannot resume thread ${params.threadId} with history while it is already running`;
  throw new DaemonError('history_while_running', message);
}

function toResumeResult(
  conversation: Conversation,
  history: ResumedHistory | null,
  ignoredOverrides: string[],
  { cursor, reattach }: JoinedAt,
): string {
  const { model, reasoningEffort } = conversation.settings;
  const result = toSessionResult(conversation, cursor);
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
    ...(reattach === null
      ? {}
      : { reattach: { type: reattach.type, reason: reattach.type === 'resync' ? reattach.reason : null } }),
  };
  return stringifyWith(value, [history?.read.turnsJson ?? '[]', history?.page ?? 'null']);
}
