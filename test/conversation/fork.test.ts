import { expect } from 'chai';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { runTurns, wordsBeforeModel, wordsByPage, wordsByRead } from './branch-story.js';

describe('thread/fork', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let source: string;
  let turns: string[];
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    source = await client.startThread({ cwd: rig.home.workspace });
    turns = await runTurns(client, source, ['one', 'two', 'three']);
  });
  afterEach(() => rig.close());

  const fork = async (params: Record<string, unknown> = {}) =>
    (await client.call('thread/fork', { threadId: source, ...params })).thread as Record<string, any>;

  it('takes the whole history over by a reference of a few hundred bytes, and goes on alone', async () => {
    const thread = await fork();
    expect(thread).to.include({ forkedFromId: source, preview: 'one', ephemeral: false, historyMode: 'paginated' });
    expect(thread['turns'].map((turn: any) => turn.id)).to.deep.equal(turns);
    const [meta, ...others] = readLines(thread['path']);
    const size = statSync(rig.rolloutFiles().find((file) => file.includes(source))!).size;
    const ordinal = readLines(rig.rolloutFiles().find((file) => file.includes(source))!).length;
    expect(meta!.payload.history_base).to.deep.equal({
      thread_id: source,
      end_ordinal_exclusive: ordinal,
      end_byte_offset: size,
    });
    expect(meta).to.include({ type: 'session_meta', ordinal });
    expect(others.map(({ payload }) => payload.type)).to.deep.equal(['thread_settings_applied']);
    await client.runTurn(thread['id'], 'in the fork');
    expect(wordsBeforeModel(rig)).to.deep.equal([
      ...['one', 'echo: one', 'two', 'echo: two', 'three', 'echo: three'],
      'in the fork',
    ]);
    await client.runTurn(source, 'in the source');
    expect(await wordsByPage(client, thread['id'])).to.deep.equal(['one', 'two', 'three', 'in the fork']);
    expect(await wordsByPage(client, source)).to.deep.equal(['one', 'two', 'three', 'in the source']);
  });

  it('is told to everybody after the reply, and subscribes who asked', async () => {
    const other = await rig.client();
    const reply = await client.ask('thread/fork', { threadId: source, excludeTurns: true });
    const { id } = reply.result.thread;
    expect(reply.result.thread.turns).to.deep.equal([]);
    const after = client.received.slice(client.received.indexOf(reply) + 1).map(({ method }) => method);
    expect(after.slice(0, 1)).to.deep.equal(['thread/tokenUsage/updated']);
    const started = await other.notification('thread/started', ({ thread }) => thread.id === id);
    expect(started.params!['thread']).to.include({ forkedFromId: source });
    await client.runTurn(id, 'heard');
    expect(other.notificationsOf(id).some(({ method }) => method === 'turn/started')).to.equal(false);
  });

  it('ends with a turn, or before one', async () => {
    const through = await fork({ lastTurnId: turns[1] });
    const before = await fork({ beforeTurnId: turns[1] });
    const nothing = await fork({ beforeTurnId: turns[0] });
    expect(await wordsByRead(client, through['id'])).to.deep.equal(['one', 'two']);
    expect(await wordsByRead(client, before['id'])).to.deep.equal(['one']);
    expect(nothing['turns']).to.deep.equal([]);
    await client.runTurn(through['id'], 'go on');
    expect(wordsBeforeModel(rig)).to.deep.equal(['one', 'echo: one', 'two', 'echo: two', 'go on']);
    await client.runTurn(nothing['id'], 'fresh');
    expect(wordsBeforeModel(rig)).to.deep.equal(['fresh']);
    const context = rig.model.requests.at(-1)!.body!.input!.filter((item: any) => item.content[0].text.startsWith('<'));
    expect(context, 'told of its surroundings').to.have.length(2);
  });

  it('of a fork of a fork, cut in what it inherited, refers to the file that holds it', async () => {
    const child = await fork({ lastTurnId: turns[1] });
    await runTurns(client, child['id'], ['child']);
    const grandchild = (await client.call('thread/fork', { threadId: child['id'] })).thread;
    await runTurns(client, grandchild.id, ['grandchild']);
    const late = (await client.call('thread/fork', { threadId: grandchild.id, lastTurnId: turns[0] })).thread;
    expect(late).to.include({ forkedFromId: grandchild.id });
    expect(readLines(late.path)[0]!.payload.history_base.thread_id).to.equal(source);
    await rig.restart();
    client = await rig.client();
    for (const { id } of [grandchild, late]) await client.call('thread/resume', { threadId: id });
    expect(await wordsByRead(client, grandchild.id)).to.deep.equal(['one', 'two', 'child', 'grandchild']);
    expect(await wordsByRead(client, late.id)).to.deep.equal(['one']);
    await client.runTurn(grandchild.id, 'end');
    expect(wordsBeforeModel(rig).filter((text) => !text.startsWith('echo'))).to.deep.equal([
      ...['one', 'two', 'child', 'grandchild', 'end'],
    ]);
  });

  it('of a running turn keeps what was said so far, and does not touch the source', async () => {
    let goOn = (): void => undefined;
    rig.model.script(async (_request, reply) => {
      reply.create();
      const id = reply.startMessage();
      reply.delta('so far');
      await new Promise<void>((resolve) => (goOn = resolve));
      reply.endMessage(id, 'so far and the rest');
      reply.complete();
    });
    const { turnId, done } = await client.startTurn(source, 'tell me');
    await client.notification('item/agentMessage/delta', ({ delta }) => delta === 'so far');
    const thread = await fork();
    goOn();
    rig.model.script(null);
    expect((await done).status).to.equal('completed');
    const forked = thread['turns'].at(-1);
    expect(forked).to.include({ id: turnId, status: 'interrupted' });
    expect(forked.items.map(({ type, text, partial }: any) => [type, text, partial])).to.deep.equal([
      ['userMessage', undefined, undefined],
      ['agentMessage', 'so far', true],
    ]);
    await client.runTurn(thread['id'], 'and now?');
    expect(wordsBeforeModel(rig).slice(-3)).to.deep.equal(['tell me', 'so far', 'and now?']);
    const { thread: whole } = await client.call('thread/read', { threadId: source, includeTurns: true });
    expect(whole.turns.at(-1).items.at(-1)).to.include({ text: 'so far and the rest' });
  });

  it('by path needs no id; an ephemeral one leaves no file', async () => {
    const { path } = (await client.call('thread/read', { threadId: source })).thread;
    const byPath = (await client.call('thread/fork', { threadId: 'whatever', path, excludeTurns: true })).thread;
    expect(byPath.forkedFromId).to.equal(source);
    const files = rig.rolloutFiles().length;
    const ephemeral = await fork({ ephemeral: true });
    expect(ephemeral).to.include({ ephemeral: true, path: null });
    expect(ephemeral['turns'].map((turn: any) => turn.id)).to.deep.equal(turns);
    await client.runTurn(ephemeral['id'], 'in memory');
    expect(wordsBeforeModel(rig)).to.have.length(7);
    expect(rig.rolloutFiles()).to.have.length(files);
  });

  it('copies the name, and the settings unless it is asked for others', async () => {
    await client.call('thread/name/set', { threadId: source, name: 'Numbers' });
    await client.call('thread/settings/update', { threadId: source, model: 'another', approvalPolicy: 'never' });
    const same = await client.call('thread/fork', { threadId: source });
    expect(same).to.include({ model: 'another', approvalPolicy: 'never' });
    expect(same.thread.name).to.equal('Numbers');
    const asked = await client.call('thread/fork', { threadId: source, model: 'third', sandbox: 'workspace-write' });
    expect(asked).to.include({ model: 'third', approvalPolicy: 'never' });
    expect(asked.sandbox.type).to.equal('workspaceWrite');
    await rig.restart();
    client = await rig.client();
    const resumed = await client.call('thread/resume', { threadId: asked.thread.id });
    expect(resumed).to.include({ model: 'third', approvalPolicy: 'never' });
    expect(resumed.sandbox).to.deep.equal(asked.sandbox);
    expect(resumed.thread.name).to.equal('Numbers');
  });

  it('of a conversation without a message makes a file of it first', async () => {
    const empty = await client.call('thread/start', {});
    const thread = (await client.call('thread/fork', { threadId: empty.thread.id })).thread;
    expect(thread).to.include({ forkedFromId: empty.thread.id, preview: '' });
    expect(readLines(empty.thread.path).map(({ type }) => type)).to.deep.equal(['session_meta', 'event_msg']);
    await client.runTurn(thread.id, 'first words');
    expect(wordsBeforeModel(rig)).to.deep.equal(['first words']);
  });

  it('is there without its name when that cannot be noted, and says so', async () => {
    await client.call('thread/name/set', { threadId: source, name: 'named' });
    const lock = join(rig.home.path, 'session_index.jsonl.lock');
    rmSync(lock);
    mkdirSync(lock);
    const { thread } = await client.call('thread/fork', { threadId: source });
    expect(thread.name).to.equal(null);
    const { params } = await client.notification('warning', ({ threadId }) => threadId === thread.id);
    expect(params!['message']).to.match(/^the fork could not be named: /);
    await client.runTurn(thread.id, 'in the fork');
  });

  it('copies in legacy mode, which stays', async () => {
    const legacy = await client.call('thread/start', { historyMode: 'legacy' });
    const ids = await runTurns(client, legacy.thread.id, ['old one', 'old two']);
    const copy = (await client.call('thread/fork', { threadId: legacy.thread.id, lastTurnId: ids[0] })).thread;
    expect(copy).to.include({ historyMode: 'legacy', forkedFromId: legacy.thread.id, preview: 'old one' });
    const lines = readLines(copy.path);
    expect(lines.filter(({ type }) => type === 'session_meta').map(({ payload }) => payload.id)).to.deep.equal([
      copy.id,
      legacy.thread.id,
    ]);
    expect(lines.some(({ ordinal }) => ordinal !== undefined)).to.equal(false);
    await client.runTurn(copy.id, 'in the copy');
    expect(wordsBeforeModel(rig)).to.deep.equal(['old one', 'echo: old one', 'in the copy']);
    expect(await wordsByRead(client, copy.id)).to.deep.equal(['old one', 'in the copy']);
  });

  it('refuses what cannot be forked, and changes nothing', async () => {
    const before = rig.rolloutFiles().map((file) => readFileSync(file, 'utf8'));
    const refused = async (params: Record<string, unknown>) => {
      const { error } = await client.ask('thread/fork', { threadId: source, ...params });
      return [error?.code, error?.data?.reason, error?.message];
    };
    expect(await refused({ lastTurnId: 'bogus' })).to.deep.equal([-32600, 'turn_not_found', 'turn not found: bogus']);
    expect((await refused({ lastTurnId: turns[0], beforeTurnId: turns[1] }))[2]).to.contain('cannot be combined');
    const unknown = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';
    expect(await refused({ threadId: unknown })).to.deep.equal([
      -32600,
      'rollout_not_found',
      `no rollout found for thread id ${unknown}`,
    ]);
    expect((await refused({ attachToSource: true }))[1]).to.equal('unsupported_for_thread');
    const ephemeral = await client.startThread({ ephemeral: true });
    expect((await refused({ threadId: ephemeral }))[1]).to.equal('rollout_not_found');
    expect(rig.rolloutFiles().map((file) => readFileSync(file, 'utf8'))).to.deep.equal(before);
  });
});
