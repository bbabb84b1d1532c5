import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts, namesOf } from './wire-story.js';

describe('thread/unload', () => {
  let rig: DaemonRig;
  let owner: CheckedClient;
  let witness: CheckedClient;
  before(async () => {
    rig = await DaemonRig.start();
    [owner, witness] = [await rig.client(), await rig.client()];
  });
  after(() => rig.close());

  const lockOf = (threadId: string): string => join(rig.home.path, 'thread-writer-locks', `${threadId}.lock`);
  const fileOf = (threadId: string): string => rig.rolloutFiles().find((name) => name.includes(threadId))!;

  async function recorded(): Promise<string> {
    const threadId = await owner.startThread();
    await owner.runTurn(threadId, 'first');
    return threadId;
  }

  /** Everybody is told before the reply comes. */
  async function expectUnloaded(threadId: string): Promise<void> {
    for (const client of [owner, witness]) {
      await client.notification('thread/closed', (params) => params['threadId'] === threadId);
      expect(namesOf(client.notificationsOf(threadId)).slice(-2)).to.deep.equal([
        'thread/status/changed',
        'thread/closed',
      ]);
    }
    const { data } = await witness.call('thread/loaded/list', {});
    expect([data.includes(threadId), existsSync(lockOf(threadId))]).to.deep.equal([false, false]);
  }

  it('unloads for all clients: the lock is free within a second, and the file stays as it is', async () => {
    const threadId = await recorded();
    const before = readFileSync(fileOf(threadId));
    const askedAt = performance.now();
    expect(await witness.call('thread/unload', { threadId })).to.deep.equal({});
    expect(existsSync(lockOf(threadId))).to.equal(false);
    expect(performance.now() - askedAt).to.be.lessThan(1000);
    await expectUnloaded(threadId);
    expect(readFileSync(fileOf(threadId)).equals(before)).to.equal(true);
    expect(await witness.call('thread/unload', { threadId })).to.deep.equal({});
    const { error } = await owner.ask('turn/start', { threadId, input: [{ type: 'text', text: 'x' }] });
    expect(error?.data.reason).to.equal('conversation_not_found');
    expect((await owner.call('thread/resume', { threadId })).thread.turns.map(agentTexts)).to.deep.equal([
      ['echo: first'],
    ]);
  });

  it('is refused while a turn runs, also one whose start was only just asked for, and changes nothing then', async () => {
    const threadId = await recorded();
    const asked = owner.ask('turn/start', { threadId, input: [{ type: 'text', text: 'hang' }] });
    const [{ error }, { result }] = await Promise.all([owner.ask('thread/unload', { threadId }), asked]);
    const turnId = result.turn.id;
    expect([error?.code, error?.data]).to.deep.equal([-32600, { reason: 'turn_running', turnId }]);
    const { thread } = await witness.call('thread/read', { threadId });
    expect(thread.status.type).to.equal('active');
    await owner.call('turn/interrupt', { threadId, turnId });
    expect(await owner.call('thread/unload', { threadId })).to.deep.equal({});
    await expectUnloaded(threadId);
  });

  it('with interrupt ends a running turn, with the text so far, and frees the lock within a second', async () => {
    const threadId = await recorded();
    const { turnId, done } = await owner.startTurn(threadId, 'hang');
    await owner.notification('item/agentMessage/delta', (params) => params['turnId'] === turnId);
    const askedAt = performance.now();
    expect(await witness.call('thread/unload', { threadId, interrupt: true })).to.deep.equal({});
    expect(existsSync(lockOf(threadId))).to.equal(false);
    expect(performance.now() - askedAt).to.be.lessThan(1000);
    expect((await done).status).to.equal('interrupted');
    await expectUnloaded(threadId);
    expect(readLines(fileOf(threadId)).at(-1)!['payload']).to.deep.include({ type: 'turn_aborted', turn_id: turnId });
    const { thread } = await witness.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.map(agentTexts)).to.deep.equal([['echo: first'], ['hanging']]);
  });

  it('works while a conversation is being loaded, changed or ended, by many at once', async () => {
    const threadId = await recorded();
    await owner.call('thread/unload', { threadId });
    const client = await rig.client();
    // By its path, so that it does not wait for its turn.
    const loading = owner.ask('thread/resume', { threadId: 'ignored', path: fileOf(threadId) });
    const unloading = [client, witness, client].map((asker) => asker.ask('thread/unload', { threadId }));
    const replies = await Promise.all([...unloading, owner.ask('thread/name/set', { threadId, name: 'n' })]);
    expect(replies.map(({ error, result }) => error ?? result)).to.deep.equal(replies.map(() => ({})));
    // It was asked for first, and may have been let go before it could be joined.
    expect((await loading).error?.data.reason ?? 'resumed').to.be.oneOf(['resumed', 'session_failed']);
    await client.call('thread/unload', { threadId });
    await expectUnloaded(threadId);
  });

  it('refuses what is neither loaded nor on disk, and clients without the experimental capability', async () => {
    const plain = await rig.client({ experimentalApi: false });
    const empty = await owner.startThread();
    const replies = [
      await owner.ask('thread/unload', { threadId: empty }),
      await owner.ask('thread/unload', { threadId: empty }),
      await owner.ask('thread/unload', { threadId: 'none' }),
      await plain.ask('thread/unload', { threadId: empty }),
    ];
    expect(replies.map(({ error }) => error?.data?.reason ?? error?.message ?? null)).to.deep.equal([
      null,
      'conversation_not_loaded',
      'invalid_thread_id',
      'thread/unload requires experimentalApi capability',
    ]);
  });
});
