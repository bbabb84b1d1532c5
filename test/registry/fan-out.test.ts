import { expect } from 'chai';
import { notificationIndex } from '../../src/protocol/notification-names.js';
import { FanOut } from '../../src/registry/fan-out.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/fan-out.js';
import { ReplayBudget } from '../../src/registry/replay-budget.js';
import { ReplayRing } from '../../src/registry/replay-ring.js';
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

function open(listeners: Listener[], epoch = 'e', replayBytes = 64 * 1024): FanOut {
  return new FanOut('t', epoch, new Set(listeners), new ReplayRing(replayBytes, new ReplayBudget(replayBytes)));
}

describe('FanOut', () => {
  const delta = (text: string): [Parameters<typeof frameText>[0], unknown] => [
    'item/agentMessage/delta',
    { delta: text },
  ];

  it('numbers what the session made and what the main thread makes in one count', () => {
    const listener = new Listener();
    const fanOut = open([listener], 'e1');
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
    const fanOut = open([subscriber, bystander]);
    fanOut.add(subscriber);
    fanOut.publishFrames(framesOf(delta('a')));
    fanOut.publish('thread/status/changed', { threadId: 't', status: { type: 'idle' } });
    expect(subscriber.seqs).to.deep.equal([1, 2]);
    expect(bystander.seqs).to.deep.equal([2]);
  });

  it('keeps what happens after a snapshot until the snapshot was sent, broadcasts too', () => {
    const joiner = new Listener();
    const fanOut = open([joiner]);
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
    const fanOut = open([]);
    fanOut.publishFrames(framesOf(delta('a'), delta('b')));
    expect(fanOut.seq).to.equal(2);
  });

  describe('for a client that comes back', () => {
    /** Subscribes as a resume does, and tells what it was given. */
    async function comeBack(fanOut: FanOut, client: Listener, seq: number, epoch = 'e') {
      const missed = fanOut.missedSince({ epoch, seq }, client);
      fanOut.hold(client);
      const from = client.messages.length;
      fanOut.publishFrames(framesOf(delta('meanwhile')));
      if (missed.type === 'resync') fanOut.release(client);
      else await fanOut.replay(client, missed);
      fanOut.publishFrames(framesOf(delta('live')));
      return { ...missed, frames: undefined, seqs: client.seqs.slice(from) };
    }
    const texts = (client: Listener) => client.messages.map(({ params }) => (params as { delta: string }).delta);

    it('delivers what it missed, then what came meanwhile, then the rest, as everybody else saw it', async () => {
      const [witness, late] = [new Listener(), new Listener()];
      const fanOut = open([witness, late]);
      fanOut.add(witness);
      fanOut.publishFrames(framesOf(delta('a'), delta('ü\u2028🙂'), ['account/rateLimits/updated', {}], delta('c')));
      const { type, seqs } = await comeBack(fanOut, late, 1);
      expect([type, seqs]).to.deep.equal(['replay', [2, 3, 4, 5]]);
      expect(late.messages).to.deep.equal(witness.messages.filter(({ seq }) => seq > 1));
    });

    it('knows when nothing was missed, and when it cannot know', async () => {
      const fanOut = open([], 'e', 400);
      for (const text of ['a', 'b', 'c']) fanOut.publishFrames(framesOf(delta(text)));
      const told = [];
      for (const [seq, epoch] of [
        [3, 'e'],
        [0, 'e'],
        [9, 'e'],
        [3, 'f'],
      ] as const) {
        const missed = fanOut.missedSince({ epoch, seq }, new Listener());
        told.push(missed.type === 'resync' ? missed.reason : missed.type);
      }
      expect(told).to.deep.equal(['current', 'expired', 'ahead', 'epoch_changed']);
    });

    it('gives nothing twice to one who is subscribed already', async () => {
      const client = new Listener();
      const fanOut = open([client]);
      fanOut.publishFrames(framesOf(delta('a'), delta('b')));
      fanOut.add(client);
      fanOut.publishFrames(framesOf(delta('c'), delta('d')));
      expect(await comeBack(fanOut, client, 3)).to.include({ type: 'current' });
      expect(texts(client)).to.deep.equal(['c', 'd', 'meanwhile', 'live']);
      // What came before it subscribed it was never given.
      expect(await comeBack(fanOut, client, 1)).to.include({ type: 'replay' });
      expect(texts(client).slice(4)).to.deep.equal(['b', 'meanwhile', 'live']);
      expect(await comeBack(fanOut, client, 1)).to.include({ type: 'current' });
      expect(texts(client).slice(7)).to.deep.equal(['meanwhile', 'live']);
    });

    it('stops when it leaves in the middle, and then knows that it was not given all', async () => {
      const client = new Listener();
      const fanOut = open([client], 'e', 1024 * 1024);
      fanOut.publishFrames(framesOf(...Array.from({ length: 2000 }, (_, index) => delta(String(index)))));
      const missed = fanOut.missedSince({ epoch: 'e', seq: 0 }, client);
      fanOut.hold(client);
      if (missed.type === 'resync') throw new Error(missed.reason);
      const replayed = fanOut.replay(client, missed);
      fanOut.remove(client);
      await replayed;
      expect(client.messages.length).to.be.lessThan(2000);
      expect((await comeBack(fanOut, client, client.messages.length)).type).to.equal('replay');
      expect(client.seqs).to.deep.equal(Array.from({ length: 2002 }, (_, index) => index + 1));
    });
  });
});
