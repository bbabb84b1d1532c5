// The configuration, read afresh each time: layers in, effective values out. Main thread.
import { availableParallelism } from 'node:os';
import { toApprovalPolicy } from './approval-policy.js';
import { checkLayer, makeWarning } from './check-layer.js';
import type { Config, ConfigLayer, ConfigTable, ConfigWarning, LoadedConfig, ProviderConfig } from './config.js';
import { readConfigLayers } from './read-config-layers.js';
import type { ConfigLayerOptions } from './read-config-layers.js';
import { effectiveSchema } from './config-schema.js';
import type { ConfigValues } from './config-schema.js';
import { makeTable, mergeInto } from './config-table.js';

/** Id of the built-in provider that needs no network, and the name of its model. */
export const OFFLINE = 'offline';

/** What is asked for when a provider is configured but no model; the peer's default. */
const FALLBACK_MODEL = 'gpt-6.1-sol';

export interface LoadConfigOptions extends ConfigLayerOptions {
  /** For `~/` in paths. */
  env: NodeJS.ProcessEnv;
}

/** A model alone means OpenAI, as in Codex; nothing at all means the offline model. */
function chooseModel(values: ConfigValues): { model: string; modelProvider: string } {
  const { model, model_provider: provider } = values;
  if (provider !== undefined) {
    return { model: model ?? (provider === OFFLINE ? OFFLINE : FALLBACK_MODEL), modelProvider: provider };
  }
  if (model === undefined || model === OFFLINE) return { model: OFFLINE, modelProvider: OFFLINE };
  return { model, modelProvider: 'openai' };
}

/** More attempts than this help nobody; the peer's bound. */
const MOST_RETRIES = 100;

function makeProvider(id: string, values: ConfigValues): ProviderConfig {
  const provider = values.model_providers[id] ?? {};
  return {
    id,
    name: provider.name ?? id,
    baseUrl: (id === 'openai' ? values.openai_base_url : undefined) ?? provider.base_url ?? null,
    envKey: provider.env_key ?? null,
    envKeyInstructions: provider.env_key_instructions ?? null,
    bearerToken: provider.experimental_bearer_token ?? null,
    requiresOpenaiAuth: provider.requires_openai_auth ?? false,
    httpHeaders: { ...provider.http_headers },
    envHttpHeaders: { ...provider.env_http_headers },
    queryParams: { ...provider.query_params },
    requestMaxRetries: Math.min(provider.request_max_retries ?? values.request_max_retries, MOST_RETRIES),
    streamMaxRetries: Math.min(provider.stream_max_retries ?? values.stream_max_retries, MOST_RETRIES),
    streamIdleTimeoutMs: provider.stream_idle_timeout_ms ?? values.stream_idle_timeout_ms,
  };
}

function makeConfig(values: ConfigValues): Config {
  const providerIds = Object.keys(values.model_providers);
  const workspaceWrite = values.sandbox_workspace_write;
  return {
    ...chooseModel(values),
    modelProviders: Object.fromEntries(providerIds.map((id) => [id, makeProvider(id, values)])),
    modelReasoningEffort: values.model_reasoning_effort ?? null,
    modelReasoningSummary: values.model_reasoning_summary ?? null,
    modelVerbosity: values.model_verbosity ?? null,
    modelContextWindow: values.model_context_window ?? null,
    instructions: values.instructions ?? null,
    developerInstructions: values.developer_instructions ?? null,
    modelInstructionsFile: values.model_instructions_file ?? null,
    experimentalResume: values.experimental_resume ?? null,
    approvalPolicy: toApprovalPolicy(values.approval_policy),
    sandboxMode: values.sandbox_mode,
    sandboxWorkspaceWrite: {
      writableRoots: workspaceWrite.writable_roots,
      networkAccess: workspaceWrite.network_access,
      excludeTmpdirEnvVar: workspaceWrite.exclude_tmpdir_env_var,
      excludeSlashTmp: workspaceWrite.exclude_slash_tmp,
    },
    threadUnloadDelaySecs: values.thread_unload_delay_secs,
    daemon: {
      listen: values.listen,
      allowedOrigins: values.allowed_origins,
      allowedHosts: values.allowed_hosts,
      logLevel: values.log_level,
      sessionsPerWorker: values.sessions_per_worker,
      maxThreads: values.max_threads === 0 ? Math.max(2, availableParallelism()) : values.max_threads,
    },
  };
}

function warnAboutModel(table: ConfigTable, origins: ReadonlyMap<string, ConfigLayer>): ConfigWarning[] {
  const provider = table['model_provider'];
  if (provider === undefined || provider === OFFLINE || table['model'] !== undefined) return [];
  const layer = origins.get('model_provider');
  const text = `is set, but no model: asking for ${FALLBACK_MODEL}. Set model to one that the provider has`;
  return layer === undefined ? [] : [makeWarning(layer, ['model_provider'], text)];
}

/**
 * Reads every layer and merges them: shipped defaults, HOME/config.toml, HOME/rolloutd/config.toml, -c, the request.
 * Synchronous, a few small files, nothing remembered between calls. Throws config_invalid, naming file, line and key.
 * Does not say whether the chosen provider exists or has its key: that is resolveProvider's.
 */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const layers = readConfigLayers(options);
  const warnings: ConfigWarning[] = [];
  const origins = new Map<string, ConfigLayer>();
  const table = makeTable();
  for (const layer of layers) {
    const checked = checkLayer(layer, options.env);
    warnings.push(...checked.warnings);
    mergeInto(table, checked.table, layer, origins);
  }
  warnings.push(...warnAboutModel(table, origins));
  // Each layer has passed, and merging keeps whole values or tables of them, so this only gives them their types.
  const config = makeConfig(effectiveSchema.parse(table));
  return { config, warnings, layers: layers.toReversed(), table, origins };
}
