import { expect } from 'chai';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts } from './wire-story.js';

const DELAY_MS = 1000;
const ROUNDS = 30;

/**
 * Milliseconds after the last client left at which a round asks: around the moment of unloading, 2 ms apart. The first
 * round is surely in time, the last one surely too late.
 */
function momentOf(round: number): number {
  if (round === 0) return DELAY_MS - 300;
  if (round === ROUNDS - 1) return DELAY_MS + 300;
  return DELAY_MS + 2 * (round - ROUNDS / 2);
}

describe('an idle conversation', () => {
  let rig: DaemonRig;
  let owner: CheckedClient;
  let other: CheckedClient;
  let witness: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start({ configOverrides: ['thread_unload_delay_secs=1'] });
    [owner, other, witness] = [await rig.client(), await rig.client(), await rig.client()];
  });
  afterEach(() => rig.close());

  const lockOf = (threadId: string): string => join(rig.home.path, 'thread-writer-locks', `${threadId}.lock`);
  const closings = (threadId: string): number =>
    witness.notificationsOf(threadId).filter(({ method }) => method === 'thread/closed').length;

  /** Conversations that were just left by their last client, one for each round. */
  async function leave(): Promise<string[]> {
    const ids = await Promise.all(Array.from({ length: ROUNDS }, () => owner.startThread()));
    await Promise.all(ids.map((threadId) => owner.runTurn(threadId, 'first')));
    await Promise.all(ids.map((threadId) => owner.call('thread/unsubscribe', { threadId })));
    return ids;
  }

  /** Resolves once all of them are unloaded; each was announced as often as its session ended. */
  async function expectUnloaded(ids: string[], loads: (threadId: string) => number): Promise<void> {
    await Promise.all(ids.map((threadId) => closedTimes(threadId, loads(threadId))));
    const { data } = await witness.call('thread/loaded/list', {});
    expect(data).to.deep.equal([]);
    for (const threadId of ids) {
      expect(closings(threadId)).to.equal(loads(threadId));
      expect(existsSync(lockOf(threadId)), 'the lock is gone').to.equal(false);
    }
  }

  async function closedTimes(threadId: string, times: number): Promise<void> {
    while (closings(threadId) < times) {
      await witness.next(({ method, params }) => method === 'thread/closed' && params!['threadId'] === threadId);
    }
  }

  it('that is resumed at the very moment of unloading is loaded and works, and is announced closed once', async () => {
    const ids = await leave();
    let reloaded = 0;
    const rounds = ids.map(async (threadId, round) => {
      await delay(momentOf(round));
      const { thread } = await other.call('thread/resume', { threadId });
      expect(thread.turns.map(agentTexts)).to.deep.equal([['echo: first']]);
      expect(rig.daemon.registry.getConversation(threadId).fanOut.subscriberCount).to.equal(1);
      const turn = await other.runTurn(threadId, 'second');
      expect([turn.status, agentTexts(turn)]).to.deep.equal(['completed', ['echo: second']]);
      const before = closings(threadId);
      reloaded += before;
      expect(before).to.be.lessThan(2);
      await other.call('thread/unsubscribe', { threadId });
      return [threadId, before + 1] as const;
    });
    const loads = new Map(await Promise.all(rounds));
    expect(reloaded, 'some came too late, some in time').to.be.within(1, ROUNDS - 1);
    await expectUnloaded(ids, (threadId) => loads.get(threadId)!);
    for (const file of rig.rolloutFiles()) {
      expect(readLines(file).filter(({ payload }) => payload.type === 'task_complete')).to.have.length(2);
    }
  });

  it('ends every turn that it was asked for at the very moment of unloading, or refuses it', async () => {
    const ids = await leave();
    let refused = 0;
    const rounds = ids.map(async (threadId, round) => {
      await delay(momentOf(round));
      // Not subscribed: nothing but the turn keeps the conversation loaded.
      const input = [{ type: 'text', text: 'second' }];
      const { error, result } = await other.ask('turn/start', { threadId, input });
      if (error !== undefined) {
        refused += 1;
        expect(error.data.reason).to.equal('conversation_not_found');
      } else {
        const { id } = result.turn;
        const file = rig.rolloutFiles().find((name) => name.includes(threadId))!;
        await closedTimes(threadId, 1);
        const ends = readLines(file).filter(({ payload }) => payload.turn_id === id && 'completed_at' in payload);
        expect(ends).to.have.length(1);
      }
    });
    await Promise.all(rounds);
    expect(refused, 'some came too late, some in time').to.be.within(1, ROUNDS - 1);
    await expectUnloaded(ids, () => 1);
  });

  it('refuses a turn whose image is still being read when the conversation is let go, and does nothing of it', async () => {
    const image = join(rig.home.workspace, 'image.png');
    // Large enough not to be read before the next message is.
    writeFileSync(image, Buffer.alloc(8 * 1024 * 1024));
    const ids = await Promise.all(Array.from({ length: ROUNDS }, () => owner.startThread()));
    const rounds = ids.map(async (threadId) => {
      const conversation = rig.daemon.registry.getConversation(threadId);
      const started = new Promise<string>((resolve) => {
        conversation.request(
          { type: 'startTurn', input: [{ type: 'localImage', path: image }], clientId: null, overrides: {} },
          { onResult: () => resolve('started'), onError: ({ code }) => resolve(code) },
        );
      });
      await rig.daemon.registry.removeConversation(threadId);
      expect(await started).to.equal('session_over');
      expect((await witness.ask('thread/read', { threadId })).error?.data.reason).to.equal('conversation_not_loaded');
    });
    await Promise.all(rounds);
    expect(rig.model.requestCount, 'the model was not asked').to.equal(0);
    await expectUnloaded(ids, () => 1);
  });

  it('that is resumed the moment its end is announced, by many at once, is loaded once', async () => {
    const threadId = await owner.startThread();
    await owner.runTurn(threadId, 'first');
    const early = witness.notification(
      'thread/status/changed',
      (params) => params['threadId'] === threadId && params['status'].type === 'notLoaded',
    );
    const late = witness.notification('thread/closed', (params) => params['threadId'] === threadId);
    await owner.call('thread/unsubscribe', { threadId });
    const resumed = [early, late].flatMap((moment) =>
      [owner, other].map(async (client) => {
        await moment;
        return client.call('thread/resume', { threadId });
      }),
    );
    for (const { thread } of await Promise.all(resumed)) expect(thread.id).to.equal(threadId);
    expect((await other.runTurn(threadId, 'second')).status).to.equal('completed');
    expect(closings(threadId)).to.equal(1);
    await Promise.all([owner, other].map((client) => client.call('thread/unsubscribe', { threadId })));
    await expectUnloaded([threadId], () => 2);
  });
});
