import { expect } from 'chai';
import type { ProviderSettings } from '../../src/agent/model/model.js';
import type { ModelsAnswer } from '../../src/config/ask-models.js';
import { chooseLocalModel, pickLocalModel } from '../../src/config/choose-local-model.js';
import type { LocalWish } from '../../src/config/choose-local-model.js';
import type { ResolvedProvider } from '../../src/config/resolve-provider.js';
import { DaemonError } from '../../src/errors.js';

const resolve = (id: string): ResolvedProvider => ({
  settings: {
    id,
    name: id.toUpperCase(),
    baseUrl: `http://127.0.0.1:1/${id}?key=secret`,
    apiKey: null,
    headers: {},
    queryParams: {},
    requestMaxRetries: 0,
    streamMaxRetries: 0,
    streamIdleTimeoutMs: 1,
  },
  problem: id === 'broken' ? new DaemonError('auth_missing', 'a key is missing') : null,
  warnings: [],
  secrets: [],
});

const OSS: LocalWish = { provider: 'oss', ossProvider: null, model: null, isModelMeant: false };
const REFUSED: ModelsAnswer = { problem: 'nobody listens there' };
const BOTH = { ollama: { models: ['o1', 'o2:latest'] }, lmstudio: { models: ['l1', 'o1'] } };

const CASES: Record<
  string,
  [wish: Partial<LocalWish>, answers: Record<string, ModelsAnswer>, choice: [string, string]]
> = {
  'the first model of Ollama': [{}, BOTH, ['ollama', 'o1']],
  'the first model of LM Studio, when Ollama does not answer': [{}, { ...BOTH, ollama: REFUSED }, ['lmstudio', 'l1']],
  'the first model of LM Studio, when Ollama has none': [{}, { ...BOTH, ollama: { models: [] } }, ['lmstudio', 'l1']],
  'the one that oss_provider names': [{ ossProvider: 'lmstudio' }, BOTH, ['lmstudio', 'l1']],
  'the one that was asked for': [{ provider: 'lmstudio', ossProvider: 'ollama' }, BOTH, ['lmstudio', 'l1']],
  'the model that was asked for': [{ model: 'o1', isModelMeant: true }, BOTH, ['ollama', 'o1']],
  'the server that has the model': [{ model: 'l1', isModelMeant: true }, BOTH, ['lmstudio', 'l1']],
  'the model by its full name': [{ model: 'o2', isModelMeant: true }, BOTH, ['ollama', 'o2:latest']],
  'a model that nobody lists, when it was asked for': [{ model: 'x', isModelMeant: true }, BOTH, ['ollama', 'x']],
  'a model that nobody lists, from the one that answers': [
    { model: 'x', isModelMeant: true },
    { ollama: REFUSED, lmstudio: { models: [] } },
    ['lmstudio', 'x'],
  ],
  'another model than one that was meant for another provider': [{ model: 'x' }, BOTH, ['ollama', 'o1']],
  'a model that was not meant for it, but is there': [{ model: 'l1' }, BOTH, ['lmstudio', 'l1']],
};

describe('chooseLocalModel', () => {
  const choose = (wish: Partial<LocalWish>, answers: Record<string, ModelsAnswer>) =>
    chooseLocalModel({ ...OSS, ...wish }, resolve, ({ id }) => Promise.resolve(answers[id]!));

  for (const [what, [wish, answers, expected]] of Object.entries(CASES)) {
    it(`takes ${what}`, async () => {
      const { provider, model } = await choose(wish, answers);
      expect([provider.settings.id, model]).to.deep.equal(expected);
    });
  }

  it('does not wait for the second when the first will do', async () => {
    const asked: string[] = [];
    const ask = ({ id }: ProviderSettings): Promise<ModelsAnswer> => {
      asked.push(id);
      return id === 'ollama' ? Promise.resolve({ models: ['o1'] }) : new Promise(() => undefined);
    };
    for (const model of [null, 'o1']) {
      const choice = await chooseLocalModel({ ...OSS, model, isModelMeant: true }, resolve, ask);
      expect(choice.model).to.equal('o1');
    }
    expect(asked).to.deep.equal(['ollama', 'lmstudio', 'ollama', 'lmstudio']);
  });

  async function refusal(wish: Partial<LocalWish>, answers: Record<string, ModelsAnswer>) {
    const error: unknown = await choose(wish, answers).catch((reason: unknown) => reason);
    if (!(error instanceof DaemonError)) throw new Error('not refused');
    return error.toData();
  }

  it('says what was tried when there is nothing', async () => {
    expect(await refusal({ model: null }, { ollama: REFUSED, lmstudio: { models: [] } })).to.deep.equal({
      code: 'provider_unreachable',
      message:
        'No model server of this machine can be used. OLLAMA at http://127.0.0.1:1/ollama: nobody listens there; ' +
        'LMSTUDIO at http://127.0.0.1:1/lmstudio: it has no models. ' +
        'Start one that has a model, or say where it is (model_providers.ID.base_url)',
      data: {
        tried: [
          { provider: 'ollama', name: 'OLLAMA', address: 'http://127.0.0.1:1/ollama', problem: 'nobody listens there' },
          {
            provider: 'lmstudio',
            name: 'LMSTUDIO',
            address: 'http://127.0.0.1:1/lmstudio',
            problem: 'it has no models',
          },
        ],
      },
    });
    expect((await refusal({ model: 'm', isModelMeant: true }, { ollama: REFUSED, lmstudio: REFUSED })).code).to.equal(
      'provider_unreachable',
    );
  });

  it('asks no server that cannot be used, and says why', async () => {
    const { message } = await refusal({ provider: 'broken' }, {});
    expect(message).to.contain('BROKEN at http://127.0.0.1:1/broken: a key is missing');
  });

  it('refuses a word for oss_provider that it does not know', async () => {
    expect(await refusal({ ossProvider: 'ollama-chat' }, BOTH)).to.deep.equal({
      code: 'provider_unknown',
      message: 'oss_provider is "ollama-chat"; known are: ollama, lmstudio',
      data: { provider: 'ollama-chat', known: ['ollama', 'lmstudio'] },
    });
  });
});

describe('pickLocalModel', () => {
  it('chooses as chooseLocalModel does, of what is known', () => {
    const servers = Object.entries(BOTH).map(([provider, { models }]) => ({ provider, models }));
    const pick = (model: string | null, isModelMeant: boolean) => pickLocalModel({ model, isModelMeant }, servers);
    expect([pick(null, true), pick('o2', false), pick('x', true), pick('x', false)]).to.deep.equal([
      { provider: 'ollama', model: 'o1' },
      { provider: 'ollama', model: 'o2:latest' },
      { provider: 'ollama', model: 'x' },
      { provider: 'ollama', model: 'o1' },
    ]);
    expect(pickLocalModel({ model: 'x', isModelMeant: true }, [])).to.equal(null);
  });
});
