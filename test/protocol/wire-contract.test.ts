import { expect } from 'chai';
import { METHODS } from '../../src/protocol/methods.js';
import type { MethodName } from '../../src/protocol/methods.js';
import { NOTIFICATION_METHODS } from '../../src/protocol/notification-names.js';
import { NOTIFICATIONS } from '../../src/protocol/notifications.js';
import { assertValidNotification, assertValidResult } from '../support/schema-validator.js';
import { exampleItems } from './example-items.js';
import { exampleNotifications, exampleResults } from './example-messages.js';

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

  it('has an example of every type of item', () => {
    const types = NOTIFICATIONS['item/started'].params.shape.item.options.map((option) => option.shape.type.value);
    expect([...new Set(exampleItems.map((item) => item.type))]).to.have.members(types);
  });
});
