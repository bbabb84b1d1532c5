import { expect } from 'chai';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DaemonRig } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { runTurns, wordsByPage, wordsByRead } from './branch-story.js';

describe('conversations that leave the list', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  let turns: string[];
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
    turns = await runTurns(client, threadId, ['one', 'two']);
  });
  afterEach(() => rig.close());

  const refused = async (method: string, params: Record<string, unknown> = {}) => {
    const { error } = await client.ask(method, { threadId, ...params });
    return [error?.code, error?.message];
  };
  const listed = async (archived: boolean): Promise<string[]> =>
    (await client.call('thread/list', { archived })).data.map((thread: any) => thread.id);
  const locks = (): string[] =>
    readdirSync(join(rig.home.path, 'thread-writer-locks')).filter((name) => name.endsWith(`${threadId}.lock`));

  it('go into the archive with all their files, can be read there, and come back', async () => {
    await client.call('thread/revert', { threadId, beforeTurnId: turns[1] });
    await runTurns(client, threadId, ['other two']);
    const other = await rig.client();
    const reply = await client.ask('thread/archive', { threadId });
    expect(reply.result).to.deep.equal({});
    await other.notification('thread/archived');
    const status = await other.notification('thread/status/changed', (params) => params.status.type === 'notLoaded');
    expect(status.params!['threadId']).to.equal(threadId);
    expect(locks()).to.deep.equal([]);
    expect(rig.rolloutFiles()).to.deep.equal([]);
    expect(readdirSync(join(rig.home.path, 'archived_sessions'))).to.have.length(2);
    expect([await listed(false), await listed(true)]).to.deep.equal([[], [threadId]]);
    expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'other two']);
    expect(await refused('thread/resume'))
      .to.have.nested.property('[1]')
      .that.contains('is archived');
    expect(await refused('thread/fork'))
      .to.have.nested.property('[1]')
      .that.contains('is archived');
    const again = `no rollout found for thread id ${threadId}`;
    expect(await refused('thread/archive')).to.deep.equal([-32600, again]);
    const back = await client.call('thread/unarchive', { threadId });
    expect(back.thread).to.include({ id: threadId, preview: 'one' });
    expect(back.thread.status).to.deep.equal({ type: 'notLoaded' });
    await other.notification('thread/unarchived');
    expect(await refused('thread/unarchive')).to.deep.equal([
      -32600,
      `no archived rollout found for thread id ${threadId}`,
    ]);
    await client.call('thread/resume', { threadId });
    await runTurns(client, threadId, ['three']);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'other two', 'three']);
  });

  it('end a running turn as interrupted on their way', async () => {
    rig.model.script(async (_request, reply) => {
      reply.create();
      reply.startMessage();
      reply.delta('so far');
      await reply.closed;
    });
    const { done } = await client.startTurn(threadId, 'tell me');
    await client.notification('item/agentMessage/delta', ({ delta }) => delta === 'so far');
    await client.call('thread/archive', { threadId });
    expect((await done).status).to.equal('interrupted');
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.at(-1).items.at(-1)).to.include({ text: 'so far', partial: true });
  });

  it('in the archive still serve those that were forked from them', async () => {
    const fork = (await client.call('thread/fork', { threadId })).thread.id;
    await client.call('thread/archive', { threadId });
    await runTurns(client, fork, ['on']);
    await rig.restart();
    client = await rig.client();
    await client.call('thread/resume', { threadId: fork });
    expect(await wordsByRead(client, fork)).to.deep.equal(['one', 'two', 'on']);
  });

  it('are deleted with everything that is theirs', async () => {
    await client.call('thread/name/set', { threadId, name: 'doomed' });
    await client.call('thread/metadata/update', { threadId, gitInfo: { branch: 'x' } });
    await client.call('thread/revert', { threadId, beforeTurnId: turns[1] });
    const other = await rig.client();
    expect(await client.call('thread/delete', { threadId })).to.deep.equal({ deletedThreadIds: [threadId] });
    await other.notification('thread/deleted');
    expect(rig.rolloutFiles()).to.deep.equal([]);
    expect(locks()).to.deep.equal([]);
    const left = (readdirSync(rig.home.path, { recursive: true }) as string[]).filter((name) =>
      name.includes(threadId),
    );
    expect(left).to.deep.equal([]);
    expect(await refused('thread/read')).to.deep.equal([-32600, `thread not loaded: ${threadId}`]);
    expect(await refused('thread/delete')).to.deep.equal([-32600, `no rollout found for thread id ${threadId}`]);
    expect(await refused('thread/resume')).to.deep.equal([-32600, `no rollout found for thread id ${threadId}`]);
  });

  it('are not deleted while forks go on from them: nothing changes, and the forks are named', async () => {
    const fork = (await client.call('thread/fork', { threadId })).thread.id;
    await client.call('thread/name/set', { threadId: fork, name: 'heir' });
    const { turnId, done } = await client.startTurn(threadId, 'three');
    const { error } = await client.ask('thread/delete', { threadId });
    expect(error).to.deep.include({ code: -32600 });
    expect(error!.message).to.contain(`cannot delete thread ${threadId}: forked history still references it`);
    expect(error!.data.reason).to.equal('forks_depend_on_it');
    expect(error!.data.forks.map(({ id, name }: any) => [id, name])).to.deep.equal([[fork, 'heir']]);
    expect(await done).to.include({ id: turnId, status: 'completed' });
    await runTurns(client, threadId, ['four']);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'two', 'three', 'four']);
  });

  it('take their forks along when told to, however far', async () => {
    const child = (await client.call('thread/fork', { threadId })).thread.id;
    await runTurns(client, child, ['child']);
    const grandchild = (await client.call('thread/fork', { threadId: child })).thread.id;
    const apart = await client.startThread();
    await runTurns(client, apart, ['apart']);
    await client.call('thread/archive', { threadId: grandchild });
    const { deletedThreadIds } = await client.call('thread/delete', { threadId, cascade: true });
    expect(deletedThreadIds).to.deep.equal([grandchild, child, threadId]);
    for (const id of deletedThreadIds) await client.notification('thread/deleted', (params) => params.threadId === id);
    expect(rig.rolloutFiles().map((file) => file.includes(apart))).to.deep.equal([true]);
    expect(await listed(true)).to.deep.equal([]);
  });

  it('that a killed daemon had begun to delete are gone after the next start', async () => {
    await rig.daemon.close();
    const [file] = rig.rolloutFiles();
    const folder = join(rig.home.path, 'rolloutd', 'deleting');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${threadId}.json`), JSON.stringify({ ids: [threadId], paths: [file] }));
    await rig.restart();
    expect(existsSync(file!), basename(file!)).to.equal(false);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('are gone though their names cannot be dropped now; the next start does that', async () => {
    await client.call('thread/name/set', { threadId, name: 'named' });
    const names = join(rig.home.path, 'session_index.jsonl');
    const lock = `${names}.lock`;
    rmSync(lock);
    mkdirSync(lock);
    expect(await client.call('thread/delete', { threadId })).to.deep.equal({ deletedThreadIds: [threadId] });
    await client.notification('thread/deleted');
    expect(rig.rolloutFiles()).to.deep.equal([]);
    expect(readFileSync(names, 'utf8')).to.contain('named');
    rmSync(lock, { recursive: true });
    await rig.restart();
    expect(readFileSync(names, 'utf8')).to.equal('');
  });

  it('number what is told of them without gap and double', async () => {
    await client.call('thread/archive', { threadId });
    await client.call('thread/unarchive', { threadId });
    await client.call('thread/resume', { threadId });
    await client.call('thread/delete', { threadId });
    await client.notification('thread/deleted');
    const seqs = client.received.filter(({ params, seq }) => params?.['threadId'] === threadId && seq !== undefined);
    const methods = seqs.map(({ method }) => method);
    expect(methods).to.include.members(['thread/archived', 'thread/unarchived', 'thread/deleted']);
    const asides = ['thread/goal/cleared', 'thread/tokenUsage/updated'];
    const numbered = seqs.filter(({ method }) => !asides.includes(method!)).map(({ seq }) => seq!);
    expect(new Set(numbered).size).to.equal(numbered.length);
    expect(numbered).to.deep.equal(numbered.toSorted((a, b) => a - b));
  });

  it('without a message can be archived or deleted too; ephemeral ones have nothing to archive', async () => {
    const empty = await client.startThread();
    await client.call('thread/archive', { threadId: empty });
    expect(readdirSync(join(rig.home.path, 'archived_sessions'))).to.have.length(1);
    const unsaid = await client.startThread();
    expect(await client.call('thread/delete', { threadId: unsaid })).to.deep.equal({ deletedThreadIds: [unsaid] });
    const ephemeral = await client.startThread({ ephemeral: true });
    for (const method of ['thread/archive', 'thread/delete']) {
      expect(await refused(method, { threadId: ephemeral })).to.deep.equal([
        -32600,
        `no rollout found for thread id ${ephemeral}`,
      ]);
    }
  });
});
