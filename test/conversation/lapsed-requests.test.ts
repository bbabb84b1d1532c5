import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { DaemonError } from '../../src/errors.js';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import {
  answerOf,
  approvalLines,
  ASK,
  closing,
  giveAnswer,
  outcomesOf,
  outputsTold,
  RESOLVED,
  scriptAsking,
  startAsking,
  warningOf,
} from './asking.js';
import { namesOf } from './wire-story.js';

describe('a question of the daemon that nobody has answered', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    scriptAsking(rig);
    client = await rig.client();
    threadId = await client.startThread();
  });
  afterEach(() => rig.close());

  const ask = (count?: number) => startAsking(client, threadId, count);

  it('is closed by an interrupt, for everybody and before the turn ends', async () => {
    const { turnId, done, ids } = await ask(2);
    await client.call('turn/interrupt', { threadId, turnId });
    await done;
    const story = client.received
      .slice(client.received.findLastIndex(({ method }) => method === ASK) + 1)
      .map(
        ({ method, id, params }) =>
          params?.['requestId'] ?? params?.['status']?.type ?? method ?? `reply ${String(id)}`,
      );
    expect(story.filter((name) => !String(name).startsWith('item/'))).to.deep.equal([
      ...ids,
      'reply 4',
      'idle',
      'turn/completed',
    ]);
    expect(outcomesOf(rig, threadId)).to.deep.equal([
      'asked',
      'asked',
      ['cancelled', 'turn_end'],
      ['cancelled', 'turn_end'],
    ]);
    giveAnswer(client, ids[0]!);
    expect(await warningOf(client)).to.equal('server_request_not_pending');
    await client.runTurn(threadId, 'next');
    expect(outputsTold(rig)).to.deep.equal(['aborted', 'aborted']);
  });

  it('is closed when the thread is unloaded', async () => {
    const { done, ids } = await ask();
    await client.call('thread/unload', { threadId, interrupt: true });
    await closing(client, ids[0]!);
    expect((await done).status).to.equal('interrupted');
    expect(outcomesOf(rig, threadId)).to.deep.equal(['asked', ['cancelled', 'turn_end']]);
  });

  it('is closed when the worker of its session dies, before the turn is told as failed', async () => {
    const { done, ids } = await ask();
    rig.daemon.registry
      .getConversation(threadId)
      .handle.killWorker(new DaemonError('worker_lost', 'killed by the test'));
    expect((await done).status).to.equal('failed');
    const names = namesOf(client.received);
    expect(names.indexOf(RESOLVED)).to.be.within(0, names.indexOf('turn/completed'));
    expect(outcomesOf(rig, threadId)).to.deep.equal(['asked', ['expired', 'session_lost']]);
    giveAnswer(client, ids[0]!);
    expect(await warningOf(client)).to.equal('server_request_not_pending');
    const next = await ask();
    giveAnswer(client, next.ids[0]!, 'Red');
    await next.done;
    expect(outputsTold(rig).at(-1)).to.equal(JSON.stringify(answerOf('q0', 'Red')));
  });

  for (const historyMode of ['paginated', 'legacy']) {
    it(`that dies with its daemon is recorded as expired at the next input, and an answer to it counts for no other (${historyMode})`, async () => {
      threadId = await client.startThread({ historyMode });
      const { ids } = await ask();
      // As a kill would leave it: what is in the file at this moment, and nothing after.
      const file = rig.rolloutFiles()[0]!;
      const left = readFileSync(file);
      await rig.daemon.close();
      writeFileSync(file, left);
      await rig.restart();
      client = await rig.client();
      const { thread } = await client.call('thread/resume', { threadId });
      expect([thread.status.type, thread.turns[0].status]).to.deep.equal(['idle', 'interrupted']);
      expect(client.questionsOf(threadId)).to.deep.equal([]);
      giveAnswer(client, ids[0]!);
      expect(await warningOf(client)).to.equal('server_request_not_pending');
      expect(outcomesOf(rig, threadId)).to.deep.equal(['asked']);
      await client.runTurn(threadId, 'next');
      expect(outcomesOf(rig, threadId)).to.deep.equal(['asked', ['expired', 'broken_off']]);
      const [asked, expired] = approvalLines(rig, threadId);
      for (const field of ['approval_id', 'turn_id', 'call_id', 'digest'])
        expect(expired![field]).to.equal(asked![field]);
      expect(outputsTold(rig)).to.deep.equal(['aborted']);
      await rig.restart();
      client = await rig.client();
      await client.call('thread/resume', { threadId });
      await client.runTurn(threadId, 'again');
      expect(outcomesOf(rig, threadId)).to.have.length(2);
    });
  }

  it('is no question to the fork of a running turn, where it is recorded as expired', async () => {
    const { ids, done } = await ask();
    const { thread: fork } = await client.call('thread/fork', { threadId });
    await client.runTurn(fork.id, 'next');
    expect(approvalLines(rig, fork.id).map(({ type, outcome, by }) => [type, outcome, by])).to.deep.equal([
      ['approval_resolved', 'expired', 'broken_off'],
    ]);
    expect(client.questionsOf(fork.id)).to.deep.equal([]);
    giveAnswer(client, ids[0]!);
    expect((await done).status).to.equal('completed');
  });

  it('lapses after the time that is configured, and allows nothing', async () => {
    await rig.restart({ configOverrides: ['approval_timeout_secs=1'] });
    client = await rig.client();
    threadId = await client.startThread();
    const { done, ids } = await ask();
    expect((await done).status).to.equal('completed');
    await closing(client, ids[0]!);
    expect(outcomesOf(rig, threadId)).to.deep.equal(['asked', ['expired', 'deadline']]);
    expect(outputsTold(rig)).to.deep.equal(['nobody answered in time: go on without an answer, or say what is needed']);
  });
});
