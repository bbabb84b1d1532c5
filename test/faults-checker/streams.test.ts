// Holds the oracle's checks of what one connection saw. Runs without a daemon.
import { expect } from 'chai';
import type { WireMessage } from '../faults/byte-log.js';
import { compareConnections, followConnection } from '../faults/streams.js';
import { logOf, notification, THREAD } from './hand-made.js';

const RESUME = { 1: { method: 'thread/resume', params: { threadId: THREAD } } };
const RESUMED: WireMessage = { id: 1, result: { thread: { id: THREAD } } };

function item(text: string) {
  return { turnId: 'turn-1', item: { type: 'agentMessage', id: 'msg-1', text } };
}

function delta(text: string, seq?: number): WireMessage {
  return notification('item/agentMessage/delta', { turnId: 'turn-1', itemId: 'msg-1', delta: text }, seq);
}

function follow(...messages: WireMessage[]) {
  const { messages: logged, requests } = logOf([RESUMED, ...messages], RESUME);
  return followConnection(logged, requests);
}

function findings(...messages: WireMessage[]): string[] {
  return follow(...messages).violations.map(({ what }) => what);
}

describe('followConnection', () => {
  it('finds nothing wrong with a stream whose text is the sum of its deltas', () => {
    const seen = follow(
      notification('item/started', item('so far '), 7),
      delta('and ', 8),
      delta('more', 9),
      notification('item/completed', item('so far and more'), 10),
    );
    expect(seen.violations).to.deep.equal([]);
    expect(
      seen.streams.map(({ completed, pieces }) => ({ completed, text: pieces.map(({ text }) => text) })),
    ).to.deep.equal([{ completed: true, text: ['so far ', 'and ', 'more'] }]);
  });

  it('reports a number that is left out or repeated', () => {
    expect(findings(notification('turn/started', {}, 7), notification('turn/started', {}, 9))).to.have.length(1);
    const numbers = [7, 8, 8].map((seq) => notification('turn/started', {}, seq));
    expect(findings(...numbers)).to.have.length(1);
  });

  it('allows a snapshot to repeat what runs under one number', () => {
    const frames = ['a', 'b'].map((id) => notification('item/started', { turnId: 't', item: { type: 'x', id } }, 7));
    expect(findings(...frames, notification('turn/diff/updated', {}, 8))).to.deep.equal([]);
  });

  it('reports a delta of an item that is not running, and one that is missing', () => {
    expect(findings(delta('x'))).to.deep.equal(['a delta of item msg-1, which is not running']);
    expect(
      findings(notification('item/started', item('')), delta('x'), notification('item/completed', item('xy'))),
    ).to.deep.equal(['the text of item msg-1 is not the sum of its deltas']);
  });

  it('reports an item that starts or completes twice, or not before its turn', () => {
    const started = notification('item/started', item(''));
    const completed = notification('item/completed', item(''));
    const ended = notification('turn/completed', { turn: { id: 'turn-1', status: 'completed', items: [] } });
    expect(findings(started, completed, completed)).to.deep.equal(['item msg-1 completed without running']);
    expect(findings(started, completed, started)).to.deep.equal(['item msg-1 started twice']);
    expect(findings(started, ended)).to.deep.equal(['item msg-1 was not completed before its turn']);
  });

  it('takes no notice of threads that the connection is not subscribed to', () => {
    const { messages } = logOf([delta('x', 3), delta('x', 9)]);
    expect(followConnection(messages, new Map()).violations).to.deep.equal([]);
  });
});

describe('compareConnections', () => {
  it('reports two notifications under one number', () => {
    const one = follow(delta('a', 1), delta('b', 2));
    const other = follow(delta('a', 1), delta('c', 2));
    expect(compareConnections([one, one])).to.deep.equal([]);
    expect(compareConnections([one, other])).to.have.length(1);
  });
});
