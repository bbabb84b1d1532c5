// Who has the word on each setting of a conversation: the request, its rollout, or the configuration. Pure. Main thread.
import path from 'node:path';
import type { AskForApproval, SandboxPolicy } from '../protocol/thread.js';
import type { RecordedSettings } from '../registry/seams.js';
import type { ConfigLayerKind, LoadedConfig, WorkspaceWriteConfig } from './config.js';
import { getAt } from './config-table.js';
import { toSandboxPolicy } from './sandbox-policy.js';

/** Whose word a setting is: a layer of the configuration (`request` is one), or the rollout of the conversation. */
export type SettingSource = ConfigLayerKind | 'recorded';

/** Later ones go above earlier ones. */
const ORDER: readonly SettingSource[] = ['defaults', 'environment', 'shared', 'own', 'flags', 'recorded', 'request'];

/** True when what `source` says goes above what `other` says, or both are one. */
export function isAtLeast(source: SettingSource, other: SettingSource): boolean {
  return ORDER.indexOf(source) >= ORDER.indexOf(other);
}

export interface SettledValue<Value> {
  value: Value;
  source: SettingSource;
}

export interface SettledSettings {
  /** null: the first that the provider has. */
  model: SettledValue<string | null>;
  modelProvider: SettledValue<string>;
  workspaceRoots: string[];
  approvalPolicy: AskForApproval;
  sandboxPolicy: SandboxPolicy;
  reasoningEffort: string | null;
  reasoningSummary: string | null;
  developerInstructions: string | null;
}

/**
 * `loaded` holds the request as its highest layer, `recorded` is what the rollout says, null for a new conversation.
 * Only the request goes above the rollout; files and the command line stand in for what neither of them says. So a
 * conversation that is loaded again has the settings that it would have, had it never been unloaded.
 */
export function settleSettings(loaded: LoadedConfig, recorded: RecordedSettings | null, cwd: string): SettledSettings {
  const { config } = loaded;
  const settle = <Value>(
    key: string,
    configured: Value,
    fromRollout: Value | null | undefined,
  ): SettledValue<Value> => {
    const source = sourceOf(loaded, [key]);
    if (source === 'request' || fromRollout === null || fromRollout === undefined) return { value: configured, source };
    return { value: fromRollout, source: 'recorded' };
  };
  const pick = <Value>(...args: [key: string, configured: Value, fromRollout: Value | null | undefined]): Value =>
    settle(...args).value;
  // No effort beside a model is what a turn ran with, not something that nobody wrote down.
  const ranWithoutEffort =
    recorded?.model != null &&
    recorded.reasoningEffort === null &&
    sourceOf(loaded, ['model_reasoning_effort']) !== 'request';
  const keepsFolder = recorded !== null && path.resolve(recorded.cwd) === cwd;
  return {
    model: settle('model', config.model, recorded?.model),
    modelProvider: settle('model_provider', config.modelProvider, recorded?.modelProvider),
    workspaceRoots: (keepsFolder ? recorded.workspaceRoots : null) ?? [cwd],
    approvalPolicy: pick('approval_policy', config.approvalPolicy, recorded?.approvalPolicy),
    sandboxPolicy: settleSandbox(loaded, recorded?.sandboxPolicy ?? null),
    reasoningEffort: ranWithoutEffort
      ? null
      : pick('model_reasoning_effort', config.modelReasoningEffort, recorded?.reasoningEffort),
    reasoningSummary: pick('model_reasoning_summary', config.modelReasoningSummary, recorded?.reasoningSummary),
    developerInstructions: pick(
      'developer_instructions',
      config.developerInstructions,
      recorded?.developerInstructions,
    ),
  };
}

/** The highest layer that sets the key; the layers' own tables know also of empty lists, which have no origin. */
export function sourceOf({ layers }: LoadedConfig, key: readonly string[]): SettingSource {
  return layers.find(({ table }) => getAt(table, key) !== undefined)?.kind ?? 'defaults';
}

/** What the wire means by details that are left out. */
const UNSAID: WorkspaceWriteConfig = {
  writableRoots: [],
  networkAccess: false,
  excludeTmpdirEnvVar: false,
  excludeSlashTmp: false,
};

/** What a request says about a mode does not bring along what the files say about it, when the rollout knows better. */
function settleSandbox(loaded: LoadedConfig, recorded: SandboxPolicy | null): SandboxPolicy {
  const { sandboxMode, sandboxWorkspaceWrite } = loaded.config;
  const configured = toSandboxPolicy(sandboxMode, sandboxWorkspaceWrite);
  if (recorded === null) return configured;
  const asksForMode = sourceOf(loaded, ['sandbox_mode']) === 'request';
  if (recorded.type !== 'workspaceWrite') return asksForMode ? configured : recorded;
  if (asksForMode && configured.type !== 'workspaceWrite') return configured;
  const { type: _, ...written } = recorded;
  const known: WorkspaceWriteConfig = { ...UNSAID, ...written };
  const pick = <Key extends keyof WorkspaceWriteConfig>(name: Key, key: string): WorkspaceWriteConfig[Key] =>
    sourceOf(loaded, ['sandbox_workspace_write', key]) === 'request' ? sandboxWorkspaceWrite[name] : known[name];
  return {
    type: 'workspaceWrite',
    writableRoots: [...pick('writableRoots', 'writable_roots')],
    networkAccess: pick('networkAccess', 'network_access'),
    excludeTmpdirEnvVar: pick('excludeTmpdirEnvVar', 'exclude_tmpdir_env_var'),
    excludeSlashTmp: pick('excludeSlashTmp', 'exclude_slash_tmp'),
  };
}
