// From the configuration's provider to what a session needs to reach it, keys included. Main thread.
import type { ProviderSettings } from '../agent/model/model.js';
import type { AuthManager } from '../auth/auth-manager.js';
import { DaemonError } from '../errors.js';
import { findClosestKey } from './closest-key.js';
import type { Config, ProviderConfig } from './config.js';
import type { Environment } from './load-environment.js';
import { OFFLINE } from './provider-ids.js';

export interface ResolvedProvider {
  /** Usable unless there is a problem. Holds secrets: it crosses to a worker in memory, and goes nowhere else. */
  settings: ProviderSettings;
  /**
   * auth_missing or config_invalid when a request would be bound to fail. The conversation can be opened and read all
   * the same: raise it when a turn starts.
   */
  problem: DaemonError | null;
  warnings: string[];
  /** Values that must not reach a log. */
  secrets: string[];
}

/** Where a provider with OpenAI's keys is when it does not say. */
const OPENAI_BASE_URL = 'https://api.openai.com/v1';

const SECRET_NAME = /authorization|cookie|key|token|secret|password|signature/i;

interface KeyLookup {
  key: string | null;
  problem: DaemonError | null;
  warnings: string[];
}

/** What node:http accepts as a header's value. */
function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function getVariable(environment: Environment, name: string): string | null {
  const value = environment[name]?.trim();
  return value === undefined || value === '' ? null : value;
}

function describeMissingKey(provider: ProviderConfig): string {
  const ways: string[] = [];
  if (provider.envKey !== null) ways.push(`set ${provider.envKey} in the daemon's environment or in HOME/.env`);
  if (provider.requiresOpenaiAuth) ways.push('put {"OPENAI_API_KEY": "..."} into HOME/auth.json (chmod 600)');
  const hint = provider.envKeyInstructions === null ? '' : ` ${provider.envKeyInstructions}`;
  return `The provider ${provider.id} (${provider.name}) needs a key: ${ways.join(', or ')}.${hint}`;
}

function findKey(provider: ProviderConfig, environment: Environment, auth: AuthManager): KeyLookup {
  const fromEnvironment = provider.envKey === null ? null : getVariable(environment, provider.envKey);
  const configured = fromEnvironment ?? provider.bearerToken?.trim() ?? null;
  if (configured !== null) return { key: configured, problem: null, warnings: [] };
  let warnings: string[] = [];
  if (provider.requiresOpenaiAuth) {
    const reading = auth.read();
    if (reading.auth.type === 'apiKey') return { key: reading.auth.key, problem: null, warnings: reading.warnings };
    warnings = reading.warnings;
  } else if (provider.envKey === null) {
    return { key: null, problem: null, warnings };
  }
  const data = { provider: provider.id, envKey: provider.envKey };
  const message = [describeMissingKey(provider), ...warnings].join(' ');
  return { key: null, problem: new DaemonError('auth_missing', message, { data }), warnings };
}

function buildHeaders(provider: ProviderConfig, environment: Environment): Record<string, string> {
  const headers = new Map(Object.entries(provider.httpHeaders));
  for (const [name, variable] of Object.entries(provider.envHttpHeaders)) {
    const value = getVariable(environment, variable);
    if (value !== null) headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

/** Names only, in case a value is a secret. */
function findUnsendable(headers: Record<string, string>, key: string | null): string | null {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `${JSON.stringify(name)} is no name for a header`;
    if (!isHeaderValue(value)) return `the value of the header ${name} holds characters that cannot be sent`;
  }
  return key !== null && !isHeaderValue(key) ? 'the key holds characters that cannot be sent' : null;
}

function findSecrets(settings: ProviderSettings, provider: ProviderConfig): string[] {
  const secrets: string[] = settings.apiKey === null ? [] : [settings.apiKey];
  for (const [name, value] of [...Object.entries(settings.headers), ...Object.entries(settings.queryParams)]) {
    if (SECRET_NAME.test(name) || Object.hasOwn(provider.envHttpHeaders, name)) secrets.push(value);
  }
  return secrets;
}

/**
 * Looks up a provider (the configured one by default) with its headers and its key: env_key first, then
 * experimental_bearer_token, then HOME/auth.json for a provider with requires_openai_auth. Throws provider_unknown, and
 * nothing else: a missing key is a `problem`.
 */
export function resolveProvider(
  config: Config,
  environment: Environment,
  auth: AuthManager,
  id: string = config.modelProvider,
): ResolvedProvider {
  const known = Object.keys(config.modelProviders);
  const provider = Object.hasOwn(config.modelProviders, id) ? config.modelProviders[id] : undefined;
  if (provider === undefined) {
    const closest = findClosestKey(id, known);
    const hint = closest === null ? `known are: ${known.join(', ')}` : `did you mean ${closest}?`;
    const message = `The model provider ${JSON.stringify(id)} is not configured; ${hint}`;
    throw new DaemonError('provider_unknown', message, { data: { provider: id, known } });
  }
  const lookup = findKey(provider, environment, auth);
  const settings: ProviderSettings = {
    id,
    name: provider.name,
    baseUrl: provider.baseUrl ?? (provider.requiresOpenaiAuth ? OPENAI_BASE_URL : null),
    apiKey: lookup.key,
    headers: buildHeaders(provider, environment),
    queryParams: { ...provider.queryParams },
    requestMaxRetries: provider.requestMaxRetries,
    streamMaxRetries: provider.streamMaxRetries,
    streamIdleTimeoutMs: provider.streamIdleTimeoutMs,
  };
  const unsendable = findUnsendable(settings.headers, settings.apiKey);
  let { problem } = lookup;
  if (settings.baseUrl === null && id !== OFFLINE) {
    problem = new DaemonError(
      'config_invalid',
      `The provider ${id} has no base_url: set model_providers.${id}.base_url`,
    );
  } else if (unsendable !== null) {
    problem = new DaemonError('config_invalid', `The provider ${id} cannot be used: ${unsendable}`);
  }
  return { settings, problem, warnings: lookup.warnings, secrets: findSecrets(settings, provider) };
}
