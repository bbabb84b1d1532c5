// thread/fork, revert, settings/update, inject_items: what changes the course of a conversation. Main thread.
import type { CutPoint } from '../../index/index-messages.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { ForkedConversation } from '../../registry/conversation-registry.js';
import type { Connection } from '../connection.js';
import type { Handler } from '../dispatch.js';
import { rawPlace, stringifyWith } from '../raw-json.js';
import type { HandlerContext } from './handler-context.js';
import { pathOf, refuseField, toRequest, toSessionResult, warn } from './session-request.js';
import { checkedThreadId, toSettingsPatch } from './turn-handlers.js';
import { askSession } from './ask-session.js';

const FORK_DEPRECATION = {
  summary: 'Reading the whole history with a fork is deprecated for paginated threads.',
  details: 'Use `excludeTurns: true`, then page with `thread/turns/list` and `thread/items/list`.',
};

export function threadForkHandler({ registry, index }: HandlerContext): Handler<'thread/fork'> {
  return async (params, respond) => {
    const { connection } = respond;
    const at = toCutPoint(params);
    refuseField('attachToSource', params.attachToSource === true);
    const path = pathOf(params);
    const of = path === null ? { id: checkedThreadId(params.threadId) } : { path };
    const forked = await registry.branchConversation(of, at, toRequest(params, connection));
    const { conversation } = forked;
    const withTurns = params.excludeTurns !== true;
    if (withTurns && conversation.facts.historyMode === 'paginated') {
      connection.notify('deprecationNotice', FORK_DEPRECATION);
    }
    warn(forked, connection);
    const source = historyOf(forked);
    // The fork is there: whoever asked is to know of it, also when its turns cannot be read now.
    const history =
      source === null
        ? null
        : await index.read({ ...source, includeTurns: withTurns }).catch(cannotShow(forked, connection));
    conversation.addSubscriber(connection);
    const result = toSessionResult(conversation);
    const value = { ...result, thread: { ...result.thread, turns: rawPlace(0) } };
    respond.resultJson(stringifyWith(value, [history?.turnsJson ?? '[]']));
    const usage = history?.tokenUsage ?? null;
    if (usage !== null) conversation.fanOut.tellUsage(connection, usage, conversation.fanOut.seq);
    conversation.fanOut.publish('thread/started', { thread: conversation.toThread() });
    if (!connection.isOpen) conversation.removeSubscriber(connection);
  };
}

function cannotShow({ conversationId }: ForkedConversation, connection: Connection): (error: Error) => null {
  return ({ message }) => {
    connection.notify('warning', { threadId: conversationId, message: `its turns cannot be shown: ${message}` });
    return null;
  };
}

/** An ephemeral fork has no file: what it took over lies in its source. */
function historyOf({ conversation, kept }: ForkedConversation): { path: string; end?: number } | null {
  const { path } = conversation.facts;
  return path === null ? kept : { path };
}

/** At most one end is named. */
function toCutPoint({ lastTurnId, beforeTurnId }: ParamsOf<'thread/fork'>): CutPoint {
  if (lastTurnId != null) return { type: 'through', turnId: lastTurnId };
  return beforeTurnId == null ? { type: 'end' } : { type: 'before', turnId: beforeTurnId };
}

export function threadRevertHandler({ registry, index }: HandlerContext): Handler<'thread/revert'> {
  return async (params, respond) => {
    const id = checkedThreadId(params.threadId);
    const conversation = await registry.revertConversation(id, params.beforeTurnId);
    // It is reverted, whatever can be read of it now.
    const cursors = await index
      .tailCursors({ path: conversation.facts.path!, threadId: id })
      .catch(() => ({ turns: null, items: null }));
    respond.result({
      thread: conversation.toThread(),
      turnsBackwardsCursor: cursors.turns,
      itemsBackwardsCursor: cursors.items,
    });
    conversation.fanOut.publish('thread/reverted', { threadId: id });
  };
}

export function threadSettingsUpdateHandler({ registry }: HandlerContext): Handler<'thread/settings/update'> {
  return (params, respond) => {
    const settings = toSettingsPatch(params);
    return askSession(registry, checkedThreadId(params.threadId), { type: 'updateSettings', settings }, respond);
  };
}

export function threadInjectItemsHandler({ registry }: HandlerContext): Handler<'thread/inject_items'> {
  return (params, respond) => {
    const { items } = params;
    return askSession(registry, checkedThreadId(params.threadId), { type: 'injectItems', items }, respond);
  };
}
