// The effective settings of one conversation, from configuration, rollout and request, with its provider. Main thread.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ProviderSettings } from '../agent/model/model.js';
import type { AuthManager } from '../auth/auth-manager.js';
import { DaemonError } from '../errors.js';
import type { ConversationRequest, RecordedSettings, ResolvedSettings } from '../registry/seams.js';
import type { ModelsAnswer } from './ask-models.js';
import type { Config } from './config.js';
import { findModel } from './find-model.js';
import { loadConfig } from './load-config.js';
import { loadEnvironment } from './load-environment.js';
import { parseDottedKey } from './overrides.js';
import { resolveProvider } from './resolve-provider.js';
import type { ResolvedProvider } from './resolve-provider.js';
import { settleSettings } from './settle-settings.js';

export interface SessionSettingsOptions {
  home: string;
  cliOverrides: readonly string[];
  env: NodeJS.ProcessEnv;
  auth: AuthManager;
  /** For what is odd about the configuration itself: it concerns whoever runs the daemon, not one conversation. */
  onWarning: (message: string) => void;
  /** Asks a model server of this machine which models it has. Never rejects. */
  askModels: (provider: ProviderSettings) => Promise<ModelsAnswer>;
  /** A key or the like that must never reach a log. */
  onSecret: (secret: string) => void;
}

/**
 * Reads configuration and environment afresh. Rejects with config_invalid, provider_unknown and provider_unreachable; a
 * missing key is no reason not to open a conversation: it comes as a warning, and turns fail with it.
 */
export async function resolveSessionSettings(
  options: SessionSettingsOptions,
  request: ConversationRequest,
  recorded: RecordedSettings | null,
): Promise<ResolvedSettings> {
  const { home, cliOverrides, env, auth } = options;
  const cwd = path.resolve(request.cwd ?? recorded?.cwd ?? process.cwd());
  const requestWarnings: string[] = [];
  const requestOverrides = toOverrides(request, requestWarnings);
  const loaded = loadConfig({ home, cliOverrides, requestOverrides, env, cwd });
  const environment = loadEnvironment(home, env);
  const { config } = loaded;
  const resolve = (id: string): ResolvedProvider => {
    const resolved = resolveProvider(config, environment.env, auth, id);
    for (const secret of resolved.secrets) options.onSecret(secret);
    return resolved;
  };
  const { model: settledModel, modelProvider, ...settled } = settleSettings(loaded, recorded, cwd);
  const { model, provider } = await findModel(
    { model: settledModel, modelProvider },
    config,
    resolve,
    options.askModels,
  );
  const warnings = [...loaded.warnings, ...environment.warnings].map((warning) => warning.message);
  for (const message of [...warnings, ...provider.warnings]) options.onWarning(message);
  const settings = {
    ...settled,
    model,
    provider: provider.settings,
    providerProblem: provider.problem?.message ?? null,
    cwd,
    approvalPolicy: request.approvalPolicy ?? settled.approvalPolicy,
    contextWindow: config.modelContextWindow,
    baseInstructions: request.baseInstructions ?? baseInstructions(config),
    developerInstructions: request.developerInstructions ?? settled.developerInstructions,
    approvalTimeoutMs: config.approvalTimeoutSecs * 1000,
    secretNames: secretNamesOf(config),
    webSearch: config.webSearch,
    projectDocMaxBytes: config.projectDocMaxBytes,
    projectDocFallbackNames: config.projectDocFallbackNames,
  };
  return {
    settings,
    warnings: [...requestWarnings, ...(provider.problem === null ? [] : [provider.problem.message])],
    unloadDelayMs: config.threadUnloadDelaySecs * 1000,
    resumePath: config.experimentalResume,
  };
}

/**
 * Keys that a request may not set: they say where requests go and which keys, files and variables of this machine go
 * with them. That is for the files of the home and the command line.
 */
const NOT_FOR_REQUESTS: ReadonlySet<string> = new Set([
  'model_providers',
  'openai_base_url',
  'model_instructions_file',
  'mcp_servers',
  'notify',
]);

/** The request's own fields as the keys they stand for, above its `config`. */
function toOverrides(request: ConversationRequest, warnings: string[]): Record<string, unknown> {
  const overrides: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(request.config ?? {})) {
    const root = parseDottedKey(key)[0]!;
    if (!NOT_FOR_REQUESTS.has(root)) overrides[key] = value;
    else if (Object.keys((value as object | null) ?? {}).length > 0 || typeof value === 'string') {
      warnings.push(`the configuration key ${root} cannot be set by a request and was left out`);
    }
  }
  return {
    ...overrides,
    ...(request.model === null ? {} : { model: request.model }),
    ...(request.modelProvider === null ? {} : { model_provider: request.modelProvider }),
    ...(request.sandbox === null ? {} : { sandbox_mode: request.sandbox }),
  };
}

function baseInstructions(config: Config): string {
  if (config.instructions !== null) return config.instructions;
  const file = config.modelInstructionsFile ?? new URL('../../../config/base-instructions.md', import.meta.url);
  try {
    // A pipe would keep the whole daemon waiting.
    if (!statSync(file).isFile()) throw new Error('it is not a file');
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DaemonError('config_invalid', `the model's instructions cannot be read: ${String(error)}`, {
      cause: error,
    });
  }
}

/** Environment variables from which providers take what is secret, of all providers: commands do not get them. */
export function secretNamesOf({ modelProviders }: Pick<Config, 'modelProviders'>): string[] {
  const names = Object.values(modelProviders).flatMap(({ envKey, envHttpHeaders }) => [
    ...(envKey === null ? [] : [envKey]),
    ...Object.values(envHttpHeaders),
  ]);
  return [...new Set(['OPENAI_API_KEY', 'CODEX_API_KEY', ...names])];
}
