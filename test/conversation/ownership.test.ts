import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../../src/daemon.js';
import { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts } from './wire-story.js';

describe('two daemons on one home', () => {
  let rig: DaemonRig;
  let second: Daemon;
  let client: CheckedClient;
  let rival: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    second = await rig.startSecondDaemon();
    client = await rig.client();
    rival = await CheckedClient.connect(second.url, { token: rig.token });
    rig.clients.push(rival);
  });
  afterEach(async () => {
    await second.close();
    await rig.close();
  });

  const locks = (): string[] =>
    readdirSync(join(rig.home.path, 'thread-writer-locks')).filter((name) => /^\w/.test(name));

  it('never own one conversation together: the second is told who does, and may look', async () => {
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'hello');
    const [file] = rig.rolloutFiles();
    const before = readFileSync(file!);
    const refusals = [
      await rival.ask('thread/resume', { threadId }),
      await rival.ask('thread/resume', { threadId: 'ignored', path: file }),
    ];
    for (const { error } of refusals) {
      expect([error?.code, error?.data]).to.deep.equal([
        -32600,
        {
          reason: 'already_has_writer',
          holderPid: process.pid,
          holderCommand: readFileSync('/proc/self/comm', 'utf8').trim(),
          readOnlyPossible: true,
        },
      ]);
      expect(error?.message).to.match(
        new RegExp(`^thread ${threadId} already has an active writer \\(.*pid ${process.pid}\\)$`),
      );
    }
    const { data } = await rival.call('thread/list', {});
    const { thread } = await rival.call('thread/read', { threadId, includeTurns: true });
    expect(data.map(({ id, status }: any) => [id, status.type])).to.deep.equal([[threadId, 'notLoaded']]);
    expect([thread.status.type, thread.turns.map(agentTexts)]).to.deep.equal(['notLoaded', [['echo: hello']]]);
    expect(readFileSync(file!).equals(before)).to.equal(true);
    expect((await rival.call('thread/loaded/list', {})).data).to.deep.equal([]);
  });

  it('exclude each other from a conversation that has no file yet', async () => {
    const threadId = await client.startThread();
    expect(locks()).to.deep.equal([`${threadId}.lock`]);
    const refused = await rival.ask('thread/resume', { threadId });
    expect(refused.error?.data.reason).to.equal('already_has_writer');
  });

  it('take a conversation over from each other as soon as it is free, in one file', async () => {
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    await rig.daemon.registry.removeConversation(threadId);
    await rival.call('thread/resume', { threadId });
    await rival.runTurn(threadId, 'two');
    const refused = await client.ask('thread/resume', { threadId });
    expect(refused.error?.data.reason).to.equal('already_has_writer');
    await second.close();
    expect(locks()).to.deep.equal([]);
    const resumed = await client.call('thread/resume', { threadId });
    expect(resumed.thread.turns.map(agentTexts)).to.deep.equal([['echo: one'], ['echo: two']]);
    await client.runTurn(threadId, 'three');
    expect(rig.rolloutFiles()).to.have.length(1);
    const lines = readLines(rig.rolloutFiles()[0]!);
    expect(lines.filter(({ type }) => type === 'session_meta')).to.have.length(1);
    expect(lines.map(({ ordinal }) => ordinal)).to.deep.equal(lines.map((_line, index) => index));
  });

  it('are raced for by clients of both: one side wins, the other is told', async () => {
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    await rig.daemon.registry.removeConversation(threadId);
    const clients = [client, rival, await rig.client(), rival, client, rival];
    const replies = await Promise.all(clients.map((asker) => asker.ask('thread/resume', { threadId })));
    const sides = replies.map(
      ({ error }, index) => [clients[index] === rival, error?.data.reason ?? 'resumed'] as const,
    );
    const winners = new Set(sides.filter(([, outcome]) => outcome === 'resumed').map(([isRival]) => isRival));
    expect(winners.size).to.equal(1);
    for (const [isRival, outcome] of sides) {
      expect(outcome).to.equal(winners.has(isRival) ? 'resumed' : 'already_has_writer');
    }
  });
});
