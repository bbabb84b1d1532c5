import { expect } from 'chai';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { ProviderSettings } from '../../src/agent/model/model.js';
import { askModels, describeAddress } from '../../src/config/ask-models.js';
import type { ModelsAnswer } from '../../src/config/ask-models.js';
import { listOf, startListServer } from '../support/list-server.js';
import type { ListServer } from '../support/list-server.js';

const SETTINGS: ProviderSettings = {
  id: 'ollama',
  name: 'Ollama',
  baseUrl: null,
  apiKey: null,
  headers: {},
  queryParams: {},
  requestMaxRetries: 0,
  streamMaxRetries: 0,
  streamIdleTimeoutMs: 1000,
};

const HUGE = listOf(...Array.from({ length: 20_000 }, (_, index) => `model-${index}`));
const NO_LIST = 'it did not answer with a list of models';

const answerWith =
  (text: string, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);

const ANSWERS: Record<string, [answer: RequestListener, expected: ModelsAnswer]> = {
  'the names in their order, each once': [answerWith(listOf('b', 'a', 'b')), { models: ['b', 'a'] }],
  'an empty list': [answerWith(listOf()), { models: [] }],
  'what is a name among what is none': [
    answerWith(
      JSON.stringify({
        data: [{ id: 'a' }, null, 5, 'x', {}, { id: 7 }, { id: '' }, { id: 'b\u001b[2J' }, [], { id: 'c' }],
      }),
    ),
    { models: ['a', 'c'] },
  ],
  'no names that nobody gives a model': [answerWith(listOf('a', 'x'.repeat(201))), { models: ['a'] }],
  'no models for embeddings': [
    answerWith(listOf('text-embedding-nomic-v1.5', 'nomic-embed-text:latest', 'gpt-oss:20b')),
    { models: ['gpt-oss:20b'] },
  ],
  'the first of very many': [
    answerWith(listOf(...Array.from({ length: 600 }, (_, index) => `m${index}`))),
    { models: Array.from({ length: 500 }, (_, index) => `m${index}`) },
  ],
  'that it is no JSON': [answerWith('<html>hello</html>'), { problem: NO_LIST }],
  'that it is no list': [answerWith('{"data":{"id":"a"}}'), { problem: NO_LIST }],
  'that it is null': [answerWith('null'), { problem: NO_LIST }],
  'that it is nested beyond all measure': [answerWith('['.repeat(200_000)), { problem: NO_LIST }],
  'that it is too long': [answerWith(HUGE), { problem: 'its list of models is longer than 262144 bytes' }],
  'that it does not end': [
    (_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', write);
      write();
    },
    { problem: 'its list of models is longer than 262144 bytes' },
  ],
  'an error of the server': [answerWith('{"error":"secret"}', 500), { problem: 'it answered 500' }],
  'a list that comes with an error': [answerWith(listOf('a'), 404), { problem: 'it answered 404' }],
  'a server that sends elsewhere, without going there': [
    (request, response) => response.writeHead(302, { location: `http://${request.headers.host}/other` }).end(),
    { problem: 'it answered 302' },
  ],
  'an answer that breaks off': [
    (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"data":[', () => response.destroy());
    },
    { problem: 'it cannot be asked (ECONNRESET)' },
  ],
  'bytes that are no HTTP': [
    (request) => {
      request.socket.end('hello\r\n\r\n');
    },
    { problem: 'it cannot be asked (HPE_INVALID_CONSTANT)' },
  ],
};

describe('askModels', () => {
  let server: ListServer | null = null;
  const never = new AbortController().signal;
  afterEach(() => server?.close());

  async function ask(answer: RequestListener, settings: Partial<ProviderSettings> = {}, timeoutMs = 5_000) {
    server = await startListServer(answer);
    return askModels({ ...SETTINGS, baseUrl: server.baseUrl, ...settings }, timeoutMs, never);
  }

  for (const [what, [answer, expected]] of Object.entries(ANSWERS)) {
    it(`tells ${what}`, async () => {
      expect(await ask(answer)).to.deep.equal(expected);
      expect(server!.requests.map(({ method, url }) => [method, url])).to.deep.equal([['GET', '/v1/models']]);
    });
  }

  it('sends what the provider is configured with', async () => {
    server = await startListServer(answerWith(listOf('a')));
    const settings = {
      ...SETTINGS,
      baseUrl: `${server.baseUrl}//`,
      apiKey: 'key',
      headers: { 'X-Team': 'a', Accept: 'b' },
      queryParams: { 'api-version': '1 2' },
    };
    expect(await askModels(settings, 5_000, never)).to.deep.equal({ models: ['a'] });
    const { url, headers } = server.requests[0]!;
    expect(url).to.equal('/v1/models?api-version=1+2');
    const { authorization, accept, connection } = headers;
    expect({ authorization, accept, connection, team: headers['x-team'] }).to.deep.equal({
      authorization: 'Bearer key',
      accept: 'b',
      connection: 'close',
      team: 'a',
    });
  });

  it('gives up on a server that says nothing, and leaves its connection', async () => {
    expect(await ask(() => undefined, {}, 50)).to.deep.equal({ problem: 'no answer within 50 ms' });
    const { socket } = server!.requests[0]!;
    if (!socket.destroyed) await once(socket, 'close');
  });

  it('gives up on a server that never comes to the end', async () => {
    const drip: RequestListener = (_request, response) => {
      response.write('{"data":[');
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    };
    expect(await ask(drip, {}, 100)).to.deep.equal({ problem: 'no answer within 100 ms' });
  });

  it('tells when nobody listens, and what cannot be asked at all', async () => {
    server = await startListServer(() => undefined);
    const { baseUrl } = server;
    await server.close();
    const problems = await Promise.all([
      askModels({ ...SETTINGS, baseUrl }, 5_000, never),
      askModels({ ...SETTINGS, baseUrl: 'nonsense' }, 5_000, never),
      askModels({ ...SETTINGS, baseUrl, headers: { 'a\n': 'b' } }, 5_000, never),
    ]);
    const unusable = { problem: 'its address or its headers cannot be used' };
    expect(problems).to.deep.equal([{ problem: 'nobody listens there' }, unusable, unusable]);
  });

  it('ends at once when it is told to', async () => {
    const controller = new AbortController();
    server = await startListServer(() => controller.abort());
    const told = await askModels({ ...SETTINGS, baseUrl: server.baseUrl }, 60_000, controller.signal);
    expect(told).to.deep.equal({ problem: 'it cannot be asked (ABORT_ERR)' });
  });
});

describe('describeAddress', () => {
  it('shows no credentials', () => {
    const addresses = ['http://me:secret@127.0.0.1:1/v1?key=secret', 'nonsense', null].map(describeAddress);
    expect(addresses).to.deep.equal(['http://127.0.0.1:1/v1', 'no address', 'no address']);
  });
});
