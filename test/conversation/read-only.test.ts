import { expect } from 'chai';
import { renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Daemon } from '../../src/daemon.js';
import { CheckedClient } from '../support/checked-client.js';
import type { WireMessage } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts, areConsecutive, namesOf } from './wire-story.js';

/** What a client that looks on heard of a conversation, less what is told of it to everybody. */
function heardOf(client: CheckedClient, threadId: string): WireMessage[] {
  return client.notificationsOf(threadId).filter(({ method }) => method !== 'thread/readState/changed');
}

const statusOf = ({ params }: WireMessage): string => params!['status'].type;

describe('looking on at a conversation of another daemon', () => {
  let rig: DaemonRig;
  let owner: Daemon;
  let driver: CheckedClient;
  let viewer: CheckedClient;
  let threadId: string;
  const self = { pid: process.pid, command: 'node' };

  beforeEach(async () => {
    rig = await DaemonRig.start();
    owner = await rig.startSecondDaemon();
    driver = await CheckedClient.connect(owner.url, { token: rig.token });
    viewer = await rig.client();
    rig.clients.push(driver);
    threadId = await driver.startThread();
    await driver.runTurn(threadId, 'one');
  });
  afterEach(async () => {
    await owner.close();
    await rig.close();
  });

  const attach = (client = viewer, more = {}): Promise<any> =>
    client.call('thread/resume', { threadId, readOnly: true, ...more });
  const ended = (turnId: string): Promise<WireMessage> =>
    viewer.notification('turn/completed', ({ turn }) => turn.id === turnId);

  it('shows what is recorded, says who owns it, and takes nothing', async () => {
    const refused = await viewer.ask('thread/resume', { threadId });
    expect(refused.error?.data).to.deep.include({ holderPid: process.pid, readOnlyPossible: true });
    const result = await attach();
    expect([result.readOnly, result.owner.pid]).to.deep.equal([true, process.pid]);
    const { status, canAcceptDirectInput, environments, turns } = result.thread;
    expect({ status, canAcceptDirectInput, environments }).to.deep.equal({
      status: { type: 'idle' },
      canAcceptDirectInput: false,
      environments: null,
    });
    expect(turns.map(agentTexts)).to.deep.equal([['echo: one']]);
    expect((await viewer.call('thread/loaded/list', {})).data).to.deep.equal([]);
    const again = await driver.call('thread/resume', { threadId });
    const settings = ({ model, modelProvider, cwd, approvalPolicy, sandbox, reasoningEffort }: any): unknown => ({
      model,
      modelProvider,
      cwd,
      approvalPolicy,
      sandbox,
      reasoningEffort,
    });
    expect(settings(result)).to.deep.equal(settings(again));
    expect(again.readOnly).to.equal(undefined);
  });

  it('lets hear within a second what is recorded: turns as they begin and end, items when they are whole', async () => {
    await attach();
    const from = viewer.received.length;
    const { turnId, done } = await driver.startTurn(threadId, 'two');
    const turn = await done;
    const endedAt = performance.now();
    const heardEnd = await ended(turnId);
    expect(performance.now() - endedAt).to.be.lessThan(1000);
    const story = heardOf(viewer, threadId).filter((message) => viewer.received.indexOf(message) >= from);
    expect(namesOf(story)).to.deep.equal(
      [
        'thread/goal/cleared',
        'thread/status/changed',
        'turn/started',
        'item/completed',
        'item/completed',
        'thread/tokenUsage/updated',
        'thread/status/changed',
        'turn/completed',
      ].filter((name) => name !== 'thread/goal/cleared'),
    );
    const theirs = driver
      .notificationsOf(threadId)
      .filter(({ method }) => method === 'item/completed')
      .slice(-2);
    const items = story.filter(({ method }) => method === 'item/completed');
    expect(items.map(({ params }) => params)).to.deep.equal(theirs.map(({ params }) => params));
    expect(heardEnd.params!['turn']).to.deep.equal(turn);
    expect(story.map(({ seq }) => seq)).to.satisfy(areConsecutive);
  });

  it('shows a turn that runs as running, in every answer, and refuses to touch it with the name of its owner', async () => {
    const { turnId } = await driver.startTurn(threadId, 'hang');
    await driver.notification('item/agentMessage/delta', (params) => params['turnId'] === turnId);
    const { thread } = await attach();
    expect([thread.status.type, thread.turns.at(-1).status]).to.deep.equal(['active', 'inProgress']);
    const read = await viewer.call('thread/read', { threadId, includeTurns: true });
    const page = await viewer.call('thread/turns/list', { threadId });
    const list = await viewer.call('thread/list', {});
    expect([read.thread.status.type, read.thread.turns.at(-1).status, page.data[0].status]).to.deep.equal([
      'active',
      'inProgress',
      'inProgress',
    ]);
    expect(list.data.map(({ status }: any) => status.type)).to.deep.equal(['active']);
    const refusals = await Promise.all([
      viewer.ask('turn/start', { threadId, input: [{ type: 'text', text: 'mine' }] }),
      viewer.ask('turn/steer', { threadId, expectedTurnId: turnId, input: [{ type: 'text', text: 'mine' }] }),
      viewer.ask('turn/interrupt', { threadId, turnId }),
      viewer.ask('thread/revert', { threadId, beforeTurnId: turnId }),
      viewer.ask('thread/settings/update', { threadId, model: 'm' }),
      viewer.ask('thread/inject_items', { threadId, items: [{ type: 'message', role: 'user', content: [] }] }),
      viewer.ask('thread/archive', { threadId }),
      viewer.ask('thread/delete', { threadId }),
    ]);
    for (const { error } of refusals) {
      expect(error?.data).to.deep.include({ reason: 'already_has_writer', holderPid: process.pid });
    }
    await driver.call('turn/interrupt', { threadId, turnId });
    expect((await ended(turnId)).params!['turn'].status).to.equal('interrupted');
    const back = heardOf(viewer, threadId).filter(({ method }) => method === 'thread/status/changed');
    expect(statusOf(back.at(-1)!)).to.equal('idle');
  });

  it('goes over into owning it with gap-free numbers: all who looked on hear its turns to their deltas', async () => {
    const other = await rig.client();
    await attach();
    await attach(other);
    await driver.runTurn(threadId, 'two');
    await owner.close();
    const freed = await viewer.notification('thread/owner/changed', (params) => params['owner'] === null);
    const { thread, readOnly } = await viewer.call('thread/resume', { threadId });
    expect([thread.turns.map(agentTexts), readOnly]).to.deep.equal([[['echo: one'], ['echo: two']], undefined]);
    await viewer.runTurn(threadId, 'three');
    await other.notification('turn/completed', ({ turn }) => turn.items[0]?.text === 'echo: three');
    for (const client of [viewer, other]) {
      const numbered = client.notificationsOf(threadId);
      // What a reply is followed by has the number of the reply's place.
      expect([...new Set(numbered.map(({ seq }) => seq))]).to.satisfy(areConsecutive);
      const owners = numbered.filter(({ method }) => method === 'thread/owner/changed');
      expect(owners.map(({ params }) => params!['owner']?.pid ?? null)).to.deep.equal([null, process.pid]);
      const texts = numbered.filter(
        ({ method, params }) => method === 'item/completed' && params!['item'].type === 'agentMessage',
      );
      expect(texts.map(({ params }) => params!['item'].text)).to.deep.equal(['echo: two', 'echo: three']);
      expect(numbered.some(({ method }) => method === 'item/agentMessage/delta')).to.equal(true);
    }
    expect(freed.epoch).to.equal(viewer.received.at(-1)!.epoch);
    const lines = readLines(rig.rolloutFiles()[0]!);
    expect(lines.map(({ ordinal }) => ordinal)).to.deep.equal(lines.map((_line, index) => index));
  });

  it('replays what a client missed that comes back, also over the time in which nobody looked on and nothing was said', async () => {
    const { eventsCursor } = await attach();
    await driver.runTurn(threadId, 'two');
    await viewer.notification('turn/completed', ({ turn }) => turn.items[0]?.text === 'echo: two');
    const seen = heardOf(viewer, threadId).filter(({ seq }) => seq! > eventsCursor.seq);
    await viewer.close();
    const back = await rig.client();
    const after = { afterEpoch: eventsCursor.epoch, afterSeq: eventsCursor.seq };
    const { reattach } = await attach(back, after);
    expect(reattach).to.deep.equal({ type: 'replay', reason: null });
    await back.notification('turn/completed');
    expect(heardOf(back, threadId)).to.deep.equal(seen);
    await back.call('thread/unsubscribe', { threadId });
    await driver.runTurn(threadId, 'three');
    expect((await attach(back, after)).reattach).to.deep.equal({ type: 'resync', reason: 'expired' });
  });

  it('is an ordinary resume where the daemon owns it itself', async () => {
    const result = await driver.call('thread/resume', { threadId, readOnly: true });
    expect([result.readOnly, result.thread.status.type, result.thread.canAcceptDirectInput]).to.deep.equal([
      undefined,
      'idle',
      true,
    ]);
    expect((await driver.runTurn(threadId, 'two')).status).to.equal('completed');
  });

  it('loads nothing where nobody owns it, and tells when somebody takes it', async () => {
    await owner.registry.removeConversation(threadId);
    const result = await attach();
    expect([result.readOnly, result.owner, result.thread.status.type]).to.deep.equal([true, null, 'notLoaded']);
    const started = await viewer.ask('turn/start', { threadId, input: [{ type: 'text', text: 'x' }] });
    expect(started.error?.data.reason).to.equal('conversation_not_found');
    await driver.call('thread/resume', { threadId });
    const taken = await viewer.notification('thread/owner/changed');
    expect(taken.params).to.deep.equal({ threadId, owner: { ...self, command: taken.params!['owner'].command } });
    const statuses = heardOf(viewer, threadId).filter(({ method }) => method === 'thread/status/changed');
    expect(statuses.map(statusOf)).to.deep.equal(['idle']);
  });

  it('is left by whoever unsubscribes or goes: then nothing is looked at any more', async () => {
    const { registry } = rig.daemon;
    const other = await rig.client();
    await attach();
    await attach(other);
    expect(await viewer.call('thread/unsubscribe', { threadId })).to.deep.equal({ status: 'unsubscribed' });
    expect(await viewer.call('thread/unsubscribe', { threadId })).to.deep.equal({ status: 'notSubscribed' });
    expect(registry.watches.find(threadId)).to.not.equal(null);
    await other.close();
    expect(await viewer.call('thread/unsubscribe', { threadId })).to.deep.equal({ status: 'notLoaded' });
    expect(registry.watches.find(threadId)).to.equal(null);
  });

  it('goes on in the next file after a revert, and ends when the conversation is archived', async () => {
    const second = await driver.runTurn(threadId, 'two');
    await attach();
    await driver.call('thread/revert', { threadId, beforeTurnId: second.id });
    await viewer.notification('thread/reverted');
    await driver.runTurn(threadId, 'three');
    await viewer.notification('turn/completed', ({ turn }) => turn.items[0]?.text === 'echo: three');
    const read = await viewer.call('thread/read', { threadId, includeTurns: true });
    expect(read.thread.turns.map(agentTexts)).to.deep.equal([['echo: one'], ['echo: three']]);
    await driver.call('thread/archive', { threadId });
    await viewer.notification('thread/closed');
    expect(rig.daemon.registry.watches.find(threadId)).to.equal(null);
    expect((await viewer.ask('thread/resume', { threadId, readOnly: true })).error?.data.reason).to.equal(
      'conversation_archived',
    );
  }).timeout(30_000);

  it('needs a file, by id or by path, and the experimental capability', async () => {
    const plain = await rig.client({ experimentalApi: false });
    const empty = await driver.startThread();
    const [file] = rig.rolloutFiles();
    const replies = [
      await plain.ask('thread/resume', { threadId, readOnly: true }),
      await viewer.ask('thread/resume', { threadId: empty, readOnly: true }),
      await viewer.ask('thread/resume', { threadId: 'none', readOnly: true }),
      await viewer.ask('thread/resume', { threadId: 'ignored', path: file, readOnly: true }),
    ];
    expect(replies.map(({ error, result }) => error?.data?.reason ?? error?.message ?? result.thread.id)).to.deep.equal(
      [
        'thread/resume.readOnly requires experimentalApi capability',
        'rollout_not_found',
        'invalid_thread_id',
        threadId,
      ],
    );
    renameSync(file!, join(rig.home.path, basename(file!)));
    await viewer.notification('thread/closed');
  }).timeout(30_000);
});
