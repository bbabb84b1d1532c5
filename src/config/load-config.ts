// The configuration, read afresh each time: layers in, effective values out. Main thread.
import { availableParallelism, totalmem } from 'node:os';
import { toApprovalPolicy } from './approval-policy.js';
import { checkLayer, makeWarning } from './check-layer.js';
import type { Config, ConfigLayer, ConfigWarning, LoadedConfig, ProviderConfig } from './config.js';
import { readConfigLayers } from './read-config-layers.js';
import type { ConfigLayerOptions } from './read-config-layers.js';
import { effectiveSchema } from './config-schema.js';
import type { ConfigValues } from './config-schema.js';
import { makeTable, mergeInto } from './config-table.js';
import { LOCAL_PROVIDERS, OFFLINE, OSS } from './provider-ids.js';

/** What is asked for when a provider that is not on this machine is configured without a model; the peer's default. */
export const FALLBACK_MODEL = 'gpt-6.1-sol';

/** Whether its models are found out by asking: a model server of this machine, or `oss`, unless that is configured as one. */
export function isLocalProvider(provider: string, providers: Readonly<Record<string, unknown>>): boolean {
  return LOCAL_PROVIDERS.includes(provider) || (provider === OSS && !Object.hasOwn(providers, OSS));
}

/** A model alone means OpenAI, as in Codex; nothing at all means the offline model. */
function chooseModel(values: ConfigValues): { model: string | null; modelProvider: string } {
  const { model, model_provider: provider, model_providers: providers } = values;
  if (provider !== undefined) {
    const unsaid = isLocalProvider(provider, providers) ? null : provider === OFFLINE ? OFFLINE : FALLBACK_MODEL;
    return { model: model ?? unsaid, modelProvider: provider };
  }
  if (model === undefined || model === OFFLINE) return { model: OFFLINE, modelProvider: OFFLINE };
  return { model, modelProvider: 'openai' };
}

/** More attempts than this help nobody; the peer's bound. */
const MOST_RETRIES = 100;
const MAX_WORKER_HEAP_MB = 4096;
/** Of the machine's memory, what the daemon may hold. */
const MEMORY_SHARE = 0.75;

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

/** `oss` itself was recorded by old versions of Codex. */
function findRecordedProviders(modelProvider: string, values: ConfigValues): string[] {
  const { model_providers: providers, oss_provider: ossProvider } = values;
  if (modelProvider !== OSS || !isLocalProvider(OSS, providers)) return [modelProvider];
  return [OSS, ...(ossProvider === undefined ? LOCAL_PROVIDERS : [ossProvider])];
}

function makeConfig(values: ConfigValues): Config {
  const chosen = chooseModel(values);
  const providerIds = Object.keys(values.model_providers);
  const workspaceWrite = values.sandbox_workspace_write;
  return {
    ...chosen,
    recordedProviders: findRecordedProviders(chosen.modelProvider, values),
    ossProvider: values.oss_provider ?? null,
    modelProviders: Object.fromEntries(providerIds.map((id) => [id, makeProvider(id, values)])),
    modelReasoningEffort: values.model_reasoning_effort ?? null,
    modelReasoningSummary: values.model_reasoning_summary ?? null,
    webSearch: values.web_search ?? 'cached',
    projectDocMaxBytes: values.project_doc_max_bytes ?? 32 * 1024,
    projectDocFallbackNames: values.project_doc_fallback_filenames ?? [],
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
    approvalTimeoutSecs: values.approval_timeout_secs,
    daemon: {
      listen: values.listen,
      allowedOrigins: values.allowed_origins,
      allowedHosts: values.allowed_hosts,
      logLevel: values.log_level,
      sessionsPerWorker: values.sessions_per_worker,
      maxThreads: values.max_threads === 0 ? Math.max(2, availableParallelism()) : values.max_threads,
      workerHeapMb: values.worker_heap_mb || Math.min(MAX_WORKER_HEAP_MB, Math.floor(machineMemoryMb() / 2)),
      workerStuckSecs: values.worker_stuck_secs,
      memoryLimitMb: values.memory_limit_mb || Math.floor(machineMemoryMb() * MEMORY_SHARE),
      replayBytes: values.replay_bytes,
      shutdownGraceSecs: values.shutdown_grace_secs,
    },
  };
}

/** What this process may have: all of the machine's, or what a container is given. */
function machineMemoryMb(): number {
  const constrained = process.constrainedMemory();
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(bytes / (1024 * 1024));
}

function warnAboutModel(values: ConfigValues, origins: ReadonlyMap<string, ConfigLayer>): ConfigWarning[] {
  const { model, model_provider: provider, model_providers: providers } = values;
  if (provider === undefined || provider === OFFLINE || isLocalProvider(provider, providers) || model !== undefined)
    return [];
  const layer = origins.get('model_provider');
  const text = `is set, but no model: asking for ${FALLBACK_MODEL}. Set model to one that the provider has`;
  return layer === undefined ? [] : [makeWarning(layer, ['model_provider'], text)];
}

/**
 * Reads every layer and merges them: shipped defaults, environment, HOME/config.toml, HOME/rolloutd/config.toml, -c, the
 * request. Synchronous, a few small files, nothing remembered between calls. Throws config_invalid, naming file, line and key.
 * Does not say whether the chosen provider exists or has its key: that is resolveProvider's.
 */
export function loadConfig(options: ConfigLayerOptions): LoadedConfig {
  const { layers, warnings } = readConfigLayers(options);
  const origins = new Map<string, ConfigLayer>();
  const table = makeTable();
  for (const layer of layers) {
    const checked = checkLayer(layer, options.env);
    warnings.push(...checked.warnings);
    mergeInto(table, checked.table, layer, origins);
  }
  // Each layer has passed, and merging keeps whole values or tables of them, so this only gives them their types.
  const values = effectiveSchema.parse(table);
  warnings.push(...warnAboutModel(values, origins));
  return { config: makeConfig(values), warnings, layers: layers.toReversed(), table, origins };
}
