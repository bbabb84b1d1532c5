// The answer to config/read: what is in effect, where it comes from, and no secret. Main thread.
import type { ConfigLayer, ConfigLayerSource, ConfigTable, LoadedConfig } from './config.js';
import { SHARED_KEYS } from './config-schema.js';
import { isTable, makeTable } from './config-table.js';

export interface ConfigLayerMetadata {
  name: ConfigLayerSource;
  version: string;
}

/** The shape of ConfigReadResponse in the protocol schema of codex 0.169.0. */
export interface ConfigReadResult {
  config: ConfigTable;
  origins: Record<string, ConfigLayerMetadata>;
  /** Highest precedence first; absent unless asked for. */
  layers?: (ConfigLayerMetadata & { config: ConfigTable })[];
}

const HIDDEN = '[hidden]';

/** Tables whose values are all hidden: they carry credentials as a rule. */
const SECRET_TABLES: readonly string[] = ['http_headers', 'headers', 'query_params', 'env', 'set'];

/** Keys that name a secret, but not those that name the variable that holds one. */
const SECRET_KEY = /(?:token|api_?key|secret|password|authorization)$/i;

/** Tables that the peer never answers with null. */
const TABLE_KEYS: readonly string[] = [
  'features',
  'marketplaces',
  'mcp_servers',
  'model_providers',
  'plugins',
  'profiles',
];

function hideUrlSecrets(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/i, `$1${HIDDEN}@`).replace(/(\?)[^#\s]+/, `$1${HIDDEN}`);
}

function hideSecrets(value: unknown, hideAll: boolean): unknown {
  if (Array.isArray(value)) return value.map((element) => hideSecrets(element, hideAll));
  if (isTable(value)) {
    const shown = makeTable();
    for (const [key, element] of Object.entries(value)) {
      const hide = hideAll || SECRET_TABLES.includes(key);
      shown[key] = typeof element === 'string' && SECRET_KEY.test(key) ? HIDDEN : hideSecrets(element, hide);
    }
    return shown;
  }
  if (hideAll) return HIDDEN;
  if (typeof value !== 'string') return value;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? hideUrlSecrets(value) : value;
}

function toMetadata(layer: ConfigLayer): ConfigLayerMetadata {
  return { name: layer.source, version: layer.version };
}

/** Values of headers, query parameters, environment tables, tokens and keys are replaced by `[hidden]`. Never throws. */
export function toConfigReadResponse(loaded: LoadedConfig, includeLayers: boolean): ConfigReadResult {
  const config = makeTable();
  for (const key of SHARED_KEYS) config[key] = TABLE_KEYS.includes(key) ? makeTable() : null;
  Object.assign(config, hideSecrets(loaded.table, false));
  // Chosen by rule when the files leave them out; a model that the provider has to be asked for is null.
  config['model'] = loaded.config.model;
  config['model_provider'] = loaded.config.modelProvider;
  const origins = [...loaded.origins].map(([path, layer]) => [path, toMetadata(layer)] as const);
  const layers = loaded.layers.map((layer) => ({
    ...toMetadata(layer),
    config: hideSecrets(layer.table, false) as ConfigTable,
  }));
  return { config, origins: Object.fromEntries(origins), ...(includeLayers ? { layers } : {}) };
}
