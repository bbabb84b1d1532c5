import { expect } from 'chai';
import { createResponsesModel } from '../../../src/agent/model/responses-model.js';
import type { ModelClient } from '../../../src/agent/model/model.js';
import type { ModelServer } from '../../support/model-server.js';
import { startModelServer } from '../../support/model-server.js';
import { deltasText } from '../../support/model-script.js';
import { collectEvents, joinText, makeProvider, makeRequest } from './sampling.js';

const USAGE = { inputTokens: 100, cachedInputTokens: 0, outputTokens: 10, reasoningOutputTokens: 0, totalTokens: 110 };

describe('createResponsesModel', () => {
  let server: ModelServer;
  let client: ModelClient;

  beforeEach(async () => {
    server = await startModelServer();
    client = createResponsesModel(makeProvider(server.baseUrl));
  });

  afterEach(async () => {
    client.close();
    await server.close();
  });

  it('tells a message as start, deltas, end and completion', async () => {
    expect(await collectEvents(client, makeRequest('hello'))).to.deep.equal([
      { type: 'itemStarted', item: { id: 'msg_resp_1', kind: 'message', phase: null } },
      { type: 'textDelta', itemId: 'msg_resp_1', delta: 'echo: ' },
      { type: 'textDelta', itemId: 'msg_resp_1', delta: 'hello' },
      {
        type: 'itemDone',
        item: {
          type: 'message',
          id: 'msg_resp_1',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'echo: hello', annotations: [], logprobs: [] }],
        },
      },
      { type: 'completed', responseId: 'resp_1', usage: USAGE },
    ]);
  });

  it('tells summary, raw text and encrypted content of reasoning', async () => {
    const events = await collectEvents(client, makeRequest('reason please'));
    const itemId = 'rs_resp_1';
    expect(events.slice(0, 11)).to.deep.equal([
      { type: 'itemStarted', item: { id: itemId, kind: 'reasoning', phase: null } },
      { type: 'summaryPartAdded', itemId, index: 0 },
      { type: 'summaryDelta', itemId, index: 0, delta: '**Thinking** about' },
      { type: 'summaryDelta', itemId, index: 0, delta: ' it. ' },
      { type: 'summaryDelta', itemId, index: 0, delta: 'Part one done.' },
      { type: 'summaryPartAdded', itemId, index: 1 },
      { type: 'summaryDelta', itemId, index: 1, delta: '**Second** part' },
      { type: 'summaryDelta', itemId, index: 1, delta: ' here.' },
      { type: 'reasoningDelta', itemId, index: 0, delta: 'raw thought A, ' },
      { type: 'reasoningDelta', itemId, index: 0, delta: 'raw thought B' },
      {
        type: 'itemDone',
        item: {
          type: 'reasoning',
          id: itemId,
          summary: [
            { type: 'summary_text', text: '**Thinking** about it. Part one done.' },
            { type: 'summary_text', text: '**Second** part here.' },
          ],
          content: [{ type: 'reasoning_text', text: 'raw thought A, raw thought B' }],
          encrypted_content: 'encrypted_resp_1',
        },
      },
    ]);
    expect(joinText(events)).to.equal('after reasoning');
    const usage = { ...USAGE, reasoningOutputTokens: 4 };
    expect(events.at(-1)).to.deep.equal({ type: 'completed', responseId: 'resp_1', usage });
  });

  it('tells phases of messages', async () => {
    const events = await collectEvents(client, makeRequest('phases'));
    expect(events.filter((event) => event.type === 'itemStarted')).to.deep.equal([
      { type: 'itemStarted', item: { id: 'msg_resp_1', kind: 'message', phase: 'commentary' } },
      { type: 'itemStarted', item: { id: 'msg_resp_1_2', kind: 'message', phase: 'final_answer' } },
    ]);
  });

  it('tells a function call whole, without deltas', async () => {
    const events = await collectEvents(client, makeRequest('call exec {"cmd":"ls"}'));
    expect(events.slice(0, -1)).to.deep.equal([
      { type: 'itemStarted', item: { id: 'fc_resp_1', kind: 'other', phase: null } },
      {
        type: 'itemDone',
        item: {
          type: 'function_call',
          id: 'fc_resp_1',
          call_id: 'call_1',
          name: 'exec',
          status: 'completed',
          arguments: '{"cmd":"ls"}',
        },
      },
    ]);
  });

  it('loses no delta of a long stream and keeps their order', async () => {
    expect(joinText(await collectEvents(client, makeRequest('deltas 20000 12')))).to.equal(deltasText(20_000, 12));
  });

  it('serves several streams at once, each with its own events', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `number ${index}`);
    const answers = await Promise.all(texts.map((text) => collectEvents(client, makeRequest(text))));
    expect(answers.map(joinText)).to.deep.equal(texts.map((text) => `echo: ${text}`));
  });

  it('uses one connection for requests in a row', async () => {
    for (let index = 0; index < 5; index += 1) {
      const { closed } = await sampleAndFind(index + 1);
      await closed;
    }
    expect(server.connectionCount).to.equal(1);
  });

  it('sends the key, the headers and the query of the provider', async () => {
    const provider = makeProvider(`${server.baseUrl}/?from=base`, {
      apiKey: 'secret-key',
      headers: { 'X-Extra': 'yes', 'User-Agent': 'mine' },
      queryParams: { 'api-version': '2026 01' },
    });
    const configured = createResponsesModel(provider);
    await collectEvents(configured, makeRequest('hello'));
    configured.close();
    const { headers, url } = server.requests[0]!;
    expect(url).to.equal('/v1/responses?from=base&api-version=2026+01');
    expect(headers).to.include({
      authorization: 'Bearer secret-key',
      'x-extra': 'yes',
      'user-agent': 'mine',
      accept: 'text/event-stream',
      'content-type': 'application/json',
    });
  });

  it('sends no Authorization header without a key, and credentials of the URL as basic authentication', async () => {
    await collectEvents(client, makeRequest('hello'));
    const withUser = createResponsesModel(makeProvider(server.baseUrl.replace('//', '//ann:p%40ss@')));
    await collectEvents(withUser, makeRequest('hello'));
    withUser.close();
    expect(server.requests.map(({ headers }) => headers.authorization)).to.deep.equal([
      undefined,
      `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
    ]);
  });

  it('answers nothing once it is closed', async () => {
    client.close();
    client.close();
    expect(await collectEvents(client, makeRequest('hello'))).to.deep.equal([{ type: 'aborted' }]);
    expect(server.requestCount).to.equal(0);
  });

  it('passes on what emit throws, and leaves the connection', async () => {
    const bug = new Error('a bug of the caller');
    const throwOnDelta = (event: { type: string }): void => {
      if (event.type === 'textDelta') throw bug;
    };
    const failing = client.stream(makeRequest('hang'), throwOnDelta, new AbortController().signal);
    const thrown: unknown = await failing.catch((error: unknown) => error);
    expect(thrown).to.equal(bug);
    await server.requests[0]!.closed;
  });

  async function sampleAndFind(n: number) {
    await collectEvents(client, makeRequest('hello'));
    return server.waitForRequest(n);
  }
});
