import { expect } from 'chai';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { runTurns, wordsBeforeModel, wordsByPage } from './branch-story.js';

describe('what is known of a conversation', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
    await runTurns(client, threadId, ['one']);
  });
  afterEach(() => rig.close());

  const reason = async (method: string, params: Record<string, unknown>) => {
    const { error } = await client.ask(method, { threadId, ...params });
    return [error?.code, error?.message];
  };
  const read = async (id = threadId) => (await client.call('thread/read', { threadId: id })).thread;

  it('is the configured provider, where an old file names none, and whether one can speak to it where a session says so', async () => {
    writeRollout(rig.home.path, { number: 1, meta: { model_provider: undefined } });
    const { data } = await client.call('thread/list', {});
    const rows = data.map(({ id, modelProvider, canAcceptDirectInput }: any) => [
      id,
      modelProvider,
      canAcceptDirectInput,
    ]);
    expect(rows).to.deep.equal([
      [threadId, 'mock', null],
      [idOf(1), 'mock', null],
    ]);
    const reads = [await read(), await read(idOf(1))];
    expect(reads.map(({ modelProvider, canAcceptDirectInput }) => [modelProvider, canAcceptDirectInput])).to.deep.equal(
      [
        ['mock', true],
        ['mock', null],
      ],
    );
  });

  it('is its name: trimmed, told to everybody, kept beside the rollout, also while it is not loaded', async () => {
    const other = await rig.client();
    const [file] = rig.rolloutFiles();
    const { size } = statSync(file!);
    await client.call('thread/name/set', { threadId, name: '  My   thread \n two ' });
    const told = await other.notification('thread/name/updated');
    expect(told.params).to.deep.equal({ threadId, threadName: 'My   thread \n two' });
    expect((await read()).name).to.equal('My   thread \n two');
    expect(statSync(file!).size).to.equal(size);
    await rig.restart();
    client = await rig.client();
    expect((await read()).name).to.equal('My   thread \n two');
    await client.call('thread/name/set', { threadId, name: 'later' });
    expect((await client.call('thread/list', {})).data[0].name).to.equal('later');
    expect(await reason('thread/name/set', { name: ' \n ' })).to.deep.equal([-32602, 'thread name must not be empty']);
    const unknown = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';
    expect(await reason('thread/name/set', { threadId: unknown, name: 'x' })).to.deep.equal([
      -32600,
      `no rollout found for thread id ${unknown}`,
    ]);
    const ephemeral = await client.startThread({ ephemeral: true });
    expect(await reason('thread/name/set', { threadId: ephemeral, name: 'x' })).to.deep.equal([
      -32600,
      `ephemeral thread does not support metadata updates: ${ephemeral}`,
    ]);
  });

  it('is its repository as a client corrects it, field by field, also after a restart', async () => {
    const gitInfo = { branch: 'feature', sha: 'abc123', originUrl: 'https://example.com/x.git' };
    const set = await client.call('thread/metadata/update', { threadId, gitInfo });
    expect(set.thread.gitInfo).to.deep.equal(gitInfo);
    await rig.restart();
    client = await rig.client();
    const cleared = await client.call('thread/metadata/update', { threadId, gitInfo: { branch: null } });
    expect(cleared.thread.gitInfo).to.deep.equal({ ...gitInfo, branch: null });
    expect((await client.call('thread/list', {})).data[0].gitInfo).to.deep.equal({ ...gitInfo, branch: null });
    expect(await reason('thread/metadata/update', {})).to.deep.equal([
      -32602,
      'thread metadata update must include at least one field',
    ]);
    expect((await reason('thread/metadata/update', { gitInfo: {} }))[1]).to.equal(
      'gitInfo must include at least one field',
    );
    expect((await reason('thread/metadata/update', { gitInfo: { branch: '' } }))[1]).to.equal(
      'gitInfo.branch must not be empty',
    );
    expect((await reason('thread/metadata/update', { projectId: 'x' }))[1]).to.equal('project not found: x');
  });

  it('gives a conversation without a message its file, before the reply', async () => {
    const { thread } = await client.call('thread/start', {});
    expect(existsSync(thread.path)).to.equal(false);
    await client.call('thread/name/set', { threadId: thread.id, name: 'early' });
    expect(readLines(thread.path).map(({ type }) => type)).to.deep.equal(['session_meta', 'event_msg']);
    await runTurns(client, thread.id, ['first words']);
    expect(readLines(thread.path).filter(({ type }) => type === 'session_meta')).to.have.length(1);
    expect(await read(thread.id)).to.include({ name: 'early', preview: 'first words' });
    expect(wordsBeforeModel(rig)).to.deep.equal(['first words']);
    const context = rig.model.requests.at(-1)!.body!.input!.length;
    expect(context, 'context and words').to.equal(3);
  });

  it('is its summary in the words of the first protocol, by id and by path', async () => {
    const { path } = await read();
    const { summary } = await client.call('getConversationSummary', { conversationId: threadId });
    expect(summary).to.include({ conversationId: threadId, path, preview: 'one' });
    expect(await client.call('getConversationSummary', { rolloutPath: path })).to.deep.equal({ summary });
    const unknown = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';
    const { error } = await client.ask('getConversationSummary', { conversationId: unknown });
    expect(error?.message).to.equal(`no rollout found for conversation id ${unknown}`);
    expect(await client.call('getAuthStatus', { includeToken: true })).to.deep.equal({
      authMethod: null,
      authToken: null,
      requiresOpenaiAuth: false,
    });
  });
});

