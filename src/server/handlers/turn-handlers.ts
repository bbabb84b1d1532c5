// turn/*: handed to the conversation's session, answered in order with its notifications. Main thread.
import path from 'node:path';
import { validate as isUuid } from 'uuid';
import { DaemonError } from '../../errors.js';
import type { SandboxPolicy, UserInput } from '../../protocol/thread.js';
import type { ParamsOf } from '../../protocol/methods.js';
import type { SettingsPatch, TurnOverrides } from '../../session/messages.js';
import type { Handler } from '../dispatch.js';
import { askSession } from './ask-session.js';
import type { HandlerContext } from './handler-context.js';

/** UTF-16 units of text that one input may hold, as the peer has it. */
const MAX_INPUT_CHARS = 1024 * 1024;

export function turnStartHandler({ registry }: HandlerContext): Handler<'turn/start'> {
  return (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    checkInputSize(params.input);
    registry.refuseWhenStopping();
    const { input, clientUserMessageId: clientId = null } = params;
    return askSession(
      registry,
      threadId,
      { type: 'startTurn', input, clientId, overrides: toOverrides(params) },
      respond,
    );
  };
}

export function turnSteerHandler({ registry }: HandlerContext): Handler<'turn/steer'> {
  return (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    if (params.input.length === 0) throw new DaemonError('empty_input', 'input must not be empty');
    checkInputSize(params.input);
    const { input, expectedTurnId, clientUserMessageId: clientId = null } = params;
    return askSession(registry, threadId, { type: 'steerTurn', expectedTurnId, input, clientId }, respond);
  };
}

export function turnInterruptHandler({ registry }: HandlerContext): Handler<'turn/interrupt'> {
  return (params, respond) => {
    const threadId = checkedThreadId(params.threadId);
    return askSession(registry, threadId, { type: 'interruptTurn', turnId: params.turnId }, respond);
  };
}

/** Throws invalid_thread_id for what is no id at all. */
export function checkedThreadId(threadId: string): string {
  if (!isUuid(threadId)) throw new DaemonError('invalid_thread_id', `invalid thread id: ${threadId.slice(0, 100)}`);
  return threadId;
}

function checkInputSize(input: readonly UserInput[]): void {
  let chars = 0;
  for (const part of input) if (part.type === 'text') chars += part.text.length;
  if (chars <= MAX_INPUT_CHARS) return;
  throw new DaemonError('input_too_large', `Input exceeds the maximum length of ${MAX_INPUT_CHARS} characters.`, {
    data: { input_error_code: 'input_too_large', max_chars: MAX_INPUT_CHARS, actual_chars: chars },
  });
}

function toOverrides(params: ParamsOf<'turn/start'>): TurnOverrides {
  const settings = toSettingsPatch(params);
  return params.outputSchema == null ? settings : { ...settings, outputSchema: params.outputSchema };
}

/** What a request says of the settings from now on; absent and null fields leave them as they are. */
export function toSettingsPatch(params: ParamsOf<'turn/start'> | ParamsOf<'thread/settings/update'>): SettingsPatch {
  const patch: SettingsPatch = {};
  if (params.cwd != null) patch.cwd = path.resolve(params.cwd);
  if (params.approvalPolicy != null) patch.approvalPolicy = params.approvalPolicy;
  if (params.sandboxPolicy != null) patch.sandboxPolicy = completePolicy(params.sandboxPolicy);
  if (params.model != null) patch.model = params.model;
  if (params.effort != null) patch.reasoningEffort = params.effort;
  if (params.summary != null) patch.reasoningSummary = params.summary;
  return patch;
}

/** What a client left out of a policy is the narrower choice; replies and records always say all of it. */
function completePolicy(policy: SandboxPolicy): SandboxPolicy {
  switch (policy.type) {
    case 'dangerFullAccess':
      return policy;
    case 'externalSandbox':
      return { ...policy, networkAccess: policy.networkAccess ?? 'restricted' };
    case 'readOnly':
      return { ...policy, networkAccess: policy.networkAccess ?? false };
    case 'workspaceWrite':
      return {
        ...policy,
        writableRoots: policy.writableRoots ?? [],
        networkAccess: policy.networkAccess ?? false,
        excludeTmpdirEnvVar: policy.excludeTmpdirEnvVar ?? false,
        excludeSlashTmp: policy.excludeSlashTmp ?? false,
      };
  }
}
