// thread/start, resume, unsubscribe, unload: loading conversations, joining and leaving them. Main thread.
import { DaemonError } from '../../errors.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { Conversation } from '../../registry/conversation.js';
import type { EventsCursor } from '../../registry/fan-out.js';
import type { ResumedConversation } from '../../registry/conversation-registry.js';
import type { ConversationRequest } from '../../registry/seams.js';
import type { Watch } from '../../registry/watched-conversations.js';
import type { SessionSnapshot } from '../../session/messages.js';
import type { Connection } from '../connection.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';
import { answerReadOnly } from './read-only-resume.js';
import { readHistory, toResumeJson } from './resume-history.js';
import type { ResumedHistory } from './resume-history.js';
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
    // It may be one that runs already: `experimental_resume`.
    conversation.fanOut.tellQuestions(connection);
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

export function threadResumeHandler(context: HandlerContext): Handler<'thread/resume'> {
  return async (params, respond) => {
    const { connection } = respond;
    refuseHistory(context, params);
    const request = toRequest(params, connection);
    const resumed = await resume(context, params, request, connection);
    if ('watched' in resumed) return answerReadOnly(context, resumed, params, respond);
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
      const history = await readLoadedHistory(context, conversation, placed.snapshot, params);
      const { cursor, reattach } = placed;
      const result = toSessionResult(conversation, cursor);
      respond.resultJson(toResumeJson({ result, history, reattach, ignoredOverrides }));
      if (reattach !== null && reattach.type !== 'resync') {
        // As fast as this client reads: nobody else's requests wait for that.
        void conversation.fanOut.replay(connection, reattach);
      } else {
        const usage = placed.snapshot.tokenUsage ?? history?.read.tokenUsage?.usage ?? null;
        const turnId = placed.snapshot.tokenUsageTurnId ?? history?.read.tokenUsage?.turnId ?? '';
        const told = usage === null ? null : { turnId, usage };
        conversation.fanOut.catchUp(connection, cursor, told, placed.snapshot.runningItemFrames);
      }
    } catch (error) {
      if (wasSubscribed) conversation.fanOut.release(connection);
      else conversation.removeSubscriber(connection);
      throw error;
    }
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

/** With `readOnly` one that is not loaded here is not loaded: see WatchedConversations. */
async function resume(
  { registry }: HandlerContext,
  params: ParamsOf<'thread/resume'>,
  request: ConversationRequest,
  connection: Connection,
): Promise<ResumedConversation | Watch> {
  const path = pathOf(params);
  if (params.readOnly === true) {
    const of = path === null ? { id: checkedThreadId(params.threadId) } : { path };
    return registry.watchConversation(of, request, connection, toCursor(params));
  }
  return path === null
    ? registry.resumeConversation(checkedThreadId(params.threadId), request)
    : registry.resumeConversationFromRollout(path, request, params.threadId);
}

/** Null for a conversation that has no file. */
async function readLoadedHistory(
  { index }: HandlerContext,
  { facts, id, materialized }: Conversation,
  { rolloutSize, activeTurnId }: SessionSnapshot,
  params: ParamsOf<'thread/resume'>,
): Promise<ResumedHistory | null> {
  const { path } = facts;
  if (path === null || !materialized) return null;
  return readHistory(index, id, { path, end: rolloutSize, liveTurnId: activeTurnId }, params);
}

export function threadUnsubscribeHandler({ registry }: HandlerContext): Handler<'thread/unsubscribe'> {
  return (params, respond) => {
    const was = registry.unsubscribe(params.threadId, respond.connection);
    respond.result({ status: was === null ? 'notLoaded' : was ? 'unsubscribed' : 'notSubscribed' });
  };
}

export function threadUnloadHandler({ registry }: HandlerContext): Handler<'thread/unload'> {
  return async ({ threadId, interrupt = false }, respond) => {
    await registry.unloadConversation(checkedThreadId(threadId), interrupt);
    respond.result({});
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
