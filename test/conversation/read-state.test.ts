import { expect } from 'chai';
import { mkdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CheckedClient } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { runTurns } from './branch-story.js';

const CHANGED = 'thread/readState/changed';

interface ReadState {
  firstUnread: { type: string; turnId?: string } | null;
  revision: string;
}

/** As both kinds of thread/read tell it, which must be the same. */
async function readStateOf(client: CheckedClient, threadId: string): Promise<ReadState> {
  const states: ReadState[] = [];
  for (const includeTurns of [false, true]) {
    states.push((await client.call('thread/read', { threadId, includeTurns })).readState);
  }
  expect(states[1]).to.deep.equal(states[0]);
  return states[0]!;
}

function update(client: CheckedClient, threadId: string, type: string, expectedRevision: string) {
  return client.ask('thread/readState/update', { threadId, operation: { type }, expectedRevision });
}

/** All that were told of a thread, oldest first. */
function told(client: CheckedClient, threadId: string): ReadState[] {
  return client
    .notificationsOf(threadId)
    .filter(({ method }) => method === CHANGED)
    .map(({ params }) => params!['readState'] as ReadState);
}

describe('the read state of a conversation', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  let turns: string[];
  beforeEach(async () => {
    rig = await DaemonRig.start({ configOverrides: ['thread_unload_delay_secs=1'] });
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
    turns = await runTurns(client, threadId, ['one', 'two']);
  });
  afterEach(() => rig.close());

  const notes = (): string => join(rig.home.path, 'rolloutd', 'read-states.jsonl');
  const idsOfNotes = (): string[] =>
    readFileSync(notes(), 'utf8')
      .trim()
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { id: string }).id]));
  const listed = async (of: CheckedClient, archived = false): Promise<Record<string, ReadState>> =>
    (await of.call('thread/list', { archived })).readStates;

  async function unload(): Promise<void> {
    await client.call('thread/unsubscribe', { threadId });
    await client.notification('thread/closed', (params) => params['threadId'] === threadId);
  }

  it('begins with the first turn that ended, and is the same in reads and lists, unloaded, resumed and restarted', async () => {
    const [first, state] = told(client, threadId);
    expect([first, state].map((each) => each?.firstUnread)).to.deep.equal([
      { type: 'turn', turnId: turns[0] },
      { type: 'turn', turnId: turns[0] },
    ]);
    expect(first!.revision).to.not.equal(state!.revision);
    const expectKept = async (): Promise<void> => {
      expect(await readStateOf(client, threadId)).to.deep.equal(state);
      expect(await listed(client)).to.deep.equal({ [threadId]: state });
    };
    await expectKept();
    await unload();
    await expectKept();
    await client.call('thread/resume', { threadId });
    await expectKept();
    await rig.restart();
    client = await rig.client();
    await expectKept();
    await client.call('thread/resume', { threadId });
    await runTurns(client, threadId, ['three']);
    expect(told(client, threadId)[0]!.firstUnread).to.deep.equal({ type: 'turn', turnId: turns[0] });
  });

  it('is noted before any client is told, whoever is killed then', async () => {
    await rig.daemon.close();
    const program = { home: rig.home.path };
    for (const text of ['three', 'four']) {
      const daemon = await startDaemonProcess(program);
      const killer = await CheckedClient.connect(daemon.url, { token: daemon.token! });
      const before = (await killer.call('thread/read', { threadId })).readState;
      await update(killer, threadId, 'read', before.revision);
      await killer.call('thread/resume', { threadId });
      const isUnread = killer.next(({ method, params }) => method === CHANGED && params!['readState'].firstUnread);
      await killer.startTurn(threadId, text);
      const { params } = await isUnread;
      await daemon.kill('SIGKILL');
      const next = await startDaemonProcess(program);
      const reader = await CheckedClient.connect(next.url, { token: next.token! });
      expect(await readStateOf(reader, threadId)).to.deep.equal(params!['readState']);
      expect(await listed(reader)).to.deep.equal({ [threadId]: params!['readState'] });
      await reader.close();
      await next.stop();
    }
    await rig.restart();
  });

  it('is marked as read and as unread, which everybody who is subscribed hears before the answer', async () => {
    const [subscribed, stranger] = [await rig.client(), await rig.client()];
    await subscribed.call('thread/resume', { threadId });
    for (const [operation, firstUnread] of [
      ['read', null],
      ['read', null],
      ['unread', { type: 'threadStart' }],
      ['unread', { type: 'threadStart' }],
    ] as const) {
      const { revision } = await readStateOf(stranger, threadId);
      const { result } = await update(client, threadId, operation, revision);
      expect(result.readState.firstUnread).to.deep.equal(firstUnread);
      expect(result.readState.revision).to.not.equal(revision);
      expect(told(client, threadId).at(-1), 'before the answer').to.deep.equal(result.readState);
      await subscribed.notification(CHANGED, ({ readState }) => readState.revision === result.readState.revision);
      expect(await readStateOf(stranger, threadId)).to.deep.equal(result.readState);
    }
    await runTurns(client, threadId, ['three']);
    expect(told(client, threadId).at(-1)!.firstUnread, 'a turn does not change it').to.deep.equal({
      type: 'threadStart',
    });
    expect(told(stranger, threadId)).to.deep.equal([]);
  });

  it('is not changed by a client that has not seen it', async () => {
    const seen = told(client, threadId)[0]!;
    const { error } = await update(client, threadId, 'read', seen.revision);
    const readState = await readStateOf(client, threadId);
    expect(error).to.deep.equal({
      code: -32600,
      message: 'read state changed',
      data: { reason: 'readStateConflict', readState },
    });
    expect(readState).to.deep.equal(told(client, threadId).at(-1));
  });

  it('is changed of unloaded and archived conversations too, and nobody hears of it', async () => {
    await unload();
    const heard = told(client, threadId).length;
    const unread = await readStateOf(client, threadId);
    const { result } = await update(client, threadId, 'read', unread.revision);
    expect(result.readState.firstUnread).to.equal(null);
    expect((await update(client, threadId, 'read', unread.revision)).error!.data.readState).to.deep.equal(
      result.readState,
    );
    await client.call('thread/archive', { threadId });
    expect(await listed(client, true)).to.deep.equal({ [threadId]: result.readState });
    const marked = (await update(client, threadId, 'unread', result.readState.revision)).result.readState;
    await client.call('thread/unarchive', { threadId });
    expect(await readStateOf(client, threadId)).to.deep.equal(marked);
    expect(told(client, threadId)).to.have.length(heard);
    expect((await client.call('thread/loaded/list', {})).data).to.deep.equal([]);
  });

  it('tells nothing unread once a revert took the first unread turn back, and only then', async () => {
    const before = told(client, threadId).length;
    await client.call('thread/revert', { threadId, beforeTurnId: turns[1] });
    expect(told(client, threadId), 'the first unread turn is still there').to.have.length(before);
    expect((await readStateOf(client, threadId)).firstUnread).to.deep.equal({ type: 'turn', turnId: turns[0] });
    const { revision } = await readStateOf(client, threadId);
    await update(client, threadId, 'read', revision);
    await runTurns(client, threadId, ['three', 'four']);
    await client.call('thread/revert', { threadId, beforeTurnId: turns[0] });
    const methods = client.notificationsOf(threadId).map(({ method }) => method);
    expect(methods.slice(-2)).to.deep.equal([CHANGED, 'thread/reverted']);
    const last = told(client, threadId).at(-1)!;
    expect(last.firstUnread).to.equal(null);
    await rig.restart();
    client = await rig.client();
    expect((await client.call('thread/read', { threadId })).readState).to.deep.equal(last);
  });

  it('knows in which of its files the first unread turn is', async () => {
    const firstUnread = async (): Promise<unknown> =>
      (await client.call('thread/read', { threadId })).readState.firstUnread?.turnId ?? null;
    const revert = (beforeTurnId: string | undefined) => client.call('thread/revert', { threadId, beforeTurnId });
    await revert(turns[1]);
    const [three] = await runTurns(client, threadId, ['three', 'four']);
    await revert(three);
    expect(await firstUnread(), 'in the file before').to.equal(turns[0]);
    await update(client, threadId, 'read', (await readStateOf(client, threadId)).revision);
    const [five, six] = await runTurns(client, threadId, ['five', 'six']);
    await revert(six);
    expect(await firstUnread(), 'in the same file').to.equal(five);
    await revert(turns[0]);
    expect(await firstUnread(), 'behind the cut').to.equal(null);
  });

  it('keeps what somebody marked when turns are taken back', async () => {
    const { revision } = await readStateOf(client, threadId);
    const { result } = await update(client, threadId, 'unread', revision);
    await client.call('thread/revert', { threadId, beforeTurnId: turns[0] });
    expect((await client.call('thread/read', { threadId })).readState).to.deep.equal(result.readState);
  });

  it('is not that of its source in a fork, and goes with the conversation', async () => {
    const fork = (await client.call('thread/fork', { threadId })).thread.id as string;
    expect(await readStateOf(client, fork)).to.deep.equal({ firstUnread: null, revision: `initial:${fork}` });
    const [turnId] = await runTurns(client, fork, ['in the fork']);
    expect((await readStateOf(client, fork)).firstUnread).to.deep.equal({ type: 'turn', turnId });
    expect(new Set(idsOfNotes())).to.deep.equal(new Set([threadId, fork]));
    await client.call('thread/delete', { threadId: fork });
    expect(new Set(idsOfNotes())).to.deep.equal(new Set([threadId]));
    const { error } = await update(client, fork, 'read', `initial:${fork}`);
    expect([error!.code, error!.message]).to.deep.equal([-32600, `thread not loaded: ${fork}`]);
  });

  it('does not exist of ephemeral conversations, which have no first words either, nor of those without a file', async () => {
    const refused = async (id: string, reason: string): Promise<void> => {
      const { error } = await update(client, id, 'unread', `initial:${id}`);
      expect(error).to.deep.equal({ code: -32600, message: 'thread read state unavailable', data: { reason } });
    };
    const ephemeral = await client.startThread({ ephemeral: true });
    await runTurns(client, ephemeral, ['in memory']);
    const { thread, readState } = await client.call('thread/read', { threadId: ephemeral });
    expect([thread.preview, readState, told(client, ephemeral)]).to.deep.equal(['', null, []]);
    await refused(ephemeral, 'unsupported_for_thread');
    const fresh = await client.startThread();
    expect((await client.call('thread/read', { threadId: fresh })).readState).to.equal(null);
    await refused(fresh, 'history_not_materialized');
    await client.call('thread/name/set', { threadId: fresh, name: 'named' });
    const initial = { firstUnread: null, revision: `initial:${fresh}` };
    expect((await client.call('thread/read', { threadId: fresh })).readState).to.deep.equal(initial);
    const { result } = await update(client, fresh, 'unread', initial.revision);
    expect(result.readState.firstUnread).to.deep.equal({ type: 'threadStart' });
  });

  it('is told although it cannot be noted', async () => {
    const { revision } = await readStateOf(client, threadId);
    await update(client, threadId, 'read', revision);
    unlinkSync(notes());
    mkdirSync(notes());
    const ended = await client.runTurn(threadId, 'three');
    expect(ended.status).to.equal('completed');
    expect(told(client, threadId).at(-1)!.firstUnread).to.deep.equal({ type: 'turn', turnId: ended.id });
    rmdirSync(notes());
  });
});
