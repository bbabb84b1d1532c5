import { expect } from 'chai';
import { assertValidNotification, assertValidResult, assertValidServerMessage } from '../support/schema-validator.js';

const stamps = { emittedAtMs: 1, epoch: 'e', seq: 3 };
const delta = { threadId: 't', turnId: 'u', itemId: 'i', delta: 'x' };
const method = 'item/agentMessage/delta';

describe('the check of every message that the daemon sends', () => {
  it('passes a notification with its stamps', () => {
    assertValidNotification({ method, params: delta, ...stamps });
    assertValidNotification({ method, params: delta, emittedAtMs: 1 });
  });

  const bad: [name: string, message: unknown, reason: RegExp][] = [
    ['an unknown notification', { method: 'turn/exploded', params: {}, ...stamps }, /unknown notification turn\/expl/],
    ['a missing field', { method, params: { ...delta, delta: undefined }, ...stamps }, /breaks the schema: .*'delta'/],
    ['a wrong type', { method, params: { ...delta, delta: 5 }, ...stamps }, /delta must be string/],
    [
      'a misspelt field',
      { method, params: { ...delta, detla: 'x' }, ...stamps },
      /fields that our table does not know/,
    ],
    ['a stray field', { method, params: delta, ...stamps, id2: 1 }, /unexpected field id2/],
    ['no time', { method, params: delta }, /emittedAtMs is not a time/],
    ['a number without its epoch', { method, params: delta, emittedAtMs: 1, seq: 2 }, /do not belong together/],
    ['something else', [method], /not an object/],
  ];
  for (const [name, message, reason] of bad) {
    it(`throws for ${name}, and shows the message`, () => {
      expect(() => assertValidNotification(message))
        .to.throw(reason)
        .with.property('message')
        .that.includes(JSON.stringify(message));
    });
  }

  it('throws for a field that the peer always sends, where its schema would let it be absent', () => {
    expect(() => assertValidResult('thread/loaded/list', { data: [] })).to.throw(/breaks our table: [^]*nextCursor/);
  });

  it('throws for a method that is not served', () => {
    expect(() => assertValidResult('thread/explode', {})).to.throw('unknown method thread/explode');
  });

  it('joins answers with their requests', () => {
    const requests = new Map<unknown, string>([
      [1, 'turn/interrupt'],
      ['a', 'turn/steer'],
    ]);
    assertValidServerMessage({ id: 1, result: {} }, requests);
    assertValidServerMessage({ id: 'a', result: { turnId: 'u' } }, requests);
    assertValidServerMessage({ id: null, error: { code: -32700, message: 'm', data: { reason: 'r' } } }, requests);
    assertValidServerMessage({ method, params: delta, ...stamps }, requests);
    expect(() => assertValidServerMessage({ id: 'a', result: {} }, requests)).to.throw(/turn\/steer result breaks/);
    expect(() => assertValidServerMessage({ id: 2, result: {} }, requests)).to.throw(/nobody asked for/);
    expect(() => assertValidServerMessage({ id: 1 }, requests)).to.throw(/neither result nor error/);
    expect(() => assertValidServerMessage({ id: 1, error: { code: 1 } }, requests)).to.throw(/malformed error/);
    expect(() => assertValidServerMessage({ id: 0, method: 'item/tool/rake' }, requests)).to.throw(/server request/);
    const call = { threadId: 't', turnId: 'u', callId: 'c', namespace: null, tool: 'rake', arguments: {} };
    assertValidServerMessage({ id: 0, method: 'item/tool/call', params: call }, requests);
    for (const [change, complaint] of [
      [{ id: 'a' }, /is no count/],
      [{ seq: 1 }, /unexpected field seq/],
      [{ params: { ...call, callId: 1 } }, /breaks the schema/],
      [{ params: { ...call, speed: 1 } }, /does not know/],
    ] as const) {
      const message = { id: 0, method: 'item/tool/call', params: call, ...change };
      expect(() => assertValidServerMessage(message, requests)).to.throw(complaint);
    }
  });
});
