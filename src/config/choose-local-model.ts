// Which model server of this machine a conversation gets, and which of its models. Main thread.
import { DaemonError } from '../errors.js';
import { describeAddress } from './ask-models.js';
import type { ModelsAnswer } from './ask-models.js';
import { LOCAL_PROVIDERS, OSS } from './provider-ids.js';
import type { ResolvedProvider } from './resolve-provider.js';

export interface LocalWish {
  /** `oss`, or a local provider's own id. */
  provider: string;
  /** `oss_provider`: the one that `oss` stands for. */
  ossProvider: string | null;
  /** null: the first that there is. */
  model: string | null;
  /** False: the model was not chosen for this provider, and counts only where the provider has it. */
  isModelMeant: boolean;
}

export interface LocalChoice<Candidate> {
  provider: Candidate;
  model: string;
}

/** The ids that a wish may end with, the preferred first. Throws provider_unknown for an `oss_provider` that is none. */
export function localCandidates({ provider, ossProvider }: Pick<LocalWish, 'provider' | 'ossProvider'>): string[] {
  if (provider !== OSS) return [provider];
  if (ossProvider === null) return [...LOCAL_PROVIDERS];
  if (LOCAL_PROVIDERS.includes(ossProvider)) return [ossProvider];
  const message = `oss_provider is ${JSON.stringify(ossProvider)}; known are: ${LOCAL_PROVIDERS.join(', ')}`;
  throw new DaemonError('provider_unknown', message, { data: { provider: ossProvider, known: LOCAL_PROVIDERS } });
}

/** The name under which a server has the model; any will do when none is named. */
function findName(models: readonly string[], model: string | null): string | undefined {
  if (model === null) return models[0];
  // Ollama adds the tag where there is none.
  return [model, `${model}:latest`].find((candidate) => models.includes(candidate));
}

/** Of servers with their models, the preferred first: the first that has the model, else the first that will do. */
export function pickLocalModel<Candidate>(
  { model, isModelMeant }: Pick<LocalWish, 'model' | 'isModelMeant'>,
  servers: readonly { provider: Candidate; models: readonly string[] }[],
): LocalChoice<Candidate> | null {
  for (const { provider, models } of servers) {
    const name = findName(models, model);
    if (name !== undefined) return { provider, model: name };
  }
  const [first] = servers;
  if (model === null || first === undefined) return null;
  return isModelMeant ? { provider: first.provider, model } : pickLocalModel({ model: null, isModelMeant }, servers);
}

/**
 * Asks all candidates at once and takes the first that has what is wished for, without waiting for the others. Throws
 * provider_unreachable, which says what was tried, and what localCandidates and `resolve` throw.
 */
export async function chooseLocalModel(
  wish: LocalWish,
  resolve: (id: string) => ResolvedProvider,
  ask: (provider: ResolvedProvider['settings']) => Promise<ModelsAnswer>,
): Promise<LocalChoice<ResolvedProvider>> {
  const candidates = localCandidates(wish).map((id) => {
    const provider = resolve(id);
    const { settings, problem } = provider;
    return { provider, answer: problem === null ? ask(settings) : Promise.resolve({ problem: problem.message }) };
  });
  const servers: { provider: ResolvedProvider; models: string[] }[] = [];
  const tried: { provider: string; name: string; address: string; problem: string }[] = [];
  for (const { provider, answer } of candidates) {
    const told: ModelsAnswer = await answer;
    const { id, name, baseUrl } = provider.settings;
    const problem = 'problem' in told ? told.problem : 'it has no models';
    tried.push({ provider: id, name, address: describeAddress(baseUrl), problem });
    if ('problem' in told) continue;
    servers.push({ provider, models: told.models });
    const model = findName(told.models, wish.model);
    if (model !== undefined) return { provider, model };
  }
  const choice = pickLocalModel(wish, servers);
  if (choice !== null) return choice;
  const attempts = tried.map(({ name, address, problem }) => `${name} at ${address}: ${problem}`).join('; ');
  const message = `No model server of this machine can be used. ${attempts}. Start one that has a model, or say where it is`;
  throw new DaemonError('provider_unreachable', `${message} (model_providers.ID.base_url)`, { data: { tried } });
}
