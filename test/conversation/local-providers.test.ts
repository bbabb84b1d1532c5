import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { startListServer } from '../support/list-server.js';
import type { ListServer } from '../support/list-server.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';

/** An address at which nobody listens. */
const NOWHERE = 'http://127.0.0.1:1/v1';

describe('model servers of this machine', () => {
  let ollama: ModelServer;
  let lmstudio: ModelServer;
  let rig: DaemonRig;
  let client: CheckedClient;

  beforeEach(async () => {
    ollama = await startModelServer({ models: ['gpt-oss:20b', 'qwen3:latest'] });
    lmstudio = await startModelServer({ models: ['openai/gpt-oss-20b', 'gpt-oss:20b'] });
    rig = await DaemonRig.start({ configOverrides: addresses(ollama, lmstudio) });
    client = await rig.client();
  });
  afterEach(async () => {
    await rig.close();
    await Promise.all([ollama.close(), lmstudio.close()]);
  });

  type At = { baseUrl: string } | null;
  const addresses = (first: At, second: At): string[] => [
    `model_providers.ollama.base_url="${first?.baseUrl ?? NOWHERE}"`,
    `model_providers.lmstudio.base_url="${second?.baseUrl ?? NOWHERE}"`,
  ];

  async function restart(flags: string[]): Promise<void> {
    await rig.restart({ configOverrides: flags });
    client = await rig.client();
  }

  async function list(params: Record<string, unknown> = {}): Promise<[string, string, boolean][]> {
    const { data } = await client.call('model/list', params);
    return data.map((model: any) => [model.id, model.modelProvider, model.isDefault]);
  }

  const OFFLINE = ['offline', 'offline', false];

  describe('model/list', () => {
    it('has their models after the configured one, each with its provider', async () => {
      // Known before, so that a busy machine does not count as a slow server.
      await list({ modelProvider: 'oss' });
      const { data, nextCursor } = await client.call('model/list', {});
      expect(nextCursor).to.equal(null);
      expect(
        data.map(({ id, model, modelProvider, isDefault, description }: any) => [
          id,
          model,
          modelProvider,
          isDefault,
          description,
        ]),
      ).to.deep.equal([
        ['gpt-5.5', 'gpt-5.5', 'mock', true, 'From the configuration: mock'],
        ['gpt-oss:20b', 'gpt-oss:20b', 'ollama', false, 'On this machine: Ollama'],
        ['qwen3:latest', 'qwen3:latest', 'ollama', false, 'On this machine: Ollama'],
        ['openai/gpt-oss-20b', 'openai/gpt-oss-20b', 'lmstudio', false, 'On this machine: LM Studio'],
        // Two have it: the second goes by another id.
        ['lmstudio/gpt-oss:20b', 'gpt-oss:20b', 'lmstudio', false, 'On this machine: LM Studio'],
        [
          'offline',
          'offline',
          'offline',
          false,
          'Built in: answers without a network and says how to configure a model',
        ],
      ]);
      expect([ollama.listCount, lmstudio.listCount]).to.deep.equal([1, 1]);
    });

    it('has the models of one provider when it is asked for them', async () => {
      const lists: Record<string, unknown> = {};
      for (const modelProvider of ['ollama', 'lmstudio', 'mock', 'offline', 'openai']) {
        lists[modelProvider] = await list({ modelProvider });
      }
      expect(lists).to.deep.equal({
        ollama: [
          ['gpt-oss:20b', 'ollama', false],
          ['qwen3:latest', 'ollama', false],
        ],
        lmstudio: [
          ['openai/gpt-oss-20b', 'lmstudio', false],
          ['gpt-oss:20b', 'lmstudio', false],
        ],
        mock: [['gpt-5.5', 'mock', true]],
        offline: [OFFLINE],
        openai: [],
      });
      const refused = await client.ask('model/list', { modelProvider: 'nobody' });
      expect(refused.error).to.deep.equal({
        code: -32600,
        message: 'The model provider "nobody" is not configured; known are: offline, openai, ollama, lmstudio, mock',
        data: {
          reason: 'provider_unknown',
          provider: 'nobody',
          known: ['offline', 'openai', 'ollama', 'lmstudio', 'mock'],
        },
      });
    });

    it('comes by pages, and refuses a cursor that it never gave', async () => {
      await list({ modelProvider: 'oss' });
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page: any = await client.call('model/list', { cursor, limit: 4 });
        ids.push(...page.data.map(({ id }: { id: string }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(ids).to.deep.equal([
        'gpt-5.5',
        'gpt-oss:20b',
        'qwen3:latest',
        'openai/gpt-oss-20b',
        'lmstudio/gpt-oss:20b',
        'offline',
      ]);
      expect((await client.call('model/list', { cursor: '900' })).data).to.deep.equal([]);
      const refused = await client.ask('model/list', { cursor: 'gpt-5.5' });
      expect([refused.error!.code, refused.error!.message]).to.deep.equal([-32600, 'invalid cursor: gpt-5.5']);
    });

    it('shows as default what oss stands for at this moment', async () => {
      await restart([...addresses(ollama, lmstudio), 'model_provider=oss', 'oss_provider=lmstudio']);
      expect(await list({ modelProvider: 'oss' })).to.deep.equal([
        ['openai/gpt-oss-20b', 'lmstudio', true],
        ['gpt-oss:20b', 'lmstudio', false],
      ]);
      await restart([...addresses(null, null), 'model_provider=oss']);
      expect(await list()).to.deep.equal([OFFLINE]);
      await restart([...addresses(null, null), 'model_provider=oss', 'model=mine']);
      expect(await list()).to.deep.equal([['mine', 'oss', true], OFFLINE]);
    });

    it('lists a server once that goes by two names', async () => {
      await restart([...addresses(lmstudio, lmstudio), 'model_provider=lmstudio', 'model=gpt-oss:20b']);
      await list({ modelProvider: 'lmstudio' });
      expect(await list()).to.deep.equal([
        ['gpt-oss:20b', 'lmstudio', true],
        ['openai/gpt-oss-20b', 'lmstudio', false],
        OFFLINE,
      ]);
    });

    it('does without a server that hangs, that talks nonsense, or that is not there', async () => {
      const servers = [
        await startListServer(() => undefined),
        await startListServer((_request, response) => response.end('?')),
      ];
      try {
        await restart(addresses(servers[0]!, servers[1]!));
        expect(await list()).to.deep.equal([['gpt-5.5', 'mock', true], OFFLINE]);
        expect(servers.map(({ requests }) => requests.length)).to.deep.equal([1, 1]);
        await restart(addresses(null, null));
        expect(await list()).to.deep.equal([['gpt-5.5', 'mock', true], OFFLINE]);
      } finally {
        for (const server of servers) await server.close();
      }
    });
  });

  describe('oss', () => {
    it('gives a conversation the server that answers and its first model, and the turn goes there', async () => {
      const started = await client.call('thread/start', { modelProvider: 'oss' });
      expect([started.model, started.modelProvider]).to.deep.equal(['gpt-oss:20b', 'ollama']);
      const turn = await client.runTurn(started.thread.id, 'hello');
      expect([turn.status, turn.items.at(-1)?.text]).to.deep.equal(['completed', 'echo: hello']);
      const { body, headers } = ollama.requests[0]!;
      expect([body!.model, headers.authorization]).to.deep.equal(['gpt-oss:20b', undefined]);
      expect([rig.model.requestCount, lmstudio.requestCount]).to.deep.equal([0, 0]);
    });

    it('takes the server and the model that the request names', async () => {
      const wishes = [
        { modelProvider: 'oss', config: { oss_provider: 'lmstudio' } },
        { modelProvider: 'oss', model: 'openai/gpt-oss-20b' },
        { modelProvider: 'oss', model: 'not-pulled-yet' },
        { config: { model_provider: 'oss', model: 'qwen3' } },
        { modelProvider: 'ollama', model: 'gpt-5.5' },
      ];
      const chosen: unknown[] = [];
      for (const wish of wishes) {
        const { model, modelProvider } = await client.call('thread/start', wish);
        chosen.push([modelProvider, model]);
      }
      expect(chosen).to.deep.equal([
        ['lmstudio', 'openai/gpt-oss-20b'],
        ['lmstudio', 'openai/gpt-oss-20b'],
        ['ollama', 'not-pulled-yet'],
        ['ollama', 'qwen3:latest'],
        ['ollama', 'gpt-5.5'],
      ]);
    });

    it('may stand in a file, also with the model of another provider in the file that Codex reads', async () => {
      const own = join(rig.home.path, 'rolloutd', 'config.toml');
      const chosen: unknown[] = [];
      for (const text of [
        'model_provider = "oss"',
        'model_provider = "oss"\nmodel = "qwen3"',
        'model_provider = "lmstudio"',
      ]) {
        writeFileSync(own, text);
        const { model, modelProvider } = await client.call('thread/start', {});
        chosen.push([modelProvider, model]);
      }
      expect(chosen).to.deep.equal([
        ['ollama', 'gpt-oss:20b'],
        ['ollama', 'qwen3:latest'],
        ['lmstudio', 'gpt-5.5'],
      ]);
      const shared = join(rig.home.path, 'config.toml');
      writeFileSync(shared, readFileSync(shared, 'utf8').replace('model = "gpt-5.5"', ''));
      const { model, modelProvider } = await client.call('thread/start', {});
      expect([modelProvider, model]).to.deep.equal(['lmstudio', 'openai/gpt-oss-20b']);
    });

    it('says what was tried when none answers', async () => {
      await restart(addresses(null, null));
      const refused = await client.ask('thread/start', { modelProvider: 'oss' });
      const tried = ['Ollama', 'LM Studio'].map((name) => ({
        provider: name.toLowerCase().replace(' ', ''),
        name,
        address: NOWHERE,
        problem: 'nobody listens there',
      }));
      expect(refused.error).to.deep.equal({
        code: -32600,
        message:
          `No model server of this machine can be used. Ollama at ${NOWHERE}: nobody listens there; ` +
          `LM Studio at ${NOWHERE}: nobody listens there. ` +
          'Start one that has a model, or say where it is (model_providers.ID.base_url)',
        data: { reason: 'provider_unreachable', tried },
      });
      expect(rig.daemon.registry.loadedIds()).to.deep.equal([]);
    });

    it('is looked for by no conversation of another provider, not even while a server hangs', async () => {
      const hanging: ListServer = await startListServer(() => undefined);
      try {
        await restart(addresses(hanging, hanging));
        const waiting = client.ask('thread/start', { modelProvider: 'oss' });
        await hanging.waitForRequest(1);
        const threadId = await client.startThread();
        expect((await client.runTurn(threadId, 'hello')).status).to.equal('completed');
        expect(client.received.filter(({ error }) => error !== undefined)).to.deep.equal([]);
        expect((await waiting).error?.message).to.contain('no answer within 2000 ms');
        expect(hanging.requests).to.have.length(1);
      } finally {
        await hanging.close();
      }
    });

    it('is settled for a conversation: a resume goes to the server that it was recorded with', async () => {
      const { thread } = await client.call('thread/start', {
        modelProvider: 'oss',
        config: { oss_provider: 'lmstudio' },
      });
      await client.runTurn(thread.id, 'hello');
      expect(readLines(rig.rolloutFiles()[0]!)[0]!['payload'].model_provider).to.equal('lmstudio');
      await restart([...addresses(ollama, lmstudio), 'model_provider=oss', 'oss_provider=ollama', 'model=qwen3']);
      const before = [ollama.listCount, lmstudio.listCount];
      const resumed = await client.call('thread/resume', { threadId: thread.id });
      expect([resumed.modelProvider, resumed.model]).to.deep.equal(['lmstudio', 'openai/gpt-oss-20b']);
      await client.runTurn(thread.id, 'again');
      expect([ollama.requestCount, lmstudio.requestCount]).to.deep.equal([0, 2]);
      expect([ollama.listCount, lmstudio.listCount]).to.deep.equal(before);
    });

    it('takes over a conversation that is loaded, with a model, when nobody watches it', async () => {
      const threadId = await client.startThread();
      await client.runTurn(threadId, 'hello');
      const watched = await client.call('thread/resume', { threadId, modelProvider: 'oss' });
      expect([watched.modelProvider, watched.model, watched.ignoredOverrides]).to.deep.equal([
        'mock',
        'gpt-5.5',
        ['modelProvider'],
      ]);
      await client.call('thread/unsubscribe', { threadId });
      const alone = await client.call('thread/resume', { threadId, modelProvider: 'oss' });
      expect([alone.modelProvider, alone.model, alone.ignoredOverrides]).to.deep.equal([
        'ollama',
        'gpt-oss:20b',
        undefined,
      ]);
      await client.runTurn(threadId, 'again');
      expect([rig.model.requestCount, ollama.requests.at(-1)!.body!.model]).to.deep.equal([1, 'gpt-oss:20b']);
    });

    it('lists the conversations of its servers when it is configured', async () => {
      for (const modelProvider of ['ollama', 'lmstudio', 'mock']) {
        const { thread } = await client.call('thread/start', { modelProvider });
        await client.runTurn(thread.id, modelProvider);
      }
      await restart([...addresses(ollama, lmstudio), 'model_provider=oss']);
      const { data } = await client.call('thread/list', {});
      expect(data.map(({ preview }: { preview: string }) => preview)).to.have.members(['ollama', 'lmstudio']);
    });

    it('of an old rollout can be read without a server, and its turns say what is missing', async () => {
      const threadId = await client.startThread();
      await client.runTurn(threadId, 'hello');
      const [file] = rig.rolloutFiles();
      await restart(addresses(null, null));
      writeFileSync(file!, readFileSync(file!, 'utf8').replaceAll(/("model_provider(_id)?"):"mock"/g, '$1:"oss"'));
      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.turns).to.have.length(1);
      const turn = await client.runTurn(threadId, 'again');
      expect([turn.status, turn.error?.codexErrorInfo]).to.deep.equal(['failed', 'unauthorized']);
      expect(turn.error.message).to.contain('No model server of this machine can be used.');
    });
  });
});
