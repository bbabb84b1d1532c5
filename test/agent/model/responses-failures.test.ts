import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ModelError, ModelEvent, ProviderSettings } from '../../../src/agent/model/model.js';
import { createResponsesModel } from '../../../src/agent/model/responses-model.js';
import type { ModelServer } from '../../support/model-server.js';
import { deltasText } from '../../support/model-script.js';
import { startModelServer } from '../../support/model-server.js';
import { collectEvents, joinText, makeProvider, makeRequest } from './sampling.js';

const KEY = 'sk-a+very/secret=key';

describe('createResponsesModel, when the model fails', () => {
  let server: ModelServer;

  beforeEach(async () => {
    server = await startModelServer();
  });

  afterEach(() => server.close());

  /** All events, and how long each retry was put off. */
  async function sample(text: string, overrides: Partial<ProviderSettings> = {}) {
    const delays: number[] = [];
    const sleep = (ms: number): Promise<void> => {
      delays.push(ms);
      return Promise.resolve();
    };
    const provider = makeProvider(server.baseUrl, { apiKey: KEY, ...overrides });
    const client = createResponsesModel(provider, { sleep, random: () => 0.5 });
    const events = await collectEvents(client, makeRequest(text));
    client.close();
    return { events, delays };
  }

  interface Row {
    text: string;
    kind: ModelError['kind'];
    status?: number;
    /** Requests made with two retries of each sort allowed. */
    requests: number;
    message: RegExp;
    options?: Partial<ProviderSettings>;
  }

  const never: Row[] = [
    {
      text: 'fail 400',
      kind: 'http',
      status: 400,
      requests: 1,
      message: /^unexpected status 400 Bad Request: scripted/,
    },
    { text: 'fail 401', kind: 'http', status: 401, requests: 1, message: /^unexpected status 401 Unauthorized: / },
    { text: 'fail 403', kind: 'http', status: 403, requests: 1, message: /^unexpected status 403 Forbidden: / },
    { text: 'fail 404', kind: 'http', status: 404, requests: 1, message: /^unexpected status 404 Not Found: / },
    {
      text: 'fail 422',
      kind: 'http',
      status: 422,
      requests: 1,
      message: /^unexpected status 422 Unprocessable Entity: /,
    },
    {
      text: 'fail 400 context_length_exceeded',
      kind: 'context_window_exceeded',
      status: 400,
      requests: 1,
      message: /does not fit into the model's context window/,
    },
    {
      text: 'fail 429 insufficient_quota',
      kind: 'usage_limit_exceeded',
      status: 429,
      requests: 1,
      message: /quota at the provider is used up/,
    },
    {
      text: 'respfail context_length_exceeded',
      kind: 'context_window_exceeded',
      requests: 1,
      message: /does not fit into the model's context window/,
    },
    { text: 'respfail insufficient_quota', kind: 'usage_limit_exceeded', requests: 1, message: /quota/ },
    { text: 'respfail server_is_overloaded', kind: 'server_overloaded', requests: 1, message: /overloaded/ },
    { text: 'respfail slow_down', kind: 'server_overloaded', requests: 1, message: /overloaded/ },
    {
      text: 'respfail invalid_prompt',
      kind: 'http',
      status: 400,
      requests: 1,
      message: /refused the request: scripted/,
    },
    { text: 'incomplete', kind: 'incomplete', requests: 1, message: /reason: max_output_tokens$/ },
    { text: 'incomplete content_filter', kind: 'incomplete', requests: 1, message: /reason: content_filter$/ },
  ];

  const retried: Row[] = [
    { text: 'fail 408', kind: 'http', status: 408, requests: 3, message: /^unexpected status 408 Request Timeout: / },
    { text: 'fail 429', kind: 'http', status: 429, requests: 3, message: /^unexpected status 429 Too Many Requests: / },
    {
      text: 'fail 500',
      kind: 'http',
      status: 500,
      requests: 3,
      message: /^unexpected status 500 Internal Server Error: /,
    },
    {
      text: 'fail 503',
      kind: 'http',
      status: 503,
      requests: 3,
      message: /^unexpected status 503 Service Unavailable: /,
    },
    { text: 'fail 503 slow_down', kind: 'server_overloaded', status: 503, requests: 3, message: /status 503/ },
    { text: 'drop', kind: 'connection_failed', requests: 3, message: /^connection failed: socket hang up, url: / },
    {
      text: 'stall',
      kind: 'idle_timeout',
      requests: 3,
      message: /^no answer for 25 ms$/,
      options: { streamIdleTimeoutMs: 25 },
    },
    {
      text: 'hang',
      kind: 'idle_timeout',
      requests: 3,
      message: /^the stream fell silent for 25 ms$/,
      options: { streamIdleTimeoutMs: 25 },
    },
    { text: 'cut', kind: 'stream_disconnected', requests: 3, message: /before completion: connection reset$/ },
    { text: 'cut after 0', kind: 'stream_disconnected', requests: 3, message: /before completion: connection reset$/ },
    {
      text: 'end-early',
      kind: 'stream_disconnected',
      requests: 3,
      message: /stream closed before response\.completed$/,
    },
    { text: 'garbage', kind: 'invalid_response', requests: 3, message: /not a JSON object$/ },
    {
      text: 'respfail rate_limit_exceeded',
      kind: 'rate_limit_exceeded',
      requests: 3,
      message: /^rate limit exceeded: /,
    },
    { text: 'respfail server_error', kind: 'stream_disconnected', requests: 3, message: /\(server_error\): scripted/ },
  ];

  for (const row of [...never, ...retried]) {
    it(`makes ${row.requests} request(s) for "${row.text}" and fails with ${row.kind}`, async () => {
      const { events } = await sample(row.text, row.options);
      const last = events.at(-1);
      expect(last?.type).to.equal('failed');
      const { error } = last as Extract<ModelEvent, { type: 'failed' }>;
      expect({ ...error, message: '' }).to.deep.equal({ kind: row.kind, message: '', httpStatus: row.status ?? null });
      expect(error.message).to.match(row.message);
      expect(server.requestCount).to.equal(row.requests);
      const attempts = events.flatMap((event) =>
        event.type === 'retrying' ? [[event.attempt, event.maxAttempts, event.error.kind]] : [],
      );
      const expected = row.requests === 1 ? [] : [1, 2].map((attempt) => [attempt, 2, row.kind]);
      expect(attempts).to.deep.equal(expected);
    });
  }

  it('names the place without query and credentials', async () => {
    const { events } = await sample('fail 404', {
      baseUrl: server.baseUrl.replace('//', '//user:password-1@'),
      queryParams: { key: 'query-secret' },
    });
    expect(events).to.deep.equal([
      {
        type: 'failed',
        error: {
          kind: 'http',
          message: `unexpected status 404 Not Found: scripted failure 404, url: ${server.baseUrl}/responses`,
          httpStatus: 404,
        },
      },
    ]);
  });

  it('completes after a failure that passes, in a whole new attempt', async () => {
    const { events } = await sample('cut after 2 deltas 1');
    const error = {
      kind: 'stream_disconnected',
      message: 'stream disconnected before completion: connection reset',
      httpStatus: null,
    };
    expect(events.slice(0, 5)).to.deep.equal([
      { type: 'itemStarted', item: { id: 'msg_resp_1', kind: 'message', phase: null } },
      { type: 'textDelta', itemId: 'msg_resp_1', delta: 'partial ' },
      { type: 'textDelta', itemId: 'msg_resp_1', delta: 'partial ' },
      { type: 'retrying', attempt: 1, maxAttempts: 2, delayMs: 200, error },
      { type: 'itemStarted', item: { id: 'msg_resp_2', kind: 'message', phase: null } },
    ]);
    expect(joinText(events.slice(4))).to.equal('echo: cut after 2 deltas 1');
    expect(events.at(-1)?.type).to.equal('completed');
    expect(server.requests[1]!.body).to.deep.equal(server.requests[0]!.body);
  });

  it('waits twice as long before each further attempt', async () => {
    const { delays } = await sample('fail 500', { requestMaxRetries: 4 });
    expect(delays).to.deep.equal([200, 400, 800, 1600]);
  });

  it('makes no further attempt where none is allowed', async () => {
    const none = { requestMaxRetries: 0, streamMaxRetries: 0 };
    await sample('fail 500', none);
    await sample('cut', none);
    expect(server.requestCount).to.equal(2);
  });

  it('counts requests that fail anew after each stream that began', async () => {
    server.script(({ number }, reply) => {
      if (number % 3 === 0) {
        reply.create();
        reply.cut();
      } else reply.failWith(500, 'server_error', 'down');
    });
    const { events } = await sample('anything');
    expect(server.requestCount).to.equal(9);
    const attempts = events.flatMap((event) => (event.type === 'retrying' ? [event.attempt] : []));
    expect(attempts).to.deep.equal([1, 2, 1, 1, 2, 2, 1, 2]);
  });

  it('waits as long as the server asks, in seconds, milliseconds, as a date, or in words', async () => {
    expect((await sample('retry-after 3')).delays).to.deep.equal([3000]);
    server.script(({ number }, reply) => {
      const date = new Date(Date.now() + 20_000).toUTCString();
      if (number === 3) return reply.failWith(503, 'busy', 'busy', { 'retry-after-ms': '1234.5', 'retry-after': '9' });
      if (number === 4) return reply.failWith(429, 'busy', 'busy', { 'retry-after': date });
      reply.create();
      reply.failResponse('rate_limit_exceeded', 'Rate limit reached. Please try again in 5.5s.');
    });
    const { delays } = await sample('anything', { requestMaxRetries: 3, streamMaxRetries: 1 });
    expect(delays[0]).to.equal(1235);
    expect(delays[1]).to.be.within(18_000, 20_000);
    expect(delays[2]).to.equal(5500);
  });

  it('waits a minute at most, and no less than without being asked', async () => {
    expect((await sample('retry-after 86400')).delays).to.deep.equal([60_000]);
    expect((await sample('retry-after 0')).delays).to.deep.equal([200]);
  });

  it('ends after its retries when nobody listens', async () => {
    const port = await findFreePort();
    const { events } = await sample('hello', { baseUrl: `http://127.0.0.1:${port}/v1` });
    const error = {
      kind: 'connection_failed',
      message: `connection failed: connect ECONNREFUSED 127.0.0.1:${port}, url: http://127.0.0.1:${port}/v1/responses`,
      httpStatus: null,
    };
    expect(events).to.deep.equal([
      { type: 'retrying', attempt: 1, maxAttempts: 2, delayMs: 200, error },
      { type: 'retrying', attempt: 2, maxAttempts: 2, delayMs: 400, error },
      { type: 'failed', error },
    ]);
  });

  it('takes a connection that the server had closed in the meantime for no failure', async () => {
    // Answers once on each connection and resets it when a second request comes.
    let resets = 0;
    const closing = createServer((socket) => {
      let requests = 0;
      let received = '';
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        received += chunk.toString();
        if (!received.includes('"store":false')) return;
        received = '';
        requests += 1;
        if (requests > 1) {
          resets += 1;
          return socket.resetAndDestroy();
        }
        const event = 'data: {"type":"response.completed","response":{"id":"r"}}\n\n';
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${event.length}\r\n\r\n${event}`,
        );
      });
    });
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const { port } = closing.address() as AddressInfo;
    const provider = makeProvider(`http://127.0.0.1:${port}/v1`, { requestMaxRetries: 0 });
    const client = createResponsesModel(provider);
    const completed = [{ type: 'completed', responseId: 'r', usage: null }];
    try {
      for (let index = 0; index < 3; index += 1) {
        expect(await collectEvents(client, makeRequest('hello'))).to.deep.equal(completed);
        // The connection goes back to the agent a moment after the completion was told.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      client.close();
      await new Promise((resolve) => closing.close(resolve));
    }
    expect(resets).to.equal(2);
  });

  it('says so when the answer is no event stream, and does not ask again', async () => {
    server.script((_request, reply) => reply.fail(200, '<html>Welcome to the hotel network</html>'));
    const { events } = await sample('hello');
    const message = `invalid response from the model server: text/plain from ${server.baseUrl}/responses instead of an event stream`;
    expect(events).to.deep.equal([{ type: 'failed', error: { kind: 'invalid_response', message, httpStatus: null } }]);
  });

  it('reads no more of an error page than its beginning, and leaves its connection', async () => {
    server.script(({ number }, reply) => reply.fail(404, number === 1 ? 'page '.repeat(1_000_000) : 'short'));
    const client = createResponsesModel(makeProvider(server.baseUrl));
    const answers: ModelEvent[][] = [];
    for (let index = 0; index < 3; index += 1) answers.push(await collectEvents(client, makeRequest('hello')));
    client.close();
    const [message, ...others] = answers.map(([event]) => (event?.type === 'failed' ? event.error.message : ''));
    expect(message).to.match(/^unexpected status 404 Not Found: (page )+…, url: http/);
    expect(message!.length).to.be.below(1200);
    const short = `unexpected status 404 Not Found: short, url: ${server.baseUrl}/responses`;
    expect(others).to.deep.equal([short, short]);
    expect(server.connectionCount).to.equal(2);
  });

  it('takes a slow stream for alive as long as it says something', async () => {
    const { events } = await sample('deltas 40 8 10', { streamIdleTimeoutMs: 250 });
    expect(joinText(events)).to.equal(deltasText(40, 8));
    expect(events.some(({ type }) => type === 'retrying')).to.equal(false);
  });

  it('fails the request, not the process, when the settings cannot work', async () => {
    const message = async (overrides: Partial<ProviderSettings>): Promise<string> => {
      const { events } = await sample('hello', overrides);
      expect(events.map(({ type }) => type)).to.deep.equal(['failed']);
      return (events[0] as Extract<ModelEvent, { type: 'failed' }>).error.message;
    };
    expect(await message({ baseUrl: 'not a url' })).to.contain('base_url is not a valid URL');
    expect(await message({ baseUrl: 'ftp://127.0.0.1/v1' })).to.contain('protocol ftp: is not http');
    expect(await message({ apiKey: 'line\nbreak' })).to.contain('Invalid character in header content');
    expect(await message({ headers: { 'bad name': 'x' } })).to.contain('Header name must be a valid HTTP token');
    expect(server.requestCount).to.equal(0);
  });

  it('never lets the key out, however the server repeats it', async () => {
    const forms = [KEY, encodeURIComponent(KEY), Buffer.from(KEY).toString('base64'), `Bearer ${KEY}`];
    const guarded = await startModelServer({ apiKey: 'another' });
    const { events: refused } = await sample('hello', { baseUrl: guarded.baseUrl });
    await guarded.close();
    server.script(({ number }, reply) => {
      const echo = `${forms.join(' | ')} ${'x'.repeat(900)} ${KEY} ${KEY}`;
      if (number === 1) return reply.failWith(500, 'server_error', echo, { 'x-request-id': KEY });
      // A key at every place: also where the text is cut.
      if (number === 2) return reply.fail(502, `${KEY} `.repeat(100));
      if (number === 3) {
        reply.create();
        return reply.failResponse('server_error', echo);
      }
      reply.fail(401, { detail: echo });
    });
    const { events } = await sample('hello');
    expect(refused.at(-1)).to.have.nested.property('error.message').that.contains('provided: ***');
    expect(events.map(({ type }) => type)).to.deep.equal(['retrying', 'retrying', 'retrying', 'failed']);
    const told = JSON.stringify([...refused, ...events]);
    for (const form of [...forms, KEY.slice(0, 12)]) expect(told).not.to.contain(form);
  });
});

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
