// The settings that lines of a rollout record, as the wire spells them. Any thread.
import type { AskForApproval, ReasoningSummary, SandboxPolicy } from '../protocol/thread.js';
import type { RolloutLine, TurnContextPayload } from './line.js';
import { toProfiledSandbox } from './permission-profile.js';

export interface RecordedSettings {
  model: string;
  modelProvider: string;
  cwd: string;
  workspaceRoots: string[];
  approvalPolicy: AskForApproval;
  sandboxPolicy: SandboxPolicy;
  reasoningEffort: string | null;
  reasoningSummary: ReasoningSummary | null;
  developerInstructions: string | null;
}

type Fields = Record<string, unknown>;

/**
 * What a turn_context or thread_settings_applied of any version says; fields it says nothing of are absent, so that
 * later lines can be laid over earlier ones. null for lines of other kinds. What is not understood becomes the narrowest
 * setting, never a wider one.
 */
export function toRecordedSettings(line: RolloutLine): Partial<RecordedSettings> | null {
  if (line.type === 'turn_context') return ofTurnContext(line.payload);
  if (line.type !== 'event_msg' || line.payload.type !== 'thread_settings_applied') return null;
  return ofAppliedSettings(line.payload.thread_settings);
}

/** A turn_context leaves out what has no value. */
function ofTurnContext(context: TurnContextPayload): Partial<RecordedSettings> {
  const { model, cwd } = context;
  return {
    model,
    cwd,
    approvalPolicy: toApprovalPolicy(context.approval_policy),
    sandboxPolicy: recordedSandbox(context, cwd) ?? toSandboxPolicy(undefined),
    reasoningEffort: toEffort(context.effort),
    reasoningSummary: toReasoningSummary(context.summary),
    ...toWorkspaceRoots(context.workspace_roots),
  };
}

function ofAppliedSettings(settings: Fields): Partial<RecordedSettings> {
  const { model, model_provider_id: modelProvider, cwd } = settings;
  const sandboxPolicy = recordedSandbox(settings, typeof cwd === 'string' ? cwd : '');
  const mode = isObject(settings.collaboration_mode) ? settings.collaboration_mode.settings : undefined;
  // Codex leaves out an effort that is not set, but for this copy of it.
  const effort = firstOf([settings, 'effort'], [settings, 'reasoning_effort'], [mode, 'reasoning_effort']);
  const summary = firstOf([settings, 'summary'], [settings, 'reasoning_summary']);
  const instructions = firstOf([settings, 'developer_instructions']);
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof modelProvider === 'string' ? { modelProvider } : {}),
    ...(typeof cwd === 'string' ? { cwd } : {}),
    ...('approval_policy' in settings ? { approvalPolicy: toApprovalPolicy(settings.approval_policy) } : {}),
    ...(sandboxPolicy === null ? {} : { sandboxPolicy }),
    ...(effort === undefined ? {} : { reasoningEffort: toEffort(effort) }),
    ...(summary === undefined ? {} : { reasoningSummary: toReasoningSummary(summary) }),
    ...(instructions === undefined
      ? {}
      : { developerInstructions: typeof instructions === 'string' ? instructions : null }),
    ...toWorkspaceRoots(settings.runtime_workspace_roots),
  };
}

/** The policy itself where it is given, else what the profile stands for; null when the line has neither. */
function recordedSandbox({ sandbox_policy, permission_profile }: Fields, cwd: string): SandboxPolicy | null {
  if (sandbox_policy !== undefined && sandbox_policy !== null) return toSandboxPolicy(sandbox_policy);
  if (permission_profile === undefined || permission_profile === null) return null;
  return toProfiledSandbox(permission_profile, cwd);
}

/** The first of these fields that is there, whatever it holds; else undefined. */
function firstOf(...places: [unknown, string][]): unknown {
  for (const [object, field] of places) if (isObject(object) && object[field] !== undefined) return object[field];
  return undefined;
}

function toEffort(effort: unknown): string | null {
  return typeof effort === 'string' && effort !== '' ? effort : null;
}

function toWorkspaceRoots(roots: unknown): { workspaceRoots?: string[] } {
  if (!Array.isArray(roots)) return {};
  return { workspaceRoots: roots.filter((root): root is string => typeof root === 'string') };
}

function toApprovalPolicy(policy: unknown): AskForApproval {
  if (policy === 'untrusted' || policy === 'on-request' || policy === 'never') return policy;
  if (isObject(policy) && isGranular(policy.granular)) return policy as AskForApproval;
  // `on-failure` of older versions asked after a failure; nothing else asks as much as this.
  return policy === 'on-failure' ? 'on-request' : 'untrusted';
}

/** The gates that every version wrote are there, and all say yes or no. */
function isGranular(gates: unknown): boolean {
  if (!isObject(gates)) return false;
  const { sandbox_approval, rules, mcp_elicitations } = gates;
  return [sandbox_approval, rules, mcp_elicitations, ...Object.values(gates)].every(
    (gate) => typeof gate === 'boolean',
  );
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
        excludeTmpdirEnvVar: isExcluded(policy.exclude_tmpdir_env_var),
        excludeSlashTmp: isExcluded(policy.exclude_slash_tmp),
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

/** Only what is left out, or a plain no, leaves the folder open. */
function isExcluded(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

function toReasoningSummary(summary: unknown): ReasoningSummary | null {
  return summary === 'auto' || summary === 'concise' || summary === 'detailed' || summary === 'none' ? summary : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
