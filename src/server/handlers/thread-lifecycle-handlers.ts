// thread/start, resume, unsubscribe: loading conversations and joining them. Main thread.
import { DaemonError } from '../../errors.js';
import type { ParamsOf, ResultOf } from '../../protocol/methods.js';
import type { Conversation } from '../../registry/conversation.js';
import type { NewConversation } from '../../registry/conversation-registry.js';
import type { ConversationRequest } from '../../registry/seams.js';
import type { Connection } from '../connection.js';
import type { Handler } from '../dispatch.js';
import { RAW_PLACE, stringifyWith } from '../raw-json.js';
import type { HandlerContext } from './handler-context.js';
import { checkedThreadId } from './turn-handlers.js';

const RESUME_DEPRECATION = {
  summary: 'Reading the whole history with a resume is deprecated for paginated threads.',
  details: 'Use `excludeTurns: true`, then page with `thread/turns/list` and `thread/items/list`.',
};

export function threadStartHandler({ registry }: HandlerContext): Handler<'thread/start'> {
  return async (params, respond) => {
    const { connection } = respond;
    const started = await registry.newConversation(toRequest(params, connection, params.ephemeral ?? false));
    const { conversation } = started;
    conversation.addSubscriber(connection);
    warn(started, connection);
    respond.result(toSessionResult(conversation));
    conversation.fanOut.publish('thread/started', { thread: conversation.toThread() });
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

export function threadResumeHandler(context: HandlerContext): Handler<'thread/resume'> {
  const { registry, index } = context;
  return async (params, respond) => {
    const { connection } = respond;
    refuseHistory(context, params);
    const request = toRequest(params, connection, false);
    const resumed =
      params.path == null
        ? await registry.resumeConversation(checkedThreadId(params.threadId), request)
        : await registry.resumeConversationFromRollout(params.path, request);
    const { conversation } = resumed;
    const withTurns = params.excludeTurns !== true;
    if (withTurns && conversation.facts.historyMode === 'paginated') {
      connection.notify('deprecationNotice', RESUME_DEPRECATION);
    }
    if (resumed.loadedNow) {
      conversation.fanOut.publish('thread/status/changed', { threadId: conversation.id, status: conversation.status });
    }
    warn(resumed, connection);
    const wasSubscribed = conversation.fanOut.has(connection);
    const { snapshot, seq } = await conversation.subscribeAtSnapshot(connection);
    try {
      const { path } = conversation.facts;
      const history =
        path === null || !conversation.materialized
          ? null
          : await index.read({
              path,
              end: snapshot.rolloutSize,
              includeTurns: withTurns,
              liveTurnId: snapshot.activeTurnId,
            });
      respond.resultJson(stringifyWith(toResumeResult(conversation), history?.turnsJson ?? '[]'));
      const usage = snapshot.tokenUsage ?? history?.tokenUsage?.usage ?? null;
      const turnId = snapshot.activeTurnId ?? history?.tokenUsage?.turnId ?? '';
      conversation.catchUp(connection, { snapshot, seq }, usage === null ? null : { turnId, usage });
    } catch (error) {
      if (wasSubscribed) conversation.fanOut.release(connection);
      else conversation.removeSubscriber(connection);
      throw error;
    }
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
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

function refuseHistory({ registry }: HandlerContext, params: ParamsOf<'thread/resume'>): void {
  if (params.history == null) return;
  const message =
    registry.findLoaded(params.threadId) === null
      ? 'thread/resume with history is not supported: fork the thread instead'
      : `cannot resume thread ${params.threadId} with history while it is already running`;
  throw new DaemonError('history_while_running', message);
}

function warn(started: NewConversation, connection: Connection): void {
  const { conversationId, warnings } = started;
  for (const message of warnings) connection.notify('warning', { threadId: conversationId, message });
}

function toRequest(
  params: ParamsOf<'thread/start'> | ParamsOf<'thread/resume'>,
  connection: Connection,
  ephemeral: boolean,
): ConversationRequest {
  return {
    originator: connection.client?.name ?? 'unknown',
    ephemeral,
    threadSource: 'threadSource' in params ? (params.threadSource ?? null) : null,
    cwd: params.cwd ?? null,
    model: params.model ?? null,
    modelProvider: params.modelProvider ?? null,
    approvalPolicy: params.approvalPolicy ?? null,
    sandbox: params.sandbox ?? null,
    baseInstructions: params.baseInstructions ?? null,
    developerInstructions: params.developerInstructions ?? null,
    config: params.config ?? null,
  };
}

function toSessionResult(conversation: Conversation): ResultOf<'thread/start'> {
  const { settings } = conversation;
  return {
    thread: conversation.toThread(),
    model: settings.model,
    modelProvider: settings.provider.id,
    serviceTier: null,
    disabledPluginIds: [],
    cwd: settings.cwd,
    runtimeWorkspaceRoots: settings.workspaceRoots,
    instructionSources: [],
    approvalPolicy: settings.approvalPolicy,
    approvalsReviewer: 'user',
    sandbox: settings.sandboxPolicy,
    activePermissionProfile: null,
    reasoningEffort: settings.reasoningEffort,
    multiAgentMode: 'explicitRequestOnly',
  };
}

/** `turns` are a place for the text that the index made. */
function toResumeResult(conversation: Conversation): unknown {
  const { model, reasoningEffort } = conversation.settings;
  const result = toSessionResult(conversation);
  return {
    ...result,
    thread: { ...result.thread, turns: RAW_PLACE },
    collaborationMode: {
      mode: 'default',
      settings: { model, reasoning_effort: reasoningEffort, developer_instructions: null },
    },
    initialTurnsPage: null,
    turnsBackwardsCursor: null,
    itemsBackwardsCursor: null,
  };
}
