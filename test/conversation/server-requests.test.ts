import { expect } from 'chai';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { CheckedClient as Client } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import {
  answerOf,
  approvalLines,
  ASK,
  closing,
  giveAnswer,
  outcomesOf,
  outputsTold,
  questions,
  RESOLVED,
  scriptAsking,
  startAsking,
  warningOf,
} from './asking.js';
import { agentTexts, namesOf, withoutAccidents } from './wire-story.js';

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

  const ask = (count?: number) => startAsking(client, threadId, count);

  it('and its answer go over the wire in the order and shape that clients know', async () => {
    const { done, ids } = await ask();
    giveAnswer(client, ids[0]!);
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
    giveAnswer(client, ids[0]!);
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
    for (const index of [2, 0, 1]) giveAnswer(client, ids[index]!, `say ${index}`, `q${index}`);
    await done;
    expect(outputsTold(rig).map(String).toSorted()).to.deep.equal(
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
    expect(outputsTold(rig)).to.deep.equal([
      'the user gave no answer: the client sent an error: not now',
      'the user gave no answer: the client sent no valid answer',
    ]);
    expect(await warningOf(client)).to.equal('server_answer_invalid');
    expect(outcomesOf(rig, threadId)).to.deep.equal(['asked', 'asked', ['refused', 'client'], ['refused', 'client']]);
  });

  it('goes to every subscriber under one id; the first answer counts, and who was too late is told', async () => {
    const second = await rig.client();
    await second.call('thread/resume', { threadId });
    const { done, ids } = await ask();
    expect((await questions(second, threadId, 1)).map(({ id }) => id)).to.deep.equal(ids);
    giveAnswer(second, ids[0]!, 'Red');
    await closing(client, ids[0]!);
    giveAnswer(client, ids[0]!, 'Blue');
    expect(await warningOf(client)).to.equal('server_request_not_pending');
    await done;
    expect(outputsTold(rig)).to.deep.equal([JSON.stringify(answerOf('q0', 'Red'))]);
    await closing(second, ids[0]!);
    expect(approvalLines(rig, threadId)).to.have.length(2);
  });

  it('is asked again of whoever joins, right behind the reply and what is told with it', async () => {
    const { done, ids } = await ask(2);
    giveAnswer(client, ids[0]!);
    await closing(client, ids[0]!);
    const late = await rig.client();
    await late.call('thread/resume', { threadId, excludeTurns: true });
    await questions(late, threadId, 1);
    expect(namesOf(late.received.slice(-4))).to.deep.equal([
      'reply 2',
      'thread/tokenUsage/updated',
      'thread/goal/cleared',
      ASK,
    ]);
    giveAnswer(late, ids[1]!, 'Red', 'q1');
    await done;
    expect(outputsTold(rig).includes(JSON.stringify(answerOf('q1', 'Red')))).to.equal(true);
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
    for (const index of [0, 1]) giveAnswer(back, ids[index]!, 'Red', `q${index}`);
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
    giveAnswer(next, (await questions(next, threadId, 1))[0]!.id as number);
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
      giveAnswer(each, ids[0]!, 'Red');
      expect(await warningOf(each)).to.equal('server_request_not_yours');
      expect(each.questionsOf(threadId)).to.deep.equal([]);
    }
    giveAnswer(client, ids[0]!);
    await done;
    expect(outputsTold(rig)).to.deep.equal([JSON.stringify(answerOf('q0', 'Blue'))]);
  });

  it('stays open when the user says something else meanwhile, of which the model hears with the answer', async () => {
    const { turnId, done, ids } = await ask();
    await client.call('turn/steer', {
      threadId,
      expectedTurnId: turnId,
      input: [{ type: 'text', text: 'by the way' }],
    });
    giveAnswer(client, ids[0]!);
    expect((await done).status).to.equal('completed');
    const { input } = rig.model.requests.at(-1)!;
    expect(JSON.stringify(input)).to.include('by the way').and.to.include('Blue');
  });

  it('is not asked of those who look on from another daemon', async () => {
    const other = await rig.startSecondDaemon();
    try {
      const looker = await Client.connect(other.url, { token: rig.token });
      rig.clients.push(looker);
      const { done, ids } = await ask();
      await looker.call('thread/resume', { threadId, readOnly: true });
      giveAnswer(looker, ids[0]!);
      expect(await warningOf(looker)).to.equal('server_request_not_pending');
      giveAnswer(client, ids[0]!);
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
    giveAnswer(client, ids[0]!);
    expect(agentTexts(await done)).to.deep.equal([`tool said 39 chars: ${JSON.stringify(answerOf('q0', 'Blue'))}`]);
  });

  it('that the model words badly is not asked: the model is told what is wrong', async () => {
    await client.runTurn(threadId, 'call request_user_input {"questions":[]}');
    expect(outputsTold(rig)).to.deep.equal([
      'nothing was asked: `questions` must be a list with at least one question',
    ]);
    expect(client.questionsOf(threadId)).to.deep.equal([]);
  });
});
