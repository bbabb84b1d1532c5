// getConversationSummary, getAuthStatus: what is left of the protocol's first version. Main thread.
import { DaemonError } from '../../errors.js';
import type { ConversationSummary } from '../../index/index-messages.js';
import type { ResultOf } from '../../protocol/methods.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';
import { checkedThreadId } from './turn-handlers.js';

export function getConversationSummaryHandler({ index }: HandlerContext): Handler<'getConversationSummary'> {
  return async (params, respond) => {
    const path =
      'rolloutPath' in params ? params.rolloutPath : await index.find(checkedThreadId(params.conversationId));
    if (path === null) {
      const { conversationId } = params as { conversationId: string };
      throw new DaemonError('rollout_not_found', `no rollout found for conversation id ${conversationId}`);
    }
    const { summary } = await index.describe(path);
    respond.result({ summary: toOldSummary(summary) });
  };
}

function toOldSummary(summary: ConversationSummary): ResultOf<'getConversationSummary'>['summary'] {
  const { gitInfo } = summary;
  return {
    conversationId: summary.id,
    path: summary.path,
    preview: summary.preview,
    timestamp: toIso(summary.createdAt),
    updatedAt: toIso(summary.updatedAt),
    modelProvider: summary.modelProvider ?? '',
    cwd: summary.cwd,
    cliVersion: summary.cliVersion,
    source: summary.source,
    gitInfo: gitInfo === null ? null : { sha: gitInfo.sha, branch: gitInfo.branch, origin_url: gitInfo.originUrl },
  };
}

function toIso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** Keys come from the configuration; no client is ever given one. */
export function getAuthStatusHandler(): Handler<'getAuthStatus'> {
  return (_params, respond) => respond.result({ authMethod: null, authToken: null, requiresOpenaiAuth: false });
}
