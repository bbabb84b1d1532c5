// The effective settings of one conversation: configuration, then what its rollout says, then what was asked. Main thread.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AuthManager } from '../auth/auth-manager.js';
import { DaemonError } from '../errors.js';
import type { ConversationSummary } from '../index/index-messages.js';
import type { ConversationRequest, ResolvedSettings } from '../registry/seams.js';
import type { Config } from './config.js';
import { loadConfig } from './load-config.js';
import { loadEnvironment } from './load-environment.js';
import { resolveProvider } from './resolve-provider.js';
import { toSandboxPolicy } from './sandbox-policy.js';

export interface SessionSettingsOptions {
  home: string;
  cliOverrides: readonly string[];
  env: NodeJS.ProcessEnv;
  auth: AuthManager;
  /** For what is odd about the configuration itself: it concerns whoever runs the daemon, not one conversation. */
  onWarning: (message: string) => void;
}

/**
 * Reads configuration and environment afresh. Throws config_invalid and provider_unknown; a missing key is no reason not
 * to open a conversation: it comes as a warning, and turns fail with it.
 */
export function resolveSessionSettings(
  options: SessionSettingsOptions,
  request: ConversationRequest,
  recorded: ConversationSummary | null,
): ResolvedSettings {
  const { home, cliOverrides, env, auth } = options;
  const cwd = path.resolve(request.cwd ?? recorded?.cwd ?? process.cwd());
  const loaded = loadConfig({ home, cliOverrides, requestOverrides: request.config, env, cwd });
  const environment = loadEnvironment(home, env);
  for (const warning of [...loaded.warnings, ...environment.warnings]) options.onWarning(warning.message);
  const { config } = loaded;
  const modelProvider = request.modelProvider ?? recorded?.modelProvider ?? config.modelProvider;
  const provider = resolveProvider({ ...config, modelProvider }, environment.env, auth);
  const settings = {
    model: request.model ?? recorded?.model ?? config.model,
    provider: provider.settings,
    providerProblem: provider.problem?.message ?? null,
    cwd,
    workspaceRoots: [cwd],
    approvalPolicy: request.approvalPolicy ?? recorded?.approvalPolicy ?? config.approvalPolicy,
    sandboxPolicy:
      request.sandbox === null
        ? (recorded?.sandboxPolicy ?? toSandboxPolicy(config.sandboxMode, config.sandboxWorkspaceWrite))
        : toSandboxPolicy(request.sandbox, config.sandboxWorkspaceWrite),
    reasoningEffort: recorded?.reasoningEffort ?? config.modelReasoningEffort,
    reasoningSummary: config.modelReasoningSummary,
    contextWindow: config.modelContextWindow,
    baseInstructions: request.baseInstructions ?? baseInstructions(config),
    developerInstructions: request.developerInstructions ?? config.developerInstructions,
  };
  return {
    settings,
    warnings: provider.problem === null ? [] : [provider.problem.message],
    unloadDelayMs: config.threadUnloadDelaySecs * 1000,
    resumePath: config.experimentalResume,
  };
}

function baseInstructions(config: Config): string {
  if (config.instructions !== null) return config.instructions;
  const file = config.modelInstructionsFile ?? new URL('../../../config/base-instructions.md', import.meta.url);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DaemonError('config_invalid', `the model's instructions cannot be read: ${String(error)}`, {
      cause: error,
    });
  }
}
