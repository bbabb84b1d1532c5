import { expect } from 'chai';
import { appendFileSync } from 'node:fs';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { deltasText } from '../support/model-script.js';
import { areConsecutive, namesOf } from './wire-story.js';

interface Cursor {
  epoch: string;
  seq: number;
}

/** Repeats its numbers for a seed. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const numbered = (messages: readonly WireMessage[]): WireMessage[] => messages.filter(({ seq }) => seq !== undefined);

describe('a client that comes back', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  const resume = (client: CheckedClient, threadId: string, cursor: Cursor, more: object = {}) =>
    client.ask('thread/resume', {
      threadId,
      excludeTurns: true,
      afterEpoch: cursor.epoch,
      afterSeq: cursor.seq,
      ...more,
    });
  /** All that came of the conversation after this reply. */
  const after = (client: CheckedClient, reply: WireMessage, threadId: string): WireMessage[] =>
    client.received
      .slice(client.received.indexOf(reply) + 1)
      .filter(({ params }) => params?.['threadId'] === threadId || params?.['thread']?.id === threadId);
  const lastOf = (client: CheckedClient): Cursor => {
    const { epoch, seq } = numbered(client.received).at(-1)!;
    return { epoch: epoch!, seq: seq! };
  };

  for (const seed of [1, 2, 3]) {
    it(`has missed nothing, however often its connection breaks while it streams (seed ${seed})`, async () => {
      const random = makeRandom(seed);
      const witness = await rig.client();
      const threadId = await witness.startThread();
      let wanderer = await rig.client();
      const first = await wanderer.call('thread/resume', { threadId });
      let cursor = first.eventsCursor as Cursor;
      const union: WireMessage[] = [];
      const types: string[] = [];
      let cuts = 0;
      const end = { isHere: false };
      const keep = (messages: WireMessage[]): void => {
        const kept = numbered(messages).filter(({ method }) => method !== 'thread/goal/cleared');
        union.push(...kept);
        const last = kept.at(-1);
        if (last !== undefined) cursor = { epoch: last.epoch!, seq: last.seq! };
      };
      const [joined] = wanderer.received.filter(({ result }) => result?.eventsCursor !== undefined);
      let reply = joined!;
      const wander = async (): Promise<void> => {
        while (!end.isHere) {
          const from = wanderer.received.length;
          const upTo = from + random(60);
          await wanderer.next(() => wanderer.received.length > upTo || end.isHere);
          if (end.isHere) return;
          wanderer.socket.terminate();
          await wanderer.closed;
          keep(after(wanderer, reply, threadId));
          cuts += 1;
          wanderer = await rig.client();
          reply = await resume(wanderer, threadId, cursor);
          types.push(reply.result.reattach.type);
        }
      };
      const wandering = wander();
      for (let turn = 0; turn < 3; turn += 1) await witness.runTurn(threadId, 'deltas 300 16 1');
      const last = lastOf(witness);
      end.isHere = true;
      // It may just have been cut, or wait for a message that only a reply can be.
      await Promise.race([wandering, wanderer.call('thread/loaded/list', {})]);
      await wandering;
      // It may have seen the end on a connection before.
      const isThere = (): boolean => cursor.seq === last.seq || wanderer.received.some(({ seq }) => seq === last.seq);
      while (!isThere()) await wanderer.next(({ seq }) => seq === last.seq);
      keep(after(wanderer, reply, threadId));
      const seen = numbered(witness.received).filter(({ seq }) => seq! > first.eventsCursor.seq);
      expect(union).to.deep.equal(seen);
      expect(areConsecutive(union.map(({ seq }) => seq))).to.equal(true);
      expect(cuts, 'connections broke').to.be.greaterThan(5);
      expect(new Set(types)).to.include('replay').and.not.include('resync');
    });
  }

  it('is given the missed notifications alone, in order, then what is live', async () => {
    const [witness, other] = [await rig.client(), await rig.client()];
    const threadId = await witness.startThread();
    await other.call('thread/resume', { threadId, excludeTurns: true });
    await witness.runTurn(threadId, 'one');
    await other.notification('turn/completed');
    const cursor = lastOf(other);
    await other.close();
    await witness.runTurn(threadId, 'reason');
    const { done } = await witness.startTurn(threadId, 'hang');
    await witness.notification('item/agentMessage/delta', ({ delta }) => delta === 'hanging');
    const again = await rig.client();
    const reply = await resume(again, threadId, cursor);
    expect([reply.result.reattach, reply.result.eventsCursor]).to.deep.equal([
      { type: 'replay', reason: null },
      lastOf(witness),
    ]);
    const turnId = rig.daemon.registry.getConversation(threadId).activeTurnId;
    await again.call('turn/interrupt', { threadId, turnId });
    await done;
    await again.notification('turn/completed', ({ turn }) => turn.id === turnId);
    const story = after(again, reply, threadId);
    expect(story).to.deep.equal(numbered(witness.received).filter(({ seq }) => seq! > cursor.seq));
    expect(namesOf(story)).to.include('item/reasoning/textDelta').and.not.include('thread/goal/cleared');
  });

  it('that missed nothing is told so, and gets nothing again', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    const cursor = lastOf(client);
    const again = await rig.client();
    const reply = await resume(again, threadId, cursor);
    expect(reply.result.reattach).to.deep.equal({ type: 'current', reason: null });
    await again.runTurn(threadId, 'two');
    const seqs = after(again, reply, threadId).map(({ seq }) => seq);
    expect([seqs[0], areConsecutive(seqs)]).to.deep.equal([cursor.seq + 1, true]);
  });

  it('though it never was away gets nothing twice', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const { done } = await client.startTurn(threadId, 'deltas 100 16 1');
    for (let time = 1; time <= 5; time += 1) {
      await client.notification('item/agentMessage/delta', ({ delta }) => Number(delta) === time * 10);
      const reply = await resume(client, threadId, { ...lastOf(client), seq: 3 });
      expect(reply.result.reattach.type).to.equal('current');
    }
    await done;
    const seqs = numbered(client.received).map(({ seq }) => seq);
    expect(seqs).to.deep.equal(Array.from({ length: seqs.length }, (_, index) => index + 1));
  });

  it('from before a restart, from the future, or from too long ago takes the reply as it is', async () => {
    await rig.restart({ configOverrides: ['replay_bytes=3000'] });
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'deltas 100');
    const cursor = lastOf(client);
    const again = await rig.client();
    const told: unknown[] = [];
    for (const one of [
      { ...cursor, epoch: 'another' },
      { ...cursor, seq: cursor.seq + 1 },
      { ...cursor, seq: 3 },
    ]) {
      const reply = await resume(again, threadId, one, { excludeTurns: false });
      const [turn] = reply.result.thread.turns;
      expect(turn.items.at(-1).text).to.equal(deltasText(100));
      await again.call('thread/loaded/list', {});
      told.push([reply.result.reattach, namesOf(after(again, reply, threadId))]);
      await again.call('thread/unsubscribe', { threadId });
    }
    const shown = ['thread/tokenUsage/updated', 'thread/goal/cleared'];
    expect(told).to.deep.equal([
      [{ type: 'resync', reason: 'epoch_changed' }, shown],
      [{ type: 'resync', reason: 'ahead' }, shown],
      [{ type: 'resync', reason: 'expired' }, shown],
    ]);
    await rig.restart();
    const late = await rig.client();
    const { result } = await resume(late, threadId, cursor);
    expect(result.reattach).to.deep.equal({ type: 'resync', reason: 'epoch_changed' });
    expect(result.eventsCursor.epoch).to.not.equal(cursor.epoch);
  });

  it('learns what happened to a conversation that was unloaded and is loaded again', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    const cursor = lastOf(client);
    await client.runTurn(threadId, 'two');
    await rig.daemon.registry.removeConversation(threadId);
    const again = await rig.client();
    const reply = await resume(again, threadId, cursor);
    expect(reply.result.reattach).to.deep.equal({ type: 'replay', reason: null });
    await again.call('thread/loaded/list', {});
    const story = after(again, reply, threadId);
    expect(story).to.deep.equal(numbered(client.received).filter(({ seq }) => seq! > cursor.seq));
    expect(namesOf(story).slice(-3)).to.deep.equal(['thread/status/changed', 'thread/closed', 'thread/status/changed']);
  });

  it('is not told that it missed nothing when another program has written meanwhile', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    await rig.daemon.registry.removeConversation(threadId);
    await client.notification('thread/closed');
    const cursor = lastOf(client);
    appendFileSync(rig.rolloutFiles()[0]!, '\n');
    const { result } = await resume(client, threadId, cursor);
    expect(result.reattach).to.deep.equal({ type: 'resync', reason: 'expired' });
    // From here on it is known again.
    const { result: next } = await resume(await rig.client(), threadId, result.eventsCursor);
    expect(next.reattach).to.deep.equal({ type: 'current', reason: null });
  });

  it('is told of a revert in its place', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    const cursor = lastOf(client);
    const { id } = await client.runTurn(threadId, 'two');
    await client.call('thread/revert', { threadId, beforeTurnId: id });
    await client.runTurn(threadId, 'three');
    const again = await rig.client();
    const reply = await resume(again, threadId, cursor);
    await again.call('thread/loaded/list', {});
    const story = after(again, reply, threadId);
    expect(story).to.deep.equal(numbered(client.received).filter(({ seq }) => seq! > cursor.seq));
    expect(namesOf(story)).to.include('thread/reverted');
  });

  it('must say both what it has and of which life of the daemon', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    for (const half of [{ afterSeq: 1 }, { afterEpoch: 'e' }]) {
      expect((await client.ask('thread/resume', { threadId, ...half })).error?.code).to.equal(-32602);
    }
  });
});

