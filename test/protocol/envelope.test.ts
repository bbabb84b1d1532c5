import { expect } from 'chai';
import fc from 'fast-check';
import { classifyFrame } from '../../src/protocol/envelope.js';

describe('classifyFrame', () => {
  const requestId = fc.oneof(fc.string(), fc.maxSafeInteger());

  it('never throws, and gives back only ids that may be answered', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.anything()), (value) => {
        const frame = classifyFrame(value);
        if (frame.kind === 'notification') {
          expect(frame.method).to.be.a('string');
          return;
        }
        expect(frame.id === null || typeof frame.id === 'string' || Number.isSafeInteger(frame.id)).to.equal(true);
        if (frame.kind === 'invalid') expect(frame.reason).to.match(/./);
        else expect(frame.id).to.not.equal(null);
      }),
    );
  });

  it('tells a request from everything else, whatever fields are beside', () => {
    const beside = fc.dictionary(
      fc.string().filter((key) => !['id', 'method', 'params', '__proto__'].includes(key)),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(requestId, fc.string(), fc.jsonValue(), beside, (id, method, params, rest) => {
        const frame = classifyFrame(JSON.parse(JSON.stringify({ ...rest, id, method, params })));
        expect(frame).to.deep.equal({
          kind: 'request',
          id: Object.is(id, -0) ? 0 : id,
          method,
          params: params === null ? undefined : (JSON.parse(JSON.stringify(params)) as unknown),
        });
      }),
    );
  });

  it('takes absent and null params for the same', () => {
    const expected = { kind: 'request', id: 1, method: 'm', params: undefined };
    expect(classifyFrame({ id: 1, method: 'm' })).to.deep.equal(expected);
    expect(classifyFrame({ id: 1, method: 'm', params: null })).to.deep.equal(expected);
  });

  it('takes a method without an id for a notification', () => {
    expect(classifyFrame({ jsonrpc: '2.0', method: 'initialized' })).to.deep.equal({
      kind: 'notification',
      method: 'initialized',
      params: undefined,
    });
  });

  it('takes an id with a result or an error for a response', () => {
    expect(classifyFrame({ id: 0, result: null })).to.deep.equal({ kind: 'response', id: 0, result: null });
    expect(classifyFrame({ id: 'a', error: { code: 1 } })).to.deep.equal({
      kind: 'response',
      id: 'a',
      error: { code: 1 },
    });
  });

  const refused: [name: string, value: unknown, id: string | number | null, reason: string][] = [
    ['a string', 'hello', null, 'a message must be an object'],
    ['null', null, null, 'a message must be an object'],
    ['a batch', [{ id: 1, method: 'm' }], null, 'batches are not supported'],
    ['a null id', { id: null, method: 'm' }, null, 'id must be a string or an integer'],
    ['a fractional id', { id: 1.5, method: 'm' }, null, 'id must be a string or an integer'],
    ['an id beyond exact integers', { id: 2 ** 53, method: 'm' }, null, 'id must be a string or an integer'],
    ['an object for an id', { id: {}, result: 1 }, null, 'id must be a string or an integer'],
    ['a method that is no string', { id: 20, method: 5 }, 20, 'method must be a string'],
    ['a null method', { id: -7, method: null }, -7, 'method must be a string'],
    ['an id alone', { id: 'x' }, 'x', 'missing field `method`'],
    ['an empty object', {}, null, 'missing field `method`'],
  ];
  for (const [name, value, id, reason] of refused) {
    it(`refuses ${name}`, () => {
      expect(classifyFrame(value)).to.deep.equal({ kind: 'invalid', id, reason });
    });
  }
});
