import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts } from './wire-story.js';

describe('a rollout that cannot be written', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const closed = (threadId: string) =>
    client.notification('thread/closed', (params) => params['threadId'] === threadId);
  const start = (threadId: string, text: string) =>
    client.ask('turn/start', { threadId, input: [{ type: 'text', text }] });

  it('refuses the turn with its reason, announces nothing of it, and works as before once the disk is mended', async () => {
    const sessions = join(rig.home.path, 'sessions');
    writeFileSync(sessions, 'no folder');
    const threadId = await client.startThread();
    const from = client.received.length;
    const { error } = await start(threadId, 'hello');
    expect([error?.code, error?.data.reason]).to.deep.equal([-32603, 'rollout_write_failed']);
    expect(error?.message).to.contain(sessions);
    const again = await start(threadId, 'again');
    expect(again.error?.data.reason).to.equal('rollout_write_failed');
    const told = client.received.slice(from).map(({ method }) => method);
    expect(new Set(told.filter((method) => method !== undefined))).to.deep.equal(new Set(['thread/status/changed']));
    rmSync(sessions);
    expect((await client.runTurn(threadId, 'hello')).status).to.equal('completed');
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.map(agentTexts)).to.deep.equal([['echo: hello']]);
  });

  it('ends the turn that runs when somebody else wrote into the file; others go on; a resume loads what it holds', async () => {
    const [broken, sound] = [await client.startThread(), await client.startThread()];
    await client.runTurn(broken, 'one');
    const { turnId, done } = await client.startTurn(broken, 'hang');
    await client.notification('item/agentMessage/delta', (params) => params['turnId'] === turnId);
    const file = rig.rolloutFiles().find((name) => name.includes(broken))!;
    const intruder = `${JSON.stringify({ timestamp: '2026-11-23T00:00:00.000Z', ordinal: 1000, type: 'event_msg', payload: { type: 'unknown_thing' } })}\n`;
    appendFileSync(file, intruder);
    const before = readFileSync(file);
    const stopped = await client.ask('turn/interrupt', { threadId: broken, turnId });
    expect(stopped.error?.data.reason).to.equal('rollout_conflict');
    const turn = await done;
    expect([turn.id, turn.status]).to.deep.equal([turnId, 'interrupted']);
    const error = await client.notification('error', (params) => params['turnId'] === turnId);
    const { willRetry, error: told } = error.params as any;
    expect([willRetry, told.additionalDetails]).to.deep.equal([false, 'rollout_conflict']);
    await closed(broken);
    expect(readFileSync(file).equals(before), 'nothing was written over it').to.equal(true);
    expect((await client.runTurn(sound, 'hello')).status).to.equal('completed');

    const { thread } = await client.call('thread/resume', { threadId: broken });
    expect(thread.turns.map(({ status }: any) => status)).to.deep.equal(['completed', 'interrupted']);
    expect(agentTexts(await client.runTurn(broken, 'two'))).to.deep.equal(['echo: two']);
    expect(
      readLines(file)
        .map(({ ordinal }) => ordinal)
        .at(-1),
    ).to.be.greaterThan(1000);
  });
});
