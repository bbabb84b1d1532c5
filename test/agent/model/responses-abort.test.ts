import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ModelClient } from '../../../src/agent/model/model.js';
import { createResponsesModel } from '../../../src/agent/model/responses-model.js';
import type { ModelServer } from '../../support/model-server.js';
import { startModelServer } from '../../support/model-server.js';
import { collectEvents, isFinal, makeProvider, makeRequest } from './sampling.js';

describe('createResponsesModel, when it is aborted', () => {
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

  it('asks nothing when the signal was aborted before', async () => {
    const events = await collectEvents(client, makeRequest('hello'), { signal: AbortSignal.abort() });
    expect(events).to.deep.equal([{ type: 'aborted' }]);
    expect(server.requestCount).to.equal(0);
  });

  it('leaves a server that has not answered yet', async () => {
    const controller = new AbortController();
    const sampling = collectEvents(client, makeRequest('stall'), { signal: controller.signal });
    const { closed } = await server.waitForRequest(1);
    controller.abort();
    expect(await sampling).to.deep.equal([{ type: 'aborted' }]);
    await closed;
  });

  it('leaves a stream that is silent', async () => {
    const controller = new AbortController();
    const events = await collectEvents(client, makeRequest('hang'), {
      signal: controller.signal,
      onEvent: (event) => event.type === 'textDelta' && controller.abort(),
    });
    expect(events).to.deep.equal([
      { type: 'itemStarted', item: { id: 'msg_resp_1', kind: 'message', phase: null } },
      { type: 'textDelta', itemId: 'msg_resp_1', delta: 'hanging' },
      { type: 'aborted' },
    ]);
    await server.requests[0]!.closed;
  });

  it('tells nothing more of what had arrived in the same piece', async () => {
    const controller = new AbortController();
    const events = await collectEvents(client, makeRequest('deltas 1000'), {
      signal: controller.signal,
      onEvent: (event) => event.type === 'textDelta' && controller.abort(),
    });
    expect(events.map(({ type }) => type)).to.deep.equal(['itemStarted', 'textDelta', 'aborted']);
  });

  it('ends the wait before a further attempt', async () => {
    const controller = new AbortController();
    const events = await collectEvents(client, makeRequest('retry-after 60'), {
      signal: controller.signal,
      // Only once the client sleeps: the event itself comes before.
      onEvent: (event) => event.type === 'retrying' && setImmediate(() => controller.abort()),
    });
    expect(events.map(({ type }) => type)).to.deep.equal(['retrying', 'aborted']);
    expect(server.requestCount).to.equal(1);
  });

  it('makes no further attempt when aborted by whoever hears of it', async () => {
    const controller = new AbortController();
    const events = await collectEvents(client, makeRequest('fail 500'), {
      signal: controller.signal,
      onEvent: (event) => event.type === 'retrying' && controller.abort(),
    });
    expect(events.map(({ type }) => type)).to.deep.equal(['retrying', 'aborted']);
    expect(server.requestCount).to.equal(1);
  });

  it('ends streams and waits as aborted when the client is closed', async () => {
    const sampling = Promise.all(['hang', 'stall'].map((text) => collectEvents(client, makeRequest(text))));
    await server.waitForRequest(2);
    client.close();
    const finals = (await sampling).map((events) => events.at(-1));
    expect(finals).to.deep.equal([{ type: 'aborted' }, { type: 'aborted' }]);
    await Promise.all(server.requests.map(({ closed }) => closed));
  });

  it('leaves no listener on the signal', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await collectEvents(client, makeRequest('hello'), { signal });
    await collectEvents(client, makeRequest('fail 404'), { signal });
    expect(listeners).to.equal(0);
  });

  it('tells exactly one end, as the last event, whenever the abort comes', async () => {
    const texts = [
      'hello',
      'deltas 40 8 0',
      'deltas 5 8 1',
      'hang',
      'stall',
      'cut',
      'fail 500',
      'drop',
      'reason',
      'garbage',
    ];
    const moments = fc.record({
      text: fc.constantFrom(...texts),
      /** The abort comes with the event of this number, or by time when there is no such event. */
      atEvent: fc.option(fc.nat(12)),
      afterMs: fc.nat(12),
    });
    const quick = createResponsesModel(makeProvider(server.baseUrl), { sleep: () => Promise.resolve() });
    await fc.assert(
      fc.asyncProperty(moments, async ({ text, atEvent, afterMs }) => {
        const controller = new AbortController();
        let seen = 0;
        const timer = setTimeout(() => controller.abort(), afterMs);
        const events = await collectEvents(quick, makeRequest(text), {
          signal: controller.signal,
          onEvent: () => {
            if (seen === atEvent) controller.abort();
            seen += 1;
          },
        });
        clearTimeout(timer);
        const heard = events.length;
        await new Promise((resolve) => setImmediate(resolve));
        expect(events.length).to.equal(heard);
        expect(events.filter(isFinal)).to.deep.equal([events.at(-1)]);
        if (atEvent !== null && atEvent < heard - 1) expect(events.at(-1)).to.deep.equal({ type: 'aborted' });
      }),
      { numRuns: 150 },
    );
    quick.close();
    await Promise.all(server.requests.map(({ closed }) => closed));
    expect(server.openReplies).to.equal(0);
  });
});
