import { expect } from 'chai';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';
import { NOTIFICATION_METHODS } from '../../src/protocol/notification-names.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { SERVER_REQUESTS } from '../../src/protocol/server-requests.js';
import type { ServerRequestName } from '../../src/protocol/server-requests.js';
import { assertValidNotification, assertValidResult, assertValidServerMessage } from '../support/schema-validator.js';
import { exampleItems } from './example-items.js';
import { exampleNotifications, exampleResults } from './example-messages.js';
import { exampleRequests } from './example-requests.js';

describe('the wire contract', () => {
  for (const method of NOTIFICATION_METHODS) {
    it(`accepts the examples of ${method}, as the peer's schema does`, () => {
      const examples = exampleNotifications[method];
      expect(examples).to.have.length.greaterThan(0);
      for (const params of examples) assertValidNotification({ method, params, emittedAtMs: 1 });
    });
  }

  for (const method of Object.keys(METHODS) as MethodName[]) {
    it(`accepts the example result of ${method}, as the peer's schema does`, () => {
      assertValidResult(method, exampleResults[method]);
    });
  }

  for (const method of Object.keys(SERVER_REQUESTS) as ServerRequestName[]) {
    it(`accepts the examples of ${method}, as the peer's schema does`, () => {
      const { params, results } = exampleRequests[method];
      expect([params.length, results.length]).to.not.include(0);
      for (const each of params) assertValidServerMessage({ id: 0, method, params: each }, new Map());
      for (const each of results) expect(SERVER_REQUESTS[method].result.parse(each)).to.deep.equal(each);
    });
  }

  it('has an example of every type of item', () => {
    const types = NOTIFICATIONS['item/started'].params.shape.item.options.map((option) => option.shape.type.value);
    expect([...new Set(exampleItems.map((item) => item.type))]).to.have.members(types);
  });
});
