// thread/turns/list, items/list, items/read: a conversation's history by pages, which the index makes. Main thread.
import { DaemonError } from '../../errors.js';
import type { PageSource } from '../../index/index-messages.js';
import { noConversation } from '../../registry/missing-rollout.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';
import { pageLimit } from './page-limits.js';
import { checkedThreadId } from './turn-handlers.js';

export function threadTurnsListHandler(context: HandlerContext): Handler<'thread/turns/list'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const source = await findSource(context, threadId, 'thread/turns/list');
    const page = await context.index.turnsPage({
      ...source,
      threadId,
      cursor: params.cursor ?? null,
      limit: pageLimit(params.limit),
      sortDirection: params.sortDirection ?? 'desc',
      itemsView: params.itemsView ?? 'summary',
    });
    respond.resultJson(page.json);
  };
}

export function threadItemsListHandler(context: HandlerContext): Handler<'thread/items/list'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const cursor = params.cursor ?? null;
    const turnId = params.turnId || null;
    const source = await findSource(context, threadId, 'thread/items/list');
    const page = await context.index.itemsPage({
      ...source,
      threadId,
      turnId,
      cursor: typeof cursor === 'object' && cursor !== null ? { itemId: cursor.itemId } : cursor,
      limit: pageLimit(params.limit),
      sortDirection: params.sortDirection ?? 'asc',
      deferOutput: (['commandExecution', 'mcpToolCall'] as const).filter((type) => params.deferOutput?.[type] === true),
    });
    respond.resultJson(page.json);
  };
}

export function threadItemsReadHandler(context: HandlerContext): Handler<'thread/items/read'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const { turnId, itemIds } = params;
    const source = await findSource(context, threadId, 'thread/items/read');
    const page = await context.index.itemsRead({ ...source, turnId, itemIds });
    respond.resultJson(page.json);
  };
}

/** The rollout, up to where a live session has come, and what runs beyond it. */
async function findSource({ registry, index }: HandlerContext, threadId: string, method: string): Promise<PageSource> {
  const loaded = registry.findLoaded(threadId) ?? (await registry.settle(threadId));
  if (loaded === null) {
    const watched = registry.watches.find(threadId);
    if (watched !== null) return watched.source;
    const path = await index.find(threadId);
    if (path === null) throw noConversation(threadId);
    return { path };
  }
  const { path } = loaded.facts;
  if (path === null) throw new DaemonError('history_not_materialized', `ephemeral threads do not support ${method}`);
  if (!loaded.materialized) {
    const message = `thread ${threadId} is not materialized yet; ${method} is unavailable before first user message`;
    throw new DaemonError('history_not_materialized', message);
  }
  const snapshot = await loaded.takeSnapshot();
  const { rolloutSize, activeTurnId, runningItems } = snapshot;
  return { path, end: rolloutSize, liveTurnId: activeTurnId, runningItems };
}
