// The model of a conversation and the provider it is asked from, once it is settled whose word counts. Main thread.
import type { ProviderSettings } from '../agent/model/model.js';
import { DaemonError } from '../errors.js';
import type { ModelsAnswer } from './ask-models.js';
import { chooseLocalModel, localCandidates } from './choose-local-model.js';
import type { LocalChoice } from './choose-local-model.js';
import type { Config } from './config.js';
import { FALLBACK_MODEL, isLocalProvider } from './load-config.js';
import { OSS } from './provider-ids.js';
import type { ResolvedProvider } from './resolve-provider.js';
import { isAtLeast } from './settle-settings.js';
import type { SettledSettings } from './settle-settings.js';

/**
 * Asks a model server only for `oss`, and for a local provider without a model; everything else is answered at once.
 * Throws provider_unknown and provider_unreachable; a conversation that was there before can be opened without
 * its model server, as without its key: then that is the provider's `problem`.
 */
export async function findModel(
  { model, modelProvider }: Pick<SettledSettings, 'model' | 'modelProvider'>,
  config: Config,
  resolve: (id: string) => ResolvedProvider,
  ask: (provider: ProviderSettings) => Promise<ModelsAnswer>,
): Promise<LocalChoice<ResolvedProvider>> {
  const provider = modelProvider.value;
  const isLocal = isLocalProvider(provider, config.modelProviders);
  if (!isLocal || (provider !== OSS && model.value !== null)) {
    return { provider: resolve(provider), model: model.value ?? FALLBACK_MODEL };
  }
  const { ossProvider } = config;
  const isModelMeant = isAtLeast(model.source, modelProvider.source);
  const wish = { provider, ossProvider, model: model.value, isModelMeant };
  try {
    return await chooseLocalModel(wish, resolve, ask);
  } catch (error) {
    const isUnreachable = error instanceof DaemonError && error.code === 'provider_unreachable';
    if (!isUnreachable || modelProvider.source !== 'recorded') throw error;
    const unreached = resolve(localCandidates(wish)[0]!);
    return { provider: { ...unreached, problem: unreached.problem ?? error }, model: model.value ?? FALLBACK_MODEL };
  }
}
