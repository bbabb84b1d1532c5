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
  'thread/read': {
    params: threadReadParamsSchema,
    result: threadReadResponseSchema,
    scope: 'none',
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
} as const satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof METHODS;
export type ParamsOf<Method extends MethodName> = z.infer<(typeof METHODS)[Method]['params']>;
export type ResultOf<Method extends MethodName> = z.infer<(typeof METHODS)[Method]['result']>;

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

/**
 * Fields that only clients with `capabilities.experimentalApi` may use, in the order in which they are looked at.
 * Source: the difference between the two JSON schemas that codex 0.169.0 generates, with and without `--experimental`.
 */
export const EXPERIMENTAL_FIELDS: Partial<Record<MethodName, readonly string[]>> = {
  'thread/start': [
    'allowProviderModelFallback',
    'runtimeWorkspaceRoots',
    'permissions',
    'multiAgentMode',
    'historyMode',
    'projectId',
    'daybreakEnabled',
    'environments',
    'dynamicTools',
    'selectedCapabilityRoots',
    'mockExperimentalField',
    'experimentalRawEvents',
  ],
  'thread/resume': ['history', 'path', 'runtimeWorkspaceRoots', 'permissions', 'initialTurnsPage'],
  'thread/list': ['projectId', 'parentThreadId', 'ancestorThreadId', 'attachedToThreadId', 'includeAttachedThreads'],
  'turn/start': [
    'responsesapiClientMetadata',
    'responsesapiClientMetadataPatch',
    'additionalContext',
    'environments',
    'runtimeWorkspaceRoots',
    'permissions',
    'collaborationMode',
    'multiAgentMode',
    'cyberAccessProgram',
  ],
  'turn/steer': ['responsesapiClientMetadata', 'responsesapiClientMetadataPatch', 'additionalContext'],
};

/**
 * What in this request needs `capabilities.experimentalApi`, as the error names it (`thread/resume.path`,
 * `askForApproval.granular`), or null. Null, absent and `false` fields do not count. `params` must have been validated.
 */
export function findExperimentalUse(method: MethodName, params: unknown): string | null {
  if ('experimental' in METHODS[method] && METHODS[method].experimental === true) return method;
  const given = (params ?? {}) as Record<string, unknown>;
  for (const field of EXPERIMENTAL_FIELDS[method] ?? []) {
    const value = given[field];
    if (value !== undefined && value !== null && value !== false) return `${method}.${field}`;
  }
  const policy = given['approvalPolicy'];
  if (typeof policy === 'object' && policy !== null) return 'askForApproval.granular';
  return null;
}
