import { expect } from 'chai';
import { ResponsesEventReader } from '../../../src/agent/model/responses-events.js';
import type { ModelEvent } from '../../../src/agent/model/model.js';

type WireEvent = { type: string; [field: string]: unknown };

/** What a reader tells of these events, and what it made of the last one. */
function read(events: readonly WireEvent[]) {
  const told: ModelEvent[] = [];
  const reader = new ResponsesEventReader((event) => told.push(event));
  const outcomes = events.map((event) => reader.read({ event: event.type, data: JSON.stringify(event) }));
  return { told, outcome: outcomes.at(-1) ?? null };
}

const TEXT_DELTA = 'response.output_text.delta';
const ADDED = 'response.output_item.added';
const DONE = 'response.output_item.done';
const COMPLETED = 'response.completed';

function message(text: string, id?: string) {
  const content = [{ type: 'output_text', text }];
  return { type: 'message', ...(id === undefined ? {} : { id }), role: 'assistant', content };
}

describe('ResponsesEventReader', () => {
  it('starts an item that only ends', () => {
    const { told } = read([{ type: DONE, output_index: 0, item: message('whole', 'm1') }]);
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id: 'm1', kind: 'message', phase: null } },
      { type: 'itemDone', item: message('whole', 'm1') },
    ]);
  });

  it('starts an item whose deltas come unannounced', () => {
    const { told } = read([
      { type: TEXT_DELTA, item_id: 'm1', output_index: 0, delta: 'a' },
      { type: DONE, output_index: 0, item: message('a', 'm1') },
    ]);
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id: 'm1', kind: 'message', phase: null } },
      { type: 'textDelta', itemId: 'm1', delta: 'a' },
      { type: 'itemDone', item: message('a', 'm1') },
    ]);
  });

  it('gives an item without an id one of its own, from start to end', () => {
    const { told } = read([
      { type: 'response.created', response: { id: 'resp_9' } },
      { type: ADDED, item: message('') },
      { type: TEXT_DELTA, delta: 'a' },
      { type: DONE, item: message('a') },
    ]);
    const id = 'msg_resp_9_1';
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id, kind: 'message', phase: null } },
      { type: 'textDelta', itemId: id, delta: 'a' },
      { type: 'itemDone', item: message('a', id) },
    ]);
  });

  it('keeps the id an item started with when the server changes it, going by position', () => {
    const { told } = read([
      { type: ADDED, output_index: 2, item: message('', 'first') },
      { type: TEXT_DELTA, item_id: 'second', output_index: 2, delta: 'a' },
      { type: DONE, output_index: 2, item: message('a', 'third') },
    ]);
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id: 'first', kind: 'message', phase: null } },
      { type: 'textDelta', itemId: 'first', delta: 'a' },
      { type: 'itemDone', item: message('a', 'first') },
    ]);
  });

  it('keeps items that stream side by side apart', () => {
    const { told } = read([
      { type: ADDED, output_index: 0, item: message('', 'm1') },
      { type: ADDED, output_index: 1, item: message('', 'm2') },
      { type: TEXT_DELTA, item_id: 'm1', output_index: 0, delta: 'one' },
      { type: TEXT_DELTA, item_id: 'm2', output_index: 1, delta: 'two' },
      { type: DONE, output_index: 1, item: message('two', 'm2') },
      { type: DONE, output_index: 0, item: message('one', 'm1') },
    ]);
    expect(told.slice(2)).to.deep.equal([
      { type: 'textDelta', itemId: 'm1', delta: 'one' },
      { type: 'textDelta', itemId: 'm2', delta: 'two' },
      { type: 'itemDone', item: message('two', 'm2') },
      { type: 'itemDone', item: message('one', 'm1') },
    ]);
  });

  it('tells what only the completed response holds', () => {
    const { told, outcome } = read([{ type: COMPLETED, response: { id: 'r', output: [message('late', 'm1')] } }]);
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id: 'm1', kind: 'message', phase: null } },
      { type: 'itemDone', item: message('late', 'm1') },
    ]);
    expect(outcome).to.deep.equal({ type: 'completed', responseId: 'r', usage: null });
  });

  it('ends an item that was left open from the completed response, and repeats none that had ended', () => {
    const { told } = read([
      { type: DONE, output_index: 0, item: message('one', 'm1') },
      { type: ADDED, output_index: 1, item: message('', 'm2') },
      { type: COMPLETED, response: { id: 'r', output: [message('one', 'm1'), message('two', 'm2')] } },
    ]);
    expect(told.slice(2)).to.deep.equal([
      { type: 'itemStarted', item: { id: 'm2', kind: 'message', phase: null } },
      { type: 'itemDone', item: message('two', 'm2') },
    ]);
  });

  it('tells a refusal as text', () => {
    const refusal = { type: 'message', id: 'm1', role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] };
    const { told } = read([
      { type: ADDED, output_index: 0, item: { ...refusal, content: [] } },
      { type: 'response.refusal.delta', item_id: 'm1', output_index: 0, delta: 'no' },
      { type: DONE, output_index: 0, item: refusal },
    ]);
    expect(told.slice(1)).to.deep.equal([
      { type: 'textDelta', itemId: 'm1', delta: 'no' },
      { type: 'itemDone', item: message('no', 'm1') },
    ]);
  });

  it('announces parts of a summary that the server does not announce', () => {
    const { told } = read([
      { type: 'response.reasoning_summary_text.delta', item_id: 'rs', output_index: 0, summary_index: 1, delta: 'x' },
    ]);
    expect(told).to.deep.equal([
      { type: 'itemStarted', item: { id: 'rs', kind: 'reasoning', phase: null } },
      { type: 'summaryPartAdded', itemId: 'rs', index: 0 },
      { type: 'summaryPartAdded', itemId: 'rs', index: 1 },
      { type: 'summaryDelta', itemId: 'rs', index: 1, delta: 'x' },
    ]);
  });

  it('refuses a wild index instead of filling up to it', () => {
    for (const [type, field] of [
      ['response.reasoning_summary_text.delta', 'summary_index'],
      ['response.reasoning_text.delta', 'content_index'],
    ] as const) {
      const { told, outcome } = read([{ type, item_id: 'rs', [field]: 4_000_000_000, delta: 'x' }]);
      expect(told).to.deep.equal([]);
      expect(outcome).to.have.nested.property('error.kind', 'invalid_response');
    }
  });

  it('reads usage, with zero for what is left out', () => {
    const usage = { input_tokens: 7, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 } };
    const { outcome } = read([{ type: COMPLETED, response: { id: 'r', usage } }]);
    expect(outcome).to.deep.equal({
      type: 'completed',
      responseId: 'r',
      usage: { inputTokens: 7, cachedInputTokens: 0, outputTokens: 5, reasoningOutputTokens: 2, totalTokens: 12 },
    });
  });

  it('takes the id of the response from its beginning when the end does not repeat it', () => {
    const { outcome } = read([{ type: 'response.created', response: { id: 'r1' } }, { type: COMPLETED }]);
    expect(outcome).to.deep.equal({ type: 'completed', responseId: 'r1', usage: null });
  });

  it('reads error events in each of their forms', () => {
    const forms: WireEvent[] = [
      { type: 'error', code: 'insufficient_quota', message: 'no money', param: null },
      { type: 'error', error: { type: 'insufficient_quota', code: null, message: 'no money' } },
      { type: 'response.failed', response: { error: { code: 'insufficient_quota', message: 'no money' } } },
    ];
    const failure = {
      type: 'failed',
      error: {
        kind: 'usage_limit_exceeded',
        message: 'the quota at the provider is used up: no money',
        httpStatus: null,
      },
      retry: null,
      retryAfterMs: null,
    };
    expect(forms.map((form) => read([form]).outcome)).to.deep.equal([failure, failure, failure]);
  });

  it('knows a full context by the words of servers that have no code for it', () => {
    const words = "This model's maximum context length is 8192 tokens.";
    const { outcome } = read([{ type: 'error', code: '400', message: words }]);
    expect(outcome).to.have.nested.property('error.kind', 'context_window_exceeded');
  });

  it('survives any shape of a known event', () => {
    const types = [
      TEXT_DELTA,
      ADDED,
      DONE,
      COMPLETED,
      'response.created',
      'response.failed',
      'response.incomplete',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_text.delta',
      'error',
    ];
    const shapes = [{}, { item: 1, delta: {}, response: 'x' }, { item: { type: 'message', content: [null, 3] } }];
    for (const type of types) {
      for (const shape of shapes) expect(() => read([{ type, ...shape }]), type).not.to.throw();
    }
    for (const data of ['null', '3', '"x"', '[]', '', '{']) {
      const reader = new ResponsesEventReader(() => {});
      expect(() => reader.read({ data }), data).not.to.throw();
    }
  });
});
