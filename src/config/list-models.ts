// The models that can be chosen: the configured one, those of this machine, and the one that is built in. Main thread.
import { DaemonError } from '../errors.js';
import { localCandidates, pickLocalModel } from './choose-local-model.js';
import type { LocalChoice } from './choose-local-model.js';
import type { Config, LoadedConfig } from './config.js';
import { isLocalProvider } from './load-config.js';
import type { LocalModels } from './local-models.js';
import { LOCAL_PROVIDERS, OFFLINE, OSS } from './provider-ids.js';
import type { ResolvedProvider } from './resolve-provider.js';
import { isAtLeast, sourceOf } from './settle-settings.js';

export interface ListedModel {
  /** Different for each; the model's name, but for one that two providers have. */
  id: string;
  /** As the provider knows it. */
  model: string;
  /** The provider's id. */
  provider: string;
  providerName: string;
  origin: 'configured' | 'found' | 'builtIn';
  /** What a conversation gets that asks for nothing. */
  isDefault: boolean;
}

type Row = Omit<ListedModel, 'id' | 'isDefault'>;

export interface ListModelsOptions {
  loaded: LoadedConfig;
  local: LocalModels;
  resolve: (id: string) => ResolvedProvider;
}

/**
 * Only those of `provider` when it is not null; that one is asked wherever it is, for at most 2 s. Otherwise the whole
 * list takes 300 ms at most. A server that does not answer has no models here. Throws provider_unknown.
 */
export async function listModels(options: ListModelsOptions, provider: string | null): Promise<ListedModel[]> {
  const { config } = options.loaded;
  const ids = idsToAsk(config, provider);
  const servers = await askServers(options, ids, provider !== null);
  const chosen = findDefault(options.loaded, servers);
  const nameOf = (id: string): string => config.modelProviders[id]?.name ?? id;
  const rows: Row[] = [
    ...(chosen === null ? [] : [{ ...chosen, origin: 'configured' as const }]),
    ...servers.flatMap(({ provider: id, models }) =>
      models.map((model) => ({ provider: id, model, origin: 'found' as const })),
    ),
    { provider: OFFLINE, model: OFFLINE, origin: 'builtIn' as const },
  ].map((row) => ({ ...row, providerName: nameOf(row.provider) }));
  const wanted = provider === null ? null : [provider, ...ids];
  const listed = new Map<string, ListedModel>();
  for (const row of rows) {
    if (wanted !== null && !wanted.includes(row.provider)) continue;
    const namesake = listed.get(row.model);
    if (namesake?.provider === row.provider) continue;
    const id = namesake === undefined ? row.model : `${row.provider}/${row.model}`;
    const isDefault = chosen !== null && row.provider === chosen.provider && row.model === chosen.model;
    if (!listed.has(id)) listed.set(id, { ...row, id, isDefault });
  }
  return [...listed.values()];
}

/** Servers whose models belong into the list. */
function idsToAsk(config: Config, provider: string | null): string[] {
  const known = Object.keys(config.modelProviders);
  if (provider === null) {
    // Where two have one address, the configured one is the one that counts.
    const isPreferred = (id: string): boolean => id === config.modelProvider || id === config.ossProvider;
    return [...LOCAL_PROVIDERS].sort((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)));
  }
  if (isLocalProvider(provider, config.modelProviders))
    return localCandidates({ provider, ossProvider: config.ossProvider });
  if (known.includes(provider)) return [];
  const message = `The model provider ${JSON.stringify(provider)} is not configured; known are: ${known.join(', ')}`;
  throw new DaemonError('provider_unknown', message, { data: { provider, known } });
}

interface Server {
  provider: string;
  models: string[];
}

/** Those that answered. Two ids of one address are one server, under the first. */
async function askServers({ local, resolve }: ListModelsOptions, ids: string[], isChosen: boolean): Promise<Server[]> {
  const addresses = new Set<string | null>();
  const asked = ids.map(async (id): Promise<Server> => {
    const { settings, problem } = resolve(id);
    if (problem !== null || addresses.has(settings.baseUrl)) return { provider: id, models: [] };
    addresses.add(settings.baseUrl);
    if (!isChosen) return { provider: id, models: await local.find(settings) };
    const told = await local.ask(settings);
    return { provider: id, models: 'models' in told ? told.models : [] };
  });
  return (await Promise.all(asked)).filter(({ models }) => models.length > 0);
}

/** What findModel would choose, as far as it is known without waiting; null when that is nothing. */
function findDefault(loaded: LoadedConfig, servers: readonly Server[]): LocalChoice<string> | null {
  const { model, modelProvider: provider, modelProviders, ossProvider } = loaded.config;
  if (!isLocalProvider(provider, modelProviders) || (provider !== OSS && model !== null)) {
    return model === null ? null : { provider, model };
  }
  const candidates = localCandidates({ provider, ossProvider });
  const isModelMeant = isAtLeast(sourceOf(loaded, ['model']), sourceOf(loaded, ['model_provider']));
  const choice = pickLocalModel(
    { model, isModelMeant },
    servers.filter((server) => candidates.includes(server.provider)),
  );
  return choice ?? (model !== null && isModelMeant ? { provider, model } : null);
}
