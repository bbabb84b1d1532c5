// thread/name/set, metadata/update, readState/update, archive, unarchive, delete: conversations as entries of a list. Main thread.
import { DaemonError } from '../../errors.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { GitInfo, Thread } from '../../protocol/thread.js';
import { toFacts } from '../../registry/conversation-facts.js';
import { toThread } from '../../registry/thread-view.js';
import { noConversation } from '../../registry/missing-rollout.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';
import { checkedThreadId } from './turn-handlers.js';

export function threadNameSetHandler({ registry }: HandlerContext): Handler<'thread/name/set'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const name = params.name.toWellFormed().trim();
    await registry.remarks.setName(threadId, name);
    respond.result({});
    registry.announce(threadId, 'thread/name/updated', { threadId, threadName: name });
  };
}

export function threadMetadataUpdateHandler(context: HandlerContext): Handler<'thread/metadata/update'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const { gitInfo, projectId } = params;
    if (projectId != null && projectId !== '') {
      throw new DaemonError('invalid_request', `project not found: ${projectId}`);
    }
    await context.registry.remarks.changeGitInfo(threadId, gitInfo == null ? {} : toGitInfoPatch(gitInfo));
    respond.result({ thread: await readThread(context, threadId) });
  };
}

type GitInfoUpdate = NonNullable<ParamsOf<'thread/metadata/update'>['gitInfo']>;

/** Absent fields stay, null clears. */
function toGitInfoPatch(update: GitInfoUpdate): Partial<GitInfo> {
  const fields = Object.entries(update).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields);
}

export function threadReadStateUpdateHandler({ registry }: HandlerContext): Handler<'thread/readState/update'> {
  return async ({ threadId, operation, expectedRevision }, respond) => {
    const id = checkedThreadId(threadId);
    respond.result({ readState: await registry.remarks.changeReadState(id, operation.type, expectedRevision) });
  };
}

export function threadArchiveHandler({ registry }: HandlerContext): Handler<'thread/archive'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    await registry.archiveConversation(threadId);
    respond.result({});
    registry.announce(threadId, 'thread/archived', { threadId });
  };
}

export function threadUnarchiveHandler(context: HandlerContext): Handler<'thread/unarchive'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    await context.registry.unarchiveConversation(threadId);
    respond.result({ thread: await readThread(context, threadId) });
    context.registry.announce(threadId, 'thread/unarchived', { threadId });
  };
}

export function threadDeleteHandler({ registry }: HandlerContext): Handler<'thread/delete'> {
  return async (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    const deletedThreadIds = await registry.deleteConversation(threadId, params.cascade ?? false);
    respond.result({ deletedThreadIds });
    for (const id of deletedThreadIds) registry.announce(id, 'thread/deleted', { threadId: id });
  };
}

/** As a list shows it, loaded or not. Throws conversation_not_loaded when there is none. */
async function readThread({ registry, index, readConfig }: HandlerContext, threadId: string): Promise<Thread> {
  const loaded = registry.findLoaded(threadId);
  if (loaded !== null) return { ...loaded.toThread(), canAcceptDirectInput: null };
  const path = await index.find(threadId);
  if (path === null) throw noConversation(threadId);
  const { summary } = await index.describe(path);
  return toThread(toFacts(summary, readConfig(null).modelProvider), { type: 'notLoaded' });
}
