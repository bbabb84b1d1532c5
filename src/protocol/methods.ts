// The table of methods: what each takes and gives, and which requests keep their order. Main thread.
import type { z } from 'zod';
import {
  accountReadParamsSchema,
  accountReadResponseSchema,
  configReadParamsSchema,
  configReadResponseSchema,
  configRequirementsReadParamsSchema,
  configRequirementsReadResponseSchema,
  initializeParamsSchema,
  initializeResponseSchema,
  modelListParamsSchema,
  modelListResponseSchema,
  skillsListParamsSchema,
  skillsListResponseSchema,
} from './catalog-methods.js';
import {
  commandExecParamsSchema,
  commandExecResponseSchema,
  commandExecResizeParamsSchema,
  commandExecResizeResponseSchema,
  commandExecTerminateParamsSchema,
  commandExecTerminateResponseSchema,
  commandExecWriteParamsSchema,
  commandExecWriteResponseSchema,
  threadBackgroundTerminalsCleanParamsSchema,
  threadBackgroundTerminalsCleanResponseSchema,
  threadBackgroundTerminalsListParamsSchema,
  threadBackgroundTerminalsListResponseSchema,
  threadBackgroundTerminalsTerminateParamsSchema,
  threadBackgroundTerminalsTerminateResponseSchema,
  threadShellCommandParamsSchema,
  threadShellCommandResponseSchema,
} from './command-methods.js';
import {
  daemonDrainParamsSchema,
  daemonDrainResponseSchema,
  daemonStatusParamsSchema,
  daemonStatusResponseSchema,
} from './daemon-methods.js';
import {
  threadInjectItemsParamsSchema,
  threadInjectItemsResponseSchema,
  threadItemsListParamsSchema,
  threadItemsListResponseSchema,
  threadItemsReadParamsSchema,
  threadItemsReadResponseSchema,
  threadRevertParamsSchema,
  threadRevertResponseSchema,
  threadTurnsListParamsSchema,
  threadTurnsListResponseSchema,
} from './history-methods.js';
import {
  getAuthStatusParamsSchema,
  getAuthStatusResponseSchema,
  getConversationSummaryParamsSchema,
  getConversationSummaryResponseSchema,
} from './old-methods.js';
import {
  threadArchiveParamsSchema,
  threadArchiveResponseSchema,
  threadDeleteParamsSchema,
  threadDeleteResponseSchema,
  threadMetadataUpdateParamsSchema,
  threadMetadataUpdateResponseSchema,
  threadNameSetParamsSchema,
  threadNameSetResponseSchema,
  threadReadStateUpdateParamsSchema,
  threadReadStateUpdateResponseSchema,
  threadSettingsUpdateParamsSchema,
  threadSettingsUpdateResponseSchema,
  threadUnarchiveParamsSchema,
  threadUnarchiveResponseSchema,
  threadUnloadParamsSchema,
  threadUnloadResponseSchema,
} from './thread-admin-methods.js';
import {
  threadForkParamsSchema,
  threadForkResponseSchema,
  threadListParamsSchema,
  threadListResponseSchema,
  threadLoadedListParamsSchema,
  threadLoadedListResponseSchema,
  threadReadParamsSchema,
  threadReadResponseSchema,
  threadResumeParamsSchema,
  threadResumeResponseSchema,
  threadStartParamsSchema,
  threadStartResponseSchema,
  threadUnsubscribeParamsSchema,
  threadUnsubscribeResponseSchema,
} from './thread-methods.js';
import {
  turnInterruptParamsSchema,
  turnInterruptResponseSchema,
  turnStartParamsSchema,
  turnStartResponseSchema,
  turnSteerParamsSchema,
  turnSteerResponseSchema,
} from './turn-methods.js';

/**
 * Which requests wait for each other: `thread` those that name the same `threadId`, `connection` those of the same
 * connection, `none` nobody.
 */
export type OrderScope = 'none' | 'thread' | 'connection';

interface MethodSpec {
  params: z.ZodType;
  result: z.ZodType;
  scope: OrderScope;
  /** Only for clients that declared `capabilities.experimentalApi`. */
  experimental?: true;
  /** True when `params` must be there, even where all its fields are optional. */
  needsParams: boolean;
}

