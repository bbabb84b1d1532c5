import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  NOTIFICATION_METHODS,
  notificationAudience,
  notificationIndex,
} from '../../src/protocol/notification-names.js';

describe('notification names', () => {
  it('have the index at which they stand', () => {
    expect(NOTIFICATION_METHODS.map(notificationIndex)).to.deep.equal([...NOTIFICATION_METHODS.keys()]);
  });

  it('go to all, to the subscribers, or to one connection', () => {
    const all = NOTIFICATION_METHODS.filter((name) => notificationAudience(name) === 'all');
    const connection = NOTIFICATION_METHODS.filter((name) => notificationAudience(name) === 'connection');
    expect({ all, connection }).to.deep.equal({
      all: [
        'thread/started',
        'thread/status/changed',
        'thread/closed',
        'thread/archived',
        'thread/unarchived',
        'thread/deleted',
        'thread/reverted',
        'thread/name/updated',
        'thread/goal/cleared',
      ],
      connection: ['command/exec/outputDelta', 'deprecationNotice', 'configWarning', 'remoteControl/status/changed'],
    });
  });

  for (const file of ['notification-names', 'error-codes', 'envelope']) {
    it(`${file} loads in a worker without zod: it imports nothing`, () => {
      const text = readFileSync(new URL(`../../src/protocol/${file}.js`, import.meta.url), 'utf8');
      expect(text).to.not.match(/^import /m);
    });
  }
});
