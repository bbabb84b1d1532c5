import { expect } from 'chai';
import { setImmediate as nextTick } from 'node:timers/promises';
import { notificationIndex } from '../../src/protocol/notification-names.js';
import { FanOut } from '../../src/registry/fan-out.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/subscription.js';
import { ReplayBudget } from '../../src/registry/replay-budget.js';
import { ReplayRing } from '../../src/registry/replay-ring.js';
import { frameText } from '../../src/session/frame-text.js';

class Listener implements Subscriber {
  readonly messages: { method: string; params: unknown; epoch: string; seq: number }[] = [];
  /** It takes so many, and no more of a replay until drain(). */
  room = Infinity;
  #drained: (() => void)[] = [];
  deliver(frame: OutgoingFrame): void {
    this.messages.push(JSON.parse(frame.bytes.toString()));
  }
  whenReady(): Promise<void> | null {
    if (this.messages.length < this.room) return null;
    return new Promise((resolve) => this.#drained.push(resolve));
  }
  drain(room = Infinity): void {
    this.room = room;
    for (const resolve of this.#drained.splice(0)) resolve();
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

    const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
    const isOver = async (replay: Promise<void>): Promise<boolean> => {
      const pending = Symbol();
      for (let tick = 0; tick < 20; tick += 1) await nextTick();
      return (await Promise.race([replay, Promise.resolve(pending)])) !== pending;
    };
    /** One that was subscribed from the start and has missed 2,000 events, and what it is replayed. */
    function missing2000(client: Listener) {
      const fanOut = open([client], 'e', 1024 * 1024);
      fanOut.publishFrames(framesOf(...Array.from({ length: 2000 }, (_, index) => delta(String(index)))));
      const { reattach } = fanOut.join(client, { epoch: 'e', seq: 0 });
      if (reattach === null || reattach.type === 'resync') throw new Error('should be replayed');
      return { fanOut, reattach };
    }

    it('is given no more than it takes, and what is live only after it', async () => {
      const client = new Listener();
      const { fanOut, reattach } = missing2000(client);
      client.room = 1;
      const replay = fanOut.replay(client, reattach);
      expect(await isOver(replay)).to.equal(false);
      const first = client.messages.length;
      expect(first).to.be.within(1, 600);
      fanOut.publishFrames(framesOf(delta('meanwhile')));
      client.drain(first + 1);
      expect([await isOver(replay), client.messages.length]).to.deep.equal([false, 2 * first]);
      client.drain();
      await replay;
      fanOut.publishFrames(framesOf(delta('live')));
      expect(client.seqs).to.deep.equal(upTo(2002));
    });

    it('is given nothing twice when it asks again while a replay is under way', async () => {
      const client = new Listener();
      const { fanOut, reattach } = missing2000(client);
      client.room = 1;
      const replay = fanOut.replay(client, reattach);
      fanOut.publishFrames(framesOf(delta('meanwhile')));
      const again = fanOut.join(client, { epoch: 'e', seq: 700 }).reattach!;
      expect(again.type).to.equal('current');
      if (again.type !== 'resync') await fanOut.replay(client, again);
      client.drain();
      await replay;
      fanOut.publishFrames(framesOf(delta('live')));
      expect(client.seqs).to.deep.equal(upTo(2002));
    });

    it('is not waited for when too much is kept back for it', async () => {
      const client = new Listener();
      const { fanOut, reattach } = missing2000(client);
      client.room = 1;
      const replay = fanOut.replay(client, reattach);
      const megabyte = 'x'.repeat(1024 * 1024);
      for (let count = 0; count < 8; count += 1) fanOut.publishFrames(framesOf(delta(megabyte)));
      await replay;
      expect(client.seqs).to.deep.equal(upTo(2008));
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
