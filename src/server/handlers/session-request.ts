// What start, resume and fork share: the request's settings going in, the effective ones coming back. Main thread.
import { DaemonError } from '../../errors.js';
import type { ParamsOf, ResultOf } from '../../protocol/methods.js';
import type { Conversation } from '../../registry/conversation.js';
import type { NewConversation } from '../../registry/conversation-registry.js';
import type { EventsCursor } from '../../registry/fan-out.js';
import type { ConversationRequest } from '../../registry/seams.js';
import type { Connection } from '../connection.js';

export function toRequest(
  params: ParamsOf<'thread/start'> | ParamsOf<'thread/resume'> | ParamsOf<'thread/fork'>,
  connection: Connection,
): ConversationRequest {
  return {
    originator: connection.client?.name ?? 'unknown',
    ephemeral: 'ephemeral' in params ? (params.ephemeral ?? false) : false,
    threadSource: 'threadSource' in params ? (params.threadSource ?? null) : null,
    historyMode: 'historyMode' in params ? (params.historyMode ?? null) : null,
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

/** What all such replies say. */
const SAME_FOR_ALL = {
  serviceTier: null,
  disabledPluginIds: [] as string[],
  approvalsReviewer: 'user',
  activePermissionProfile: null,
  multiAgentMode: 'explicitRequestOnly',
} as const;

/** What start, resume and fork answer in common, given what differs. */
export function completeResult(
  known: Omit<ResultOf<'thread/start'>, keyof typeof SAME_FOR_ALL>,
): ResultOf<'thread/start'> {
  return { ...SAME_FOR_ALL, ...known };
}

/** The same of a conversation that is loaded; `eventsCursor` is the place of the answer. */
export function toSessionResult(
  conversation: Conversation,
  eventsCursor: EventsCursor = conversation.fanOut.cursor,
): ResultOf<'thread/start'> {
  const { settings } = conversation;
  return completeResult({
    thread: conversation.toThread(),
    model: settings.model,
    modelProvider: settings.provider.id,
    cwd: settings.cwd,
    runtimeWorkspaceRoots: settings.workspaceRoots,
    approvalPolicy: settings.approvalPolicy,
    sandbox: settings.sandboxPolicy,
    reasoningEffort: settings.reasoningEffort,
    instructionSources: conversation.configured.instructionSources,
    eventsCursor,
  });
}

/** Tells the person at the client what was odd about the configuration or the rollout. */
export function warn(started: NewConversation, connection: Connection): void {
  const { conversationId, warnings } = started;
  for (const message of warnings) connection.notify('warning', { threadId: conversationId, message });
}

/** A rollout to be read by its path, or a conversation by its id; an empty path counts as none. */
export function pathOf(params: { path?: string | null | undefined }): string | null {
  return params.path ? params.path : null;
}

/** What this daemon does not have, and must not seem to do. Throws unsupported_for_thread. */
export function refuseField(name: string, isAsked: boolean): void {
  if (isAsked) throw new DaemonError('unsupported_for_thread', `\`${name}\` is not supported`);
}
