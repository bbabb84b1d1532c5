// Which methods and fields are only for clients that asked for the experimental ones. Main thread.
import { METHODS } from './methods.js';
import type { MethodName } from './methods.js';

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
  'thread/fork': [
    'experimentalPredictionMode',
    'experimentalDisablePredictionMcp',
    'beforeTurnId',
    'path',
    'runtimeWorkspaceRoots',
    'permissions',
    'attachToSource',
    'deferGoalContinuation',
  ],
  'thread/metadata/update': ['projectId', 'daybreakEnabled'],
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
