import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { runTurns, wordsBeforeModel, wordsByPage, wordsByRead } from './branch-story.js';

describe('thread/revert', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  let turns: string[];
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
    turns = await runTurns(client, threadId, ['one', 'two', 'three']);
  });
  afterEach(() => rig.close());

  it('goes on from before a turn in a new file of the same conversation; the old one stays as it was', async () => {
    const [first] = rig.rolloutFiles();
    const bytes = readFileSync(first!);
    const reverted = await client.call('thread/revert', { threadId, beforeTurnId: turns[1] });
    expect(reverted.thread).to.include({ id: threadId, preview: 'one', forkedFromId: null });
    expect(reverted.thread.path).to.match(new RegExp(`rollout-.*-${threadId}_[0-9a-f-]{36}\\.jsonl$`));
    const base = readLines(reverted.thread.path)[0]!.payload.history_base;
    expect(base.thread_id).to.equal(threadId);
    expect(bytes.subarray(base.end_byte_offset - 1)[0], 'the end of a line').to.equal(0x0a);
    await client.runTurn(threadId, 'other two');
    expect(wordsBeforeModel(rig)).to.deep.equal(['one', 'echo: one', 'other two']);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'other two']);
    expect(readFileSync(first!).equals(bytes)).to.equal(true);
    const page = { threadId, sortDirection: 'desc', cursor: reverted.turnsBackwardsCursor };
    const { data } = await client.call('thread/turns/list', page);
    expect(data.map((turn: any) => turn.id)).to.deep.equal([turns[0]]);
  });

  it('keeps its clients, its numbers and its settings, and tells of it', async () => {
    const other = await rig.client();
    await other.call('thread/resume', { threadId });
    await client.call('thread/settings/update', { threadId, model: 'another' });
    const reply = await client.ask('thread/revert', { threadId, beforeTurnId: turns[2] });
    expect(reply.result.thread).to.include({ model: 'another' });
    await other.notification('thread/reverted');
    await client.runTurn(threadId, 'after');
    await other.notification('turn/completed', ({ turn }) => turn.status === 'completed');
    const methods = other.notificationsOf(threadId).map(({ method }) => method);
    expect(methods).to.not.include('thread/closed');
    // What a newcomer is told beside the events repeats the number of the last one.
    const seqs = [...new Set(other.notificationsOf(threadId).flatMap(({ seq }) => seq ?? []))];
    expect(seqs, 'without a gap').to.deep.equal(seqs.map((_, index) => seqs[0]! + index));
    expect(rig.model.requests.at(-1)!.body!.model).to.equal('another');
  });

  it('survives restarts, reverts of reverts, and a revert to nothing', async () => {
    await client.call('thread/revert', { threadId, beforeTurnId: turns[2] });
    const [four, five] = await runTurns(client, threadId, ['four', 'five']);
    await client.call('thread/revert', { threadId, beforeTurnId: five });
    await rig.restart();
    client = await rig.client();
    await client.call('thread/resume', { threadId });
    expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'two', 'four']);
    await client.call('thread/revert', { threadId, beforeTurnId: four });
    await runTurns(client, threadId, ['six']);
    expect(wordsBeforeModel(rig).filter((text) => !text.startsWith('echo'))).to.deep.equal(['one', 'two', 'six']);
    const emptied = await client.call('thread/revert', { threadId, beforeTurnId: turns[0] });
    expect(emptied).to.include({ turnsBackwardsCursor: null, itemsBackwardsCursor: null });
    expect(await wordsByPage(client, threadId)).to.deep.equal([]);
    await rig.restart();
    client = await rig.client();
    const listed = (await client.call('thread/list', {})).data;
    expect(listed.map((thread: any) => thread.id)).to.deep.equal([threadId]);
    await client.call('thread/resume', { threadId });
    await runTurns(client, threadId, ['fresh']);
    expect(wordsBeforeModel(rig)).to.deep.equal(['fresh']);
    expect(readLines(emptied.thread.path).map(({ ordinal }) => ordinal)).to.deep.equal(
      readLines(emptied.thread.path).map((_, index) => index),
    );
  });

  it('interrupts a running turn first, which is then among those that are taken back', async () => {
    let goOn = (): void => undefined;
    rig.model.script(async (_request, reply) => {
      reply.create();
      reply.startMessage();
      reply.delta('so far');
      await new Promise<void>((resolve) => (goOn = resolve));
    });
    const { turnId, done } = await client.startTurn(threadId, 'tell me');
    await client.notification('item/agentMessage/delta', ({ delta }) => delta === 'so far');
    const reply = await client.ask('thread/revert', { threadId, beforeTurnId: turnId });
    goOn();
    rig.model.script(null);
    expect((await done).status).to.equal('interrupted');
    expect(reply.error).to.equal(undefined);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'two', 'three']);
    await client.runTurn(threadId, 'on');
    expect(wordsBeforeModel(rig).at(-1)).to.equal('on');
    expect(wordsBeforeModel(rig)).to.not.include('tell me');
  });

  it('makes whoever asks meanwhile wait, and lets nobody in between', async () => {
    const other = await rig.client();
    const [reverted, joined, started] = await Promise.all([
      client.call('thread/revert', { threadId, beforeTurnId: turns[1] }),
      other.call('thread/resume', { threadId }),
      other.ask('turn/start', { threadId, input: [{ type: 'text', text: 'meanwhile' }] }),
    ]);
    expect(joined.thread.path).to.equal(reverted.thread.path);
    expect(started.error).to.equal(undefined);
    await other.notification('turn/completed', ({ turn }) => turn.id === started.result.turn.id);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'meanwhile']);
  });

  it('refuses what it cannot do, and changes nothing', async () => {
    const refused = async (params: Record<string, unknown>) => {
      const { error } = await client.ask('thread/revert', { threadId, beforeTurnId: turns[0], ...params });
      return [error?.code, error?.data?.reason, error?.message];
    };
    const files = rig.rolloutFiles();
    expect(await refused({ beforeTurnId: 'bogus' })).to.deep.equal([-32600, 'turn_not_found', 'turn not found: bogus']);
    const unknown = '01a206e8-4e40-7260-a3ca-59d0fa1ced00';
    expect((await refused({ threadId: unknown }))[2]).to.equal(`thread not found: ${unknown}`);
    const legacy = await client.startThread({ historyMode: 'legacy' });
    const [turn] = await runTurns(client, legacy, ['old']);
    expect((await refused({ threadId: legacy, beforeTurnId: turn }))[2]).to.equal(
      'thread/revert only supports paginated threads',
    );
    expect(rig.rolloutFiles().filter((file) => file.includes(threadId))).to.deep.equal(files);
    await client.runTurn(threadId, 'still here');
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'two', 'three', 'still here']);
  });
});

