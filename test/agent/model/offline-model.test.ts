import { expect } from 'chai';
import { createModel } from '../../../src/agent/model/create-model.js';
import type { ModelEvent } from '../../../src/agent/model/model.js';
import { createOfflineModel } from '../../../src/agent/model/offline-model.js';
import { startModelServer } from '../../support/model-server.js';
import { collectEvents, isFinal, joinText, makeProvider, makeRequest } from './sampling.js';

describe('createOfflineModel', () => {
  it('tells the same events as a real model, in several deltas', async () => {
    const events = await collectEvents(createOfflineModel(), makeRequest('What is the time?'));
    const started = events[0] as Extract<ModelEvent, { type: 'itemStarted' }>;
    const { id } = started.item;
    const text = joinText(events);
    expect(started).to.deep.equal({ type: 'itemStarted', item: { id, kind: 'message', phase: null } });
    expect(events.slice(1, -2).every((event) => event.type === 'textDelta' && event.itemId === id)).to.equal(true);
    expect(events.length).to.be.above(8);
    expect(events.at(-2)).to.deep.equal({
      type: 'itemDone',
      item: {
        type: 'message',
        id,
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    });
    const { usage } = events.at(-1) as Extract<ModelEvent, { type: 'completed' }>;
    const outputTokens = Math.ceil(text.length / 4);
    expect(usage).to.deep.equal({
      inputTokens: 5,
      cachedInputTokens: 0,
      outputTokens,
      reasoningOutputTokens: 0,
      totalTokens: 5 + outputTokens,
    });
  });

  it('repeats the question, and says which file and which keys make a real model answer', async () => {
    const text = joinText(await collectEvents(createOfflineModel(), makeRequest('What is the time?')));
    expect(text).to.contain('“What is the time?”');
    for (const key of ['config.toml', 'model_provider', '[model_providers.', 'base_url', 'env_key']) {
      expect(text).to.contain(key);
    }
  });

  it('shortens a long question and never splits a character', async () => {
    const events = await collectEvents(createOfflineModel(), makeRequest('👍'.repeat(500)));
    expect(joinText(events)).to.contain('👍…”');
    expect(joinText(events).length).to.be.below(2500);
    for (const event of events) if (event.type === 'textDelta') expect(event.delta.isWellFormed()).to.equal(true);
  });

  it('answers without a question, too', async () => {
    const events = await collectEvents(createOfflineModel(), makeRequest('', { input: [] }));
    expect(events.at(-1)?.type).to.equal('completed');
  });

  it('stops at once when aborted, at whatever event', async () => {
    const all = (await collectEvents(createOfflineModel(), makeRequest('hello'))).length;
    for (let at = 0; at < all - 1; at += 1) {
      const controller = new AbortController();
      let seen = 0;
      const events = await collectEvents(createOfflineModel(), makeRequest('hello'), {
        signal: controller.signal,
        onEvent: () => {
          if (seen === at) controller.abort();
          seen += 1;
        },
      });
      expect(events.length).to.equal(at + 2);
      expect(events.filter(isFinal)).to.deep.equal([{ type: 'aborted' }]);
    }
    const early = await collectEvents(createOfflineModel(), makeRequest('hello'), { signal: AbortSignal.abort() });
    expect(early).to.deep.equal([{ type: 'aborted' }]);
  });

  it('lets others run between deltas', async () => {
    let ticks = 0;
    let running = true;
    const tick = (): void => {
      ticks += 1;
      if (running) setImmediate(tick);
    };
    tick();
    const events = await collectEvents(createOfflineModel(), makeRequest('hello'));
    running = false;
    expect(ticks).to.be.at.least(events.filter(({ type }) => type === 'textDelta').length);
  });

  it('answers nothing once it is closed', async () => {
    const client = createOfflineModel();
    client.close();
    expect(await collectEvents(client, makeRequest('hello'))).to.deep.equal([{ type: 'aborted' }]);
  });
});

describe('createModel', () => {
  it('picks the offline model for a provider without a URL, else the Responses API', async () => {
    const server = await startModelServer();
    const answers: string[] = [];
    for (const baseUrl of [null, server.baseUrl]) {
      const client = createModel(makeProvider(baseUrl));
      answers.push(joinText(await collectEvents(client, makeRequest('hello'))));
      client.close();
    }
    await server.close();
    expect(answers[0]).to.match(/^I am the offline model/);
    expect(answers[1]).to.equal('echo: hello');
  });
});
