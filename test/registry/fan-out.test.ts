import { expect } from 'chai';
import { notificationIndex } from '../../src/protocol/notification-names.js';
import { FanOut } from '../../src/registry/fan-out.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/fan-out.js';
import { frameText } from '../../src/session/frame-text.js';

class Listener implements Subscriber {
  readonly messages: { method: string; params: unknown; epoch: string; seq: number }[] = [];
  deliver(frame: OutgoingFrame): void {
    this.messages.push(JSON.parse(frame.bytes.toString()));
  }
  get seqs(): number[] {
    return this.messages.map((message) => message.seq);
  }
}

function framesOf(...texts: [Parameters<typeof frameText>[0], unknown][]) {
  const frames = texts.map(([method, params]) => frameText(method, params));
  let end = 0;
  return {
    type: 'frames' as const,
    text: frames.join(''),
    ends: frames.map((text) => (end += text.length)),
    methods: texts.map(([method]) => notificationIndex(method)),
  };
}

describe('FanOut', () => {
  const delta = (text: string): [Parameters<typeof frameText>[0], unknown] => [
    'item/agentMessage/delta',
    { delta: text },
  ];

  it('numbers what the session made and what the main thread makes in one count', () => {
    const listener = new Listener();
    const fanOut = new FanOut('t', 'e1', new Set([listener]));
    fanOut.add(listener);
    fanOut.publishFrames(framesOf(delta('a'), delta('ü\u2028🙂')));
    fanOut.publish('thread/closed', { threadId: 't' });
    expect(listener.messages.map(({ method, params, epoch, seq }) => ({ method, params, epoch, seq }))).to.deep.equal([
      { method: 'item/agentMessage/delta', params: { delta: 'a' }, epoch: 'e1', seq: 1 },
      { method: 'item/agentMessage/delta', params: { delta: 'ü\u2028🙂' }, epoch: 'e1', seq: 2 },
      { method: 'thread/closed', params: { threadId: 't' }, epoch: 'e1', seq: 3 },
    ]);
  });

  it('gives everybody what concerns everybody, and only subscribers the rest', () => {
    const subscriber = new Listener();
    const bystander = new Listener();
    const fanOut = new FanOut('t', 'e', new Set([subscriber, bystander]));
    fanOut.add(subscriber);
    fanOut.publishFrames(framesOf(delta('a')));
    fanOut.publish('thread/status/changed', { threadId: 't', status: { type: 'idle' } });
    expect(subscriber.seqs).to.deep.equal([1, 2]);
    expect(bystander.seqs).to.deep.equal([2]);
  });

  it('keeps what happens after a snapshot until the snapshot was sent, broadcasts too', () => {
    const joiner = new Listener();
    const fanOut = new FanOut('t', 'e', new Set([joiner]));
    fanOut.publishFrames(framesOf(delta('before')));
    fanOut.hold(joiner);
    const { seq } = fanOut;
    fanOut.publishFrames(framesOf(delta('after')));
    fanOut.publish('thread/status/changed', { threadId: 't' });
    expect(joiner.messages).to.deep.equal([]);
    fanOut.sendAside(joiner, 'item/started', frameText('item/started', { item: 'so far' }), seq);
    fanOut.release(joiner);
    fanOut.publishFrames(framesOf(delta('later')));
    expect(joiner.messages.map(({ method, seq: number }) => [method, number])).to.deep.equal([
      ['item/started', 1],
      ['item/agentMessage/delta', 2],
      ['thread/status/changed', 3],
      ['item/agentMessage/delta', 4],
    ]);
  });

  it('counts on when nobody listens', () => {
    const fanOut = new FanOut('t', 'e', new Set());
    fanOut.publishFrames(framesOf(delta('a'), delta('b')));
    expect(fanOut.seq).to.equal(2);
  });
});