describe('thread/settings/update', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const CHANGES = {
    model: 'another',
    approvalPolicy: 'never',
    effort: 'low',
    summary: 'concise',
    sandboxPolicy: {
      type: 'workspaceWrite',
      writableRoots: ['/tmp/elsewhere'],
      networkAccess: true,
      excludeTmpdirEnvVar: false,
      excludeSlashTmp: true,
    },
  };
  const EFFECTIVE = {
    model: 'another',
    approvalPolicy: 'never',
    reasoningEffort: 'low',
    sandbox: CHANGES.sandboxPolicy,
  };

  for (const historyMode of ['paginated', 'legacy']) {
    it(`holds from the next turn on and after a restart without one (${historyMode})`, async () => {
      const threadId = await client.startThread({ historyMode });
      await runTurns(client, threadId, ['one']);
      await client.call('thread/settings/update', { threadId, ...CHANGES });
      const told = await client.notification('thread/settings/updated');
      expect(told.params!['threadSettings']).to.include({ model: 'another', effort: 'low', summary: 'concise' });
      const warm = await (await rig.client()).call('thread/resume', { threadId });
      await rig.restart();
      client = await rig.client();
      const cold = await client.call('thread/resume', { threadId });
      for (const resumed of [warm, cold]) expect(resumed).to.deep.include(EFFECTIVE);
      await runTurns(client, threadId, ['two']);
      expect(rig.model.requests.at(-1)!.body!).to.deep.include({ model: 'another' });
    });
  }

  it('writes one line for a change and none without', async () => {
    const threadId = await client.startThread();
    await runTurns(client, threadId, ['one']);
    const [file] = rig.rolloutFiles();
    const count = (): number => readLines(file!).length;
    const before = count();
    await client.call('thread/settings/update', { threadId, model: 'another' });
    expect(count()).to.equal(before + 1);
    await client.call('thread/settings/update', { threadId, model: 'another' });
    await client.call('thread/settings/update', { threadId });
    expect(count()).to.equal(before + 1);
  });

  it('goes to another provider when a resume asks for it and nobody is at work, else says that it did not', async () => {
    const threadId = await client.startThread();
    await runTurns(client, threadId, ['one']);
    const other = await rig.client();
    const kept = await other.call('thread/resume', { threadId, model: 'another', sandbox: 'read-only' });
    expect(kept.ignoredOverrides).to.deep.equal(['model', 'sandbox']);
    expect(kept.sandbox.type).to.equal('dangerFullAccess');
    expect(kept.model).to.not.equal('another');
    const same = await other.call('thread/resume', { threadId, model: kept.model });
    expect(same.ignoredOverrides).to.equal(undefined);
    for (const each of [client, other]) await each.call('thread/unsubscribe', { threadId });
    const taken = await client.call('thread/resume', { threadId, model: 'another', modelProvider: 'offline' });
    expect(taken).to.include({ model: 'another', modelProvider: 'offline' });
    expect(taken.ignoredOverrides).to.equal(undefined);
    const asked = rig.model.requests.length;
    await runTurns(client, threadId, ['two']);
    expect(rig.model.requests.length, 'answered without the former provider').to.equal(asked);
    await rig.restart();
    client = await rig.client();
    expect(await client.call('thread/resume', { threadId })).to.include({ model: 'another', modelProvider: 'offline' });
  });
});

describe('thread/inject_items', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const message = (role: string, type: string, text: string) => ({ type: 'message', role, content: [{ type, text }] });

  it('puts items before the model that show in no turn, also after a restart', async () => {
    const threadId = await client.startThread();
    const items = [message('user', 'input_text', 'known'), message('assistant', 'output_text', 'indeed')];
    await client.call('thread/inject_items', { threadId, items });
    await runTurns(client, threadId, ['one']);
    expect(wordsBeforeModel(rig)).to.deep.equal(['known', 'indeed', 'one']);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one']);
    await rig.restart();
    client = await rig.client();
    await client.call('thread/resume', { threadId });
    await runTurns(client, threadId, ['two']);
    expect(wordsBeforeModel(rig)).to.deep.equal(['known', 'indeed', 'one', 'echo: one', 'two']);
  });

  it('refuses what is no item, and writes nothing of the others', async () => {
    const threadId = await client.startThread();
    await runTurns(client, threadId, ['one']);
    const [file] = rig.rolloutFiles();
    const before = readFileSync(file!);
    const refused = async (items: unknown[]) => {
      const { error } = await client.ask('thread/inject_items', { threadId, items });
      return error?.message;
    };
    const good = message('user', 'input_text', 'good');
    expect(await refused([])).to.equal('items must not be empty');
    expect(await refused([good, { bogus: 1 }])).to.equal('items[1] is not a valid response item: missing field `type`');
    expect(await refused(['x'])).to.contain('invalid type: string "x"');
    expect(await refused([{ type: 'message', role: 'user' }])).to.contain('items[0] is not a valid response item');
    expect(await refused([{ type: 'function_call', name: 'f' }])).to.contain('items[0]');
    expect(readFileSync(file!).equals(before)).to.equal(true);
  });
});
