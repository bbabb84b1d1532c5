import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { DaemonError } from '../../src/errors.js';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { CheckedClient as Client } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { answerOf, approvalLines, ASK, askFor, questions, scriptAsking } from './asking.js';
import { agentTexts, namesOf, withoutAccidents } from './wire-story.js';

const RESOLVED = 'serverRequest/resolved';

describe('a question of the daemon', () => {
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

  /** A turn that waits for so many answers. */
  async function ask(count = 1): Promise<{ turnId: string; done: Promise<any>; ids: number[] }> {
    const before = client.questionsOf(threadId).length;
    const { turnId, done } = await client.startTurn(threadId, askFor(count));
    const asked = await questions(client, threadId, before + count);
    return { turnId, done, ids: asked.slice(before).map(({ id }) => id as number) };
  }

  const answer = (by: CheckedClient, id: number, text = 'Blue', question = 'q0'): void =>
    by.answer(id, { result: answerOf(question, text) });
  const resolved = (by: CheckedClient, id: number): Promise<WireMessage> =>
    by.notification(RESOLVED, ({ requestId }) => requestId === id);
  const outputs = (): unknown[] =>
    rig.model.requests
      .at(-1)!
      .input.filter(({ type }) => type === 'function_call_output')
      .map(({ output }) => output);
  const warning = async (by: CheckedClient): Promise<unknown> => (await by.notification('warning')).params!['code'];
  const outcomes = (): unknown[] =>
    approvalLines(rig, threadId).map(({ type, outcome, by }) =>
      type === 'approval_requested' ? 'asked' : [outcome, by],
    );

  it('and its answer go over the wire in the order and shape that clients know', async () => {
    const { done, ids } = await ask();
    answer(client, ids[0]!);
    expect(agentTexts(await done)).to.deep.equal([
      'tool said 40 chars: {"answers":{"q0":{"answers":["Blue"]}}}'.replace('40', '39'),
    ]);
    const story = client.received.slice(client.received.findIndex(({ method }) => method === 'turn/started'));
    expect(namesOf(story)).to.deep.equal([
      'turn/started',
      'item/started',
      'item/completed',
      'thread/tokenUsage/updated',
      'account/rateLimits/updated',
      'thread/status/changed',
      ASK,
      RESOLVED,
      'thread/status/changed',
      'item/started',
      'item/agentMessage/delta',
      'item/agentMessage/delta',
      'item/completed',
      'thread/tokenUsage/updated',
      'account/rateLimits/updated',
      'thread/readState/changed',
      'thread/status/changed',
      'turn/completed',
    ]);
    const asked = withoutAccidents(story.slice(5, 9)) as WireMessage[];
    const active = (...activeFlags: string[]) => ({ threadId: '#1', status: { type: 'active', activeFlags } });
    expect(asked.map(({ params }) => params)).to.deep.equal([
      active('waitingOnUserInput'),
      {
        threadId: '#1',
        turnId: '#2',
        itemId: (asked[1]!.params as any).itemId,
        questions: [
          {
            id: 'q0',
            header: 'Color',
            question: 'Which color?',
            isOther: true,
            isSecret: false,
            options: [
              { label: 'Blue', description: 'b' },
              { label: 'Red', description: 'r' },
            ],
          },
        ],
        isBlocking: true,
        autoResolutionMs: null,
      },
      { threadId: '#1', requestId: 0 },
      active(),
    ]);
    expect(asked[1]!.id).to.equal(0);
  });

  it('is on record with its answer, bound to the call', async () => {
    const { turnId, done, ids } = await ask();
    answer(client, ids[0]!);
    await done;
    const [asked, told] = approvalLines(rig, threadId);
    const { approval_id, digest, call_id } = asked!;
    expect(digest).to.match(/^[0-9a-f]{64}$/);
    expect(
      withoutAccidents([
        { ...asked, requested_at_ms: 0 },
        { ...told, resolved_at_ms: 0 },
      ]),
    ).to.deep.equal(
      withoutAccidents([
        { type: 'approval_requested', approval_id, turn_id: turnId, call_id, digest, method: ASK, requested_at_ms: 0 },
        {
          type: 'approval_resolved',
          approval_id,
          turn_id: turnId,
          call_id,
          digest,
          outcome: 'answered',
          answer: answerOf('q0', 'Blue'),
          by: 'client',
          client: 'test',
          resolved_at_ms: 0,
        },
      ]),
    );
    expect(rig.model.requests.at(-1)!.input.find(({ type }) => type === 'function_call')!['call_id']).to.equal(call_id);
  });

  it('is one of several, which are answered in any order, each for itself', async () => {
    const { done, ids } = await ask(3);
    for (const index of [2, 0, 1]) answer(client, ids[index]!, `say ${index}`, `q${index}`);
    await done;
    expect(outputs().map(String).toSorted()).to.deep.equal(
      [0, 1, 2].map((index) => JSON.stringify(answerOf(`q${index}`, `say ${index}`))),
    );
    const story = client.received
      .filter(({ method }) => method === ASK || method === RESOLVED || method === 'thread/status/changed')
      .map(({ method, id, params }) => id ?? params!['requestId'] ?? params!['status'].activeFlags?.join() ?? method);
    expect(story.slice(1, -1)).to.deep.equal(['waitingOnUserInput', ...ids, ids[2], ids[0], ids[1], '']);
  });

  it('that gets an error, or no answer of its kind, is refused, and the turn goes on', async () => {
    const { done, ids } = await ask(2);
    client.answer(ids[0]!, { error: { code: -32000, message: 'not now' } });
    client.answer(ids[1]!, { result: { decision: 'accept' } });
    expect((await done).status).to.equal('completed');
    expect(outputs()).to.deep.equal([
      'the user gave no answer: the client sent an error: not now',
      'the user gave no answer: the client sent no valid answer',
    ]);
    expect(await warning(client)).to.equal('server_answer_invalid');
    expect(outcomes()).to.deep.equal(['asked', 'asked', ['refused', 'client'], ['refused', 'client']]);
  });

  it('goes to every subscriber under one id; the first answer counts, and who was too late is told', async () => {
    const second = await rig.client();
    await second.call('thread/resume', { threadId });
    const { done, ids } = await ask();
    expect((await questions(second, threadId, 1)).map(({ id }) => id)).to.deep.equal(ids);
    answer(second, ids[0]!, 'Red');
    await resolved(client, ids[0]!);
    answer(client, ids[0]!, 'Blue');
    expect(await warning(client)).to.equal('server_request_not_pending');
    await done;
    expect(outputs()).to.deep.equal([JSON.stringify(answerOf('q0', 'Red'))]);
    await resolved(second, ids[0]!);
    expect(approvalLines(rig, threadId)).to.have.length(2);
  });

  it('is asked again of whoever joins, right behind the reply and what is told with it', async () => {
    const { done, ids } = await ask(2);
    answer(client, ids[0]!);
    await resolved(client, ids[0]!);
    const late = await rig.client();
    await late.call('thread/resume', { threadId, excludeTurns: true });
    await questions(late, threadId, 1);
    expect(namesOf(late.received.slice(-4))).to.deep.equal([
      'reply 2',
      'thread/tokenUsage/updated',
      'thread/goal/cleared',
      ASK,
    ]);
    answer(late, ids[1]!, 'Red', 'q1');
    await done;
    expect(outputs().includes(JSON.stringify(answerOf('q1', 'Red')))).to.equal(true);
  });

  it('comes behind what was missed to a client that comes back, once', async () => {
    const { eventsCursor } = await client.call('thread/resume', { threadId, excludeTurns: true });
    const { done, ids } = await ask(2);
    const back = await rig.client();
    const after = { afterEpoch: eventsCursor.epoch, afterSeq: eventsCursor.seq };
    await back.call('thread/resume', { threadId, excludeTurns: true, ...after });
    await questions(back, threadId, 2);
    const story = namesOf(back.received.slice(back.received.findIndex(({ result }) => result?.reattach)));
    expect(story.slice(0, 3)).to.deep.equal(['reply 2', 'thread/status/changed', 'turn/started']);
    expect(story.slice(-3)).to.deep.equal(['thread/status/changed', ASK, ASK]);
    // On the same connection nothing comes twice.
    const { seq } = back.received.at(-3)!;
    await back.call('thread/resume', { threadId, excludeTurns: true, afterEpoch: eventsCursor.epoch, afterSeq: seq });
    for (const index of [0, 1]) answer(back, ids[index]!, 'Red', `q${index}`);
    await done;
    expect(back.questionsOf(threadId)).to.have.length(2);
  });

  it('outlives all its clients', async () => {
    const { ids } = await ask();
    await client.close();
    const next = await rig.client();
    const { thread } = await next.call('thread/resume', { threadId });
    expect(thread.status).to.deep.equal({ type: 'active', activeFlags: ['waitingOnUserInput'] });
    const ended = next.notification('turn/completed');
    answer(next, (await questions(next, threadId, 1))[0]!.id as number);
    expect((await ended).params!['turn'].status).to.equal('completed');
    expect((await questions(next, threadId, 1)).map(({ id }) => id)).to.deep.equal(ids);
  });

  it('keeps its conversation loaded when nobody is there', async () => {
    await rig.restart({ configOverrides: ['thread_unload_delay_secs=1'] });
    client = await rig.client();
    threadId = await client.startThread();
    await ask();
    const idle = await client.startThread();
    for (const each of [threadId, idle]) await client.call('thread/unsubscribe', { threadId: each });
    await client.notification('thread/closed', (params) => params['threadId'] === idle);
    expect((await client.call('thread/loaded/list', {})).data).to.deep.equal([threadId]);
    await client.call('thread/resume', { threadId });
    const [question, again] = await questions(client, threadId, 2);
    expect(again!.id).to.equal(question!.id);
  });

  it('is shown in the status of the thread in lists', async () => {
    await ask();
    const { data } = await client.call('thread/list', {});
    expect(data[0].status).to.deep.equal({ type: 'active', activeFlags: ['waitingOnUserInput'] });
  });

  it('is nothing to a client that is not subscribed, or not any more', async () => {
    const [stranger, former] = [await rig.client(), await rig.client()];
    await former.call('thread/resume', { threadId });
    await former.call('thread/unsubscribe', { threadId });
    const { done, ids } = await ask();
    for (const each of [stranger, former]) {
      answer(each, ids[0]!, 'Red');
      expect(await warning(each)).to.equal('server_request_not_yours');
      expect(each.questionsOf(threadId)).to.deep.equal([]);
    }
    answer(client, ids[0]!);
    await done;
    expect(outputs()).to.deep.equal([JSON.stringify(answerOf('q0', 'Blue'))]);
  });

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
    expect(outcomes()).to.deep.equal(['asked', 'asked', ['cancelled', 'turn_end'], ['cancelled', 'turn_end']]);
    answer(client, ids[0]!);
    expect(await warning(client)).to.equal('server_request_not_pending');
    await client.runTurn(threadId, 'next');
    expect(outputs()).to.deep.equal(['aborted', 'aborted']);
  });

  it('is closed when the thread is unloaded', async () => {
    const { done, ids } = await ask();
    await client.call('thread/unload', { threadId, interrupt: true });
    await resolved(client, ids[0]!);
    expect((await done).status).to.equal('interrupted');
    expect(outcomes()).to.deep.equal(['asked', ['cancelled', 'turn_end']]);
  });

  it('stays open when the user says something else meanwhile, of which the model hears with the answer', async () => {
    const { turnId, done, ids } = await ask();
    await client.call('turn/steer', {
      threadId,
      expectedTurnId: turnId,
      input: [{ type: 'text', text: 'by the way' }],
    });
    answer(client, ids[0]!);
    expect((await done).status).to.equal('completed');
    const { input } = rig.model.requests.at(-1)!;
    expect(JSON.stringify(input)).to.include('by the way').and.to.include('Blue');
  });

  it('is closed when the worker of its session dies, before the turn is told as failed', async () => {
    const { done, ids } = await ask();
    rig.daemon.registry
      .getConversation(threadId)
      .handle.killWorker(new DaemonError('worker_lost', 'killed by the test'));
    expect((await done).status).to.equal('failed');
    const names = namesOf(client.received);
    expect(names.indexOf(RESOLVED)).to.be.within(0, names.indexOf('turn/completed'));
    expect(outcomes()).to.deep.equal(['asked', ['expired', 'session_lost']]);
    answer(client, ids[0]!);
    expect(await warning(client)).to.equal('server_request_not_pending');
    const next = await ask();
    answer(client, next.ids[0]!, 'Red');
    await next.done;
    expect(outputs().at(-1)).to.equal(JSON.stringify(answerOf('q0', 'Red')));
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
      answer(client, ids[0]!);
      expect(await warning(client)).to.equal('server_request_not_pending');
      expect(outcomes()).to.deep.equal(['asked']);
      await client.runTurn(threadId, 'next');
      expect(outcomes()).to.deep.equal(['asked', ['expired', 'broken_off']]);
      const [asked, expired] = approvalLines(rig, threadId);
      for (const field of ['approval_id', 'turn_id', 'call_id', 'digest'])
        expect(expired![field]).to.equal(asked![field]);
      expect(outputs()).to.deep.equal(['aborted']);
      await rig.restart();
      client = await rig.client();
      await client.call('thread/resume', { threadId });
      await client.runTurn(threadId, 'again');
      expect(outcomes()).to.have.length(2);
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
    answer(client, ids[0]!);
    expect((await done).status).to.equal('completed');
  });

  it('is not asked of those who look on from another daemon', async () => {
    const other = await rig.startSecondDaemon();
    try {
      const looker = await Client.connect(other.url, { token: rig.token });
      rig.clients.push(looker);
      const { done, ids } = await ask();
      await looker.call('thread/resume', { threadId, readOnly: true });
      answer(looker, ids[0]!);
      expect(await warning(looker)).to.equal('server_request_not_pending');
      answer(client, ids[0]!);
      await done;
      await looker.notification('turn/completed');
      expect(looker.questionsOf(threadId)).to.deep.equal([]);
    } finally {
      await other.close();
    }
  });

  it('is asked in a conversation that keeps no file as well', async () => {
    threadId = await client.startThread({ ephemeral: true });
    const { done, ids } = await ask();
    answer(client, ids[0]!);
    expect(agentTexts(await done)).to.deep.equal([`tool said 39 chars: ${JSON.stringify(answerOf('q0', 'Blue'))}`]);
  });

  it('that the model words badly is not asked: the model is told what is wrong', async () => {
    await client.runTurn(threadId, 'call request_user_input {"questions":[]}');
    expect(outputs()).to.deep.equal(['nothing was asked: `questions` must be a list with at least one question']);
    expect(client.questionsOf(threadId)).to.deep.equal([]);
  });

  it('lapses after the time that is configured, and allows nothing', async () => {
    await rig.restart({ configOverrides: ['approval_timeout_secs=1'] });
    client = await rig.client();
    threadId = await client.startThread();
    const { done, ids } = await ask();
    expect((await done).status).to.equal('completed');
    await resolved(client, ids[0]!);
    expect(outcomes()).to.deep.equal(['asked', ['expired', 'deadline']]);
    expect(outputs()).to.deep.equal(['nobody answered in time: go on without an answer, or say what is needed']);
  });
});
