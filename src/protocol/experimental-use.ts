// Which methods and fields are only for clients that asked for the experimental ones. Main thread.
import { METHODS } from './methods.js';
import type { MethodName } from './methods.js';

/**
 * Fields that only clients with `capabilities.experimentalApi` may use, in the order in which they are looked at; a dot
 * leads into an object. Source: the difference between the two JSON schemas that codex 0.169.0 generates, with and
 * without `--experimental`.
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
  'thread/resume': ['history', 'path', 'runtimeWorkspaceRoots', 'permissions', 'initialTurnsPage', 'readOnly'],
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
  'thread/items/list': ['deferOutput.commandExecution', 'deferOutput.mcpToolCall'],
  'thread/list': ['includeAttachedThreads', 'projectId', 'parentThreadId', 'ancestorThreadId', 'attachedToThreadId'],
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
  'command/exec': ['permissionProfile'],
  'turn/steer': ['responsesapiClientMetadata', 'responsesapiClientMetadataPatch', 'additionalContext'],
};

/** Where null or `false` says something that leaving the field out does not. */
const MEANINGFUL: Readonly<Record<string, null | false>> = {
  'thread/start.daybreakEnabled': false,
  'thread/metadata/update.daybreakEnabled': false,
  'thread/list.projectId': null,
};

/**
 * What in this request needs `capabilities.experimentalApi`, as the error names it (`thread/resume.path`,
 * `askForApproval.granular`), or null. Null, absent and `false` fields do not count, but for those that say something by
 * it. `params` must have been validated.
 */
export function findExperimentalUse(method: MethodName, params: unknown): string | null {
  if ('experimental' in METHODS[method] && METHODS[method].experimental === true) return method;
  for (const field of EXPERIMENTAL_FIELDS[method] ?? []) {
    const name = `${method}.${field}`;
    const value = readField(params, field);
    if (value === undefined) continue;
    if ((value !== null && value !== false) || value === MEANINGFUL[name]) return name;
  }
  const policy = readField(params, 'approvalPolicy');
  if (typeof policy === 'object' && policy !== null) return 'askForApproval.granular';
  return null;
}

function readField(params: unknown, field: string): unknown {
  return field.split('.').reduce((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], params);
}