export const METHODS = {
  initialize: {
    params: initializeParamsSchema,
    result: initializeResponseSchema,
    scope: 'connection',
    needsParams: true,
  },
  'thread/start': {
    params: threadStartParamsSchema,
    result: threadStartResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/resume': {
    params: threadResumeParamsSchema,
    result: threadResumeResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/fork': {
    params: threadForkParamsSchema,
    result: threadForkResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/revert': {
    params: threadRevertParamsSchema,
    result: threadRevertResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/read': {
    params: threadReadParamsSchema,
    result: threadReadResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/turns/list': {
    params: threadTurnsListParamsSchema,
    result: threadTurnsListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/items/list': {
    params: threadItemsListParamsSchema,
    result: threadItemsListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/items/read': {
    params: threadItemsReadParamsSchema,
    result: threadItemsReadResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
  'thread/list': {
    params: threadListParamsSchema,
    result: threadListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/loaded/list': {
    params: threadLoadedListParamsSchema,
    result: threadLoadedListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'thread/unsubscribe': {
    params: threadUnsubscribeParamsSchema,
    result: threadUnsubscribeResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/unload': {
    params: threadUnloadParamsSchema,
    result: threadUnloadResponseSchema,
    scope: 'thread',
    experimental: true,
    needsParams: true,
  },
  'thread/name/set': {
    params: threadNameSetParamsSchema,
    result: threadNameSetResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/metadata/update': {
    params: threadMetadataUpdateParamsSchema,
    result: threadMetadataUpdateResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/readState/update': {
    params: threadReadStateUpdateParamsSchema,
    result: threadReadStateUpdateResponseSchema,
    scope: 'thread',
    experimental: true,
    needsParams: true,
  },
  'thread/settings/update': {
    params: threadSettingsUpdateParamsSchema,
    result: threadSettingsUpdateResponseSchema,
    scope: 'thread',
    experimental: true,
    needsParams: true,
  },
  'thread/inject_items': {
    params: threadInjectItemsParamsSchema,
    result: threadInjectItemsResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/archive': {
    params: threadArchiveParamsSchema,
    result: threadArchiveResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/unarchive': {
    params: threadUnarchiveParamsSchema,
    result: threadUnarchiveResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/delete': {
    params: threadDeleteParamsSchema,
    result: threadDeleteResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'turn/start': {
    params: turnStartParamsSchema,
    result: turnStartResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'turn/steer': {
    params: turnSteerParamsSchema,
    result: turnSteerResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'turn/interrupt': {
    params: turnInterruptParamsSchema,
    result: turnInterruptResponseSchema,
    // A stop must not wait behind what it is to stop.
    scope: 'none',
    needsParams: true,
  },
  'thread/shellCommand': {
    params: threadShellCommandParamsSchema,
    result: threadShellCommandResponseSchema,
    scope: 'thread',
    needsParams: true,
  },
  'thread/backgroundTerminals/list': {
    params: threadBackgroundTerminalsListParamsSchema,
    result: threadBackgroundTerminalsListResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
  'thread/backgroundTerminals/terminate': {
    params: threadBackgroundTerminalsTerminateParamsSchema,
    result: threadBackgroundTerminalsTerminateResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
  'thread/backgroundTerminals/clean': {
    params: threadBackgroundTerminalsCleanParamsSchema,
    result: threadBackgroundTerminalsCleanResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
  'command/exec': {
    params: commandExecParamsSchema,
    result: commandExecResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'command/exec/write': {
    params: commandExecWriteParamsSchema,
    result: commandExecWriteResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'command/exec/resize': {
    params: commandExecResizeParamsSchema,
    result: commandExecResizeResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'command/exec/terminate': {
    params: commandExecTerminateParamsSchema,
    result: commandExecTerminateResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'model/list': {
    params: modelListParamsSchema,
    result: modelListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'config/read': {
    params: configReadParamsSchema,
    result: configReadResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'configRequirements/read': {
    params: configRequirementsReadParamsSchema,
    result: configRequirementsReadResponseSchema,
    scope: 'none',
    needsParams: false,
  },
  'account/read': {
    params: accountReadParamsSchema,
    result: accountReadResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'skills/list': {
    params: skillsListParamsSchema,
    result: skillsListResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  getConversationSummary: {
    params: getConversationSummaryParamsSchema,
    result: getConversationSummaryResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  getAuthStatus: {
    params: getAuthStatusParamsSchema,
    result: getAuthStatusResponseSchema,
    scope: 'none',
    needsParams: true,
  },
  'daemon/status': {
    params: daemonStatusParamsSchema,
    result: daemonStatusResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
  'daemon/drain': {
    params: daemonDrainParamsSchema,
    result: daemonDrainResponseSchema,
    scope: 'none',
    experimental: true,
    needsParams: true,
  },
} as const satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof METHODS;
export type ParamsOf<Method extends MethodName> = z.infer<(typeof METHODS)[Method]['params']>;
export type ResultOf<Method extends MethodName> = z.infer<(typeof METHODS)[Method]['result']>;

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}
