// The settings a turn ran with, as the wire spells them. Any thread.
import type { AskForApproval, ReasoningSummary, SandboxPolicy } from '../protocol/thread.js';
import type { TurnContextPayload } from './line.js';

export interface RecordedSettings {
  model: string;
  cwd: string;
  approvalPolicy: AskForApproval;
  sandboxPolicy: SandboxPolicy;
  reasoningEffort: string | null;
  reasoningSummary: ReasoningSummary | null;
}

/** Reads a turn_context of any version. What it does not understand becomes the narrowest setting, never a wider one. */
export function toRecordedSettings(context: TurnContextPayload): RecordedSettings {
  return {
    model: context.model,
    cwd: context.cwd,
    approvalPolicy: toApprovalPolicy(context.approval_policy),
    sandboxPolicy: toSandboxPolicy(context.sandbox_policy),
    reasoningEffort: typeof context.effort === 'string' && context.effort !== '' ? context.effort : null,
    reasoningSummary: toReasoningSummary(context.summary),
  };
}

function toApprovalPolicy(policy: unknown): AskForApproval {
  if (policy === 'untrusted' || policy === 'on-request' || policy === 'never') return policy;
  if (isObject(policy) && isObject(policy.granular)) return policy as AskForApproval;
  // `on-failure` of older versions asked after a failure; nothing else asks as much as this.
  return policy === 'on-failure' ? 'on-request' : 'untrusted';
}

function toSandboxPolicy(policy: unknown): SandboxPolicy {
  if (!isObject(policy)) return { type: 'readOnly', networkAccess: false };
  const networkAccess = policy.network_access;
  switch (policy.type ?? policy.mode) {
    case 'danger-full-access':
      return { type: 'dangerFullAccess' };
    case 'workspace-write':
      return {
        type: 'workspaceWrite',
        writableRoots: Array.isArray(policy.writable_roots)
          ? policy.writable_roots.filter((root): root is string => typeof root === 'string')
          : [],
        networkAccess: networkAccess === true,
        excludeTmpdirEnvVar: policy.exclude_tmpdir_env_var === true,
        excludeSlashTmp: policy.exclude_slash_tmp === true,
      };
    case 'external-sandbox':
      return {
        type: 'externalSandbox',
        networkAccess: networkAccess === 'enabled' || networkAccess === true ? 'enabled' : 'restricted',
      };
    default:
      return { type: 'readOnly', networkAccess: networkAccess === true };
  }
}

function toReasoningSummary(summary: unknown): ReasoningSummary | null {
  return summary === 'auto' || summary === 'concise' || summary === 'detailed' || summary === 'none' ? summary : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
