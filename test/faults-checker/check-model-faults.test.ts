// Holds the check of how turns end whose model fails. Runs without a daemon.
import { expect } from 'chai';
import type { WireMessage } from '../faults/byte-log.js';
import { checkModelFaults } from '../faults/check-model-faults.js';
import { logOf, notification, THREAD } from './hand-made.js';

function turn(command: string, status: string, more: WireMessage[] = []): WireMessage[] {
  const content = [
    { type: 'text', text: '#c1.1 ' },
    { type: 'text', text: command },
  ];
  return [
    notification('turn/started', { turn: { id: 'turn-1', status: 'inProgress' } }),
    notification('item/completed', { turnId: 'turn-1', item: { type: 'userMessage', id: 'u', content } }),
    ...more,
    notification('turn/completed', { turn: { id: 'turn-1', status, error: null } }),
  ];
}

const check = (messages: WireMessage[], limitMs = 1000) => {
  const { violations, met, windows } = checkModelFaults([logOf(messages), logOf(messages)], limitMs, () => 0);
  return { found: violations.map(({ what, found }) => `${what}: ${found}`), met, windows };
};

describe('checkModelFaults', () => {
  it('takes a turn that ended as it should, once, and says when it ran', () => {
    expect(check(turn('cut after 5 9', 'failed'))).to.deep.equal({
      found: [],
      met: ['connection cut, for good'],
      windows: [{ what: 'connection cut, for good', fromMs: 0, untilMs: 20, victims: [THREAD] }],
    });
    expect(check(turn('garbage 1', 'completed')).met).to.deep.equal(['garbage in the stream, once']);
  });

  it('reports a turn that failed though another attempt would have mended it, one that did not fail, one that took long', () => {
    const words = (messages: WireMessage[], limitMs?: number) => check(messages, limitMs).found;
    expect(words(turn('drop 1', 'failed'))).to.deep.equal([
      'a turn ended otherwise (connection refused to answer, once): failed  after 20 ms',
    ]);
    expect(words(turn('stall', 'completed'))[0]).to.contain('(no answer at all): completed');
    expect(words(turn('hang', 'failed'), 15)[0]).to.contain('after 20 ms');
  });

  it('judges neither other turns nor such that were steered', () => {
    const steered = notification('item/completed', {
      turnId: 'turn-1',
      item: { type: 'userMessage', id: 'v', content: [] },
    });
    expect(check(turn('hang', 'completed', [steered])).met).to.deep.equal([]);
    expect(check(turn('say hello', 'failed')).met).to.deep.equal([]);
  });
});