describe('the file that a reverted conversation has left', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  it('is not gone on with, loaded or not: a client that kept its path is told, and changes nothing', async () => {
    const threadId = await client.startThread();
    const turns = await runTurns(client, threadId, ['one', 'two']);
    const [former] = rig.rolloutFiles();
    await client.call('thread/revert', { threadId, beforeTurnId: turns[1] });
    await runTurns(client, threadId, ['other two']);
    await client.call('thread/unsubscribe', { threadId });
    const params = { threadId, path: former, model: 'gpt-other' };
    expect((await client.ask('thread/resume', params)).error?.data?.reason).to.equal('stale_path');
    const { model } = rig.daemon.registry.getConversation(threadId).settings;
    expect(model).not.to.equal('gpt-other');
    await rig.daemon.registry.removeConversation(threadId);
    expect((await client.ask('thread/resume', params)).error?.data?.reason).to.equal('stale_path');
    expect(rig.daemon.registry.loadedIds()).to.deep.equal([]);
    await client.call('thread/resume', { threadId });
    await runTurns(client, threadId, ['three']);
    expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'other two', 'three']);
  });
});

describe('a revert that a killed daemon had only begun', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  for (const begun of ['', '{"timestamp":"2026-11-26T07:33:32.430Z","ordinal":9,"type":"session_me']) {
    it(`never was: the conversation goes on as it stood (${begun.length} bytes of the new file)`, async () => {
      let client = await rig.client();
      const threadId = await client.startThread();
      await runTurns(client, threadId, ['one', 'two']);
      const [file] = rig.rolloutFiles();
      await rig.daemon.close();
      const segment = file!.replace('.jsonl', '_01a216f1-fb1a-7601-a9cc-f9539f6e91f8.jsonl');
      writeFileSync(segment.replace(/T\d\d-/, 'T23-'), begun);
      await rig.restart();
      client = await rig.client();
      const { data } = await client.call('thread/list', {});
      expect(data.map(({ id, preview }: any) => [id, preview])).to.deep.equal([[threadId, 'one']]);
      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.path).to.equal(file);
      await runTurns(client, threadId, ['three']);
      expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'two', 'three']);
    });
  }
});