describe('the place of a reply among the events', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  it('is told by start, resume and fork: what comes next is numbered from there', async () => {
    const client = await rig.client();
    const started = await client.call('thread/start', {});
    const threadId = started.thread.id as string;
    await client.runTurn(threadId, 'one');
    const resumed = await client.call('thread/resume', { threadId, excludeTurns: true });
    const forked = await client.call('thread/fork', { threadId, excludeTurns: true });
    await client.runTurn(forked.thread.id, 'in the fork');
    const events = numbered(client.received);
    const of = (id: string) =>
      events.filter(({ params }) => params?.['threadId'] === id || params?.['thread']?.id === id);
    const { epoch } = events[0]!;
    expect(started.eventsCursor).to.deep.equal({ epoch, seq: 0 });
    expect(of(threadId)[0]).to.deep.include({ epoch, seq: 1, method: 'thread/started' });
    const last = of(threadId).filter(({ method }) => method === 'turn/completed')[0]!;
    expect(resumed.eventsCursor).to.deep.equal({ epoch, seq: last.seq });
    // The usage that a fork begins with is told aside, at the place of the reply.
    const ofFork = of(forked.thread.id).filter(({ seq }) => seq! > forked.eventsCursor.seq);
    expect(ofFork.map(({ seq }) => seq! - forked.eventsCursor.seq)).to.deep.equal(ofFork.map((_, index) => index + 1));
    expect(ofFork[0]!.method).to.equal('thread/started');
  });
});
