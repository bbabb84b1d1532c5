import { expect } from 'chai';
import type { ServerResponse } from 'node:http';
import type { ProviderSettings } from '../../src/agent/model/model.js';
import { LocalModels } from '../../src/config/local-models.js';
import { listOf, startListServer } from '../support/list-server.js';
import type { ListServer } from '../support/list-server.js';

describe('LocalModels', () => {
  let server: ListServer;
  let models: LocalModels;
  let time: number;
  let logged: [string, unknown][];
  /** Answers that are held back. */
  let held: ServerResponse[] | null;

  beforeEach(async () => {
    time = 1_000_000;
    logged = [];
    held = null;
    server = await startListServer((_request, response) => {
      if (held === null) response.end(listOf('a', 'b'));
      else held.push(response);
    });
    const debug = (message: string, fields: unknown): void => void logged.push([message, fields]);
    models = new LocalModels({ log: { debug }, now: () => time });
  });
  afterEach(async () => {
    models.close();
    await server.close();
  });

  const provider = (baseUrl: string | null): ProviderSettings => ({
    id: 'ollama',
    name: 'Ollama',
    baseUrl,
    apiKey: null,
    headers: {},
    queryParams: {},
    requestMaxRetries: 0,
    streamMaxRetries: 0,
    streamIdleTimeoutMs: 1000,
  });

  it('asks once for all who want to know within three seconds, whichever way', async () => {
    const asked = provider(server.baseUrl);
    const first = await Promise.all([models.ask(asked), models.ask(asked)]);
    time += 2_999;
    const second = [await models.ask(asked), { models: await models.find(asked) }];
    expect([...first, ...second]).to.deep.equal(Array.from({ length: 4 }, () => ({ models: ['a', 'b'] })));
    expect(server.requests).to.have.length(1);
    time += 1;
    await models.ask(asked);
    expect(server.requests).to.have.length(2);
  });

  it('asks a server that was not there no more often either', async () => {
    const asked = provider(server.baseUrl);
    await server.close();
    expect(await models.ask(asked)).to.deep.equal({ problem: 'nobody listens there' });
    expect(await models.find(asked)).to.deep.equal([]);
    expect(logged).to.have.length(1);
  });

  it('does not wait long for a server that nobody chose, and has it the next time', async () => {
    held = [];
    const asked = provider(server.baseUrl);
    expect(await models.find(asked)).to.deep.equal([]);
    const waiting = models.ask(asked);
    for (const response of held) response.end(listOf('slow'));
    expect(await waiting).to.deep.equal({ models: ['slow'] });
    expect(await models.find(asked)).to.deep.equal(['slow']);
    expect(server.requests).to.have.length(1);
  });

  it('goes by itself to no address but those of this machine', async () => {
    const address = (host: string) => provider(`http://${host}:${server.port}/v1`);
    const near = ['127.0.0.1', '127.1', 'localhost'];
    const far = ['0.0.0.0', '[::]', '127.0.0.1.models.example', 'models.example'];
    // Known before, so that a busy machine does not count as a slow server.
    await Promise.all(near.map((host) => models.ask(address(host))));
    const found = await Promise.all([...near, ...far].map((host) => models.find(address(host))));
    expect(found).to.deep.equal([...near.map(() => ['a', 'b']), ...far.map(() => [])]);
    expect(await models.find(provider(null))).to.deep.equal([]);
    expect(server.requests).to.have.length(near.length);
    expect(await models.ask(address('0.0.0.0'))).to.deep.equal({ models: ['a', 'b'] });
  });

  it('tells the log of this alone, for those who look closely, without credentials', async () => {
    await models.ask(provider(server.baseUrl.replace('127', 'me:secret@127')));
    expect(logged).to.deep.equal([['asked for models', { provider: 'ollama', address: server.baseUrl, models: 2 }]]);
  });

  it('leaves nobody waiting when it is closed', async () => {
    held = [];
    const asked = models.ask(provider(server.baseUrl));
    await server.waitForRequest(1);
    models.close();
    expect(await asked).to.deep.equal({ problem: 'it cannot be asked (ABORT_ERR)' });
  });
});
