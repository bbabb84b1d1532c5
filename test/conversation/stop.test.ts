import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts, conversationTexts, namesOf } from './wire-story.js';

describe('a turn that is stopped', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  before(async () => {
    rig = await DaemonRig.start();
  });
  beforeEach(async () => {
    client = await rig.client();
    threadId = await client.startThread();
  });
  after(() => rig.close());

  const fileOf = (id: string): string => rig.rolloutFiles().find((file) => file.includes(id))!;
  const said = (text: string): Promise<unknown> =>
    client.notification('item/agentMessage/delta', (params) => params['delta'] === text);

  async function readTurns(id = threadId): Promise<any[]> {
    return (await client.call('thread/read', { threadId: id, includeTurns: true })).thread.turns;
  }

  /** What the wire, the file and thread/read hold of the agent's messages: text and whether it was cut. */
  async function keptEverywhere(): Promise<unknown[]> {
    const wire = client
      .notificationsOf(threadId)
      .filter(({ method, params }) => method === 'item/completed' && params!['item'].type === 'agentMessage')
      .map(({ params }) => [params!['item'].text, params!['item'].partial === true]);
    const file = readLines(fileOf(threadId))
      .filter(({ payload }) => payload.type === 'item_completed' && payload.item.type === 'AgentMessage')
      .map(({ payload }) => [payload.item.content[0].text, payload.item.partial === true]);
    const read = (await readTurns())
      .flatMap((turn) => turn.items)
      .filter((item: any) => item.type === 'agentMessage')
      .map((item: any) => [item.text, item.partial === true]);
    expect(file, 'the file holds what the wire told').to.deep.equal(wire);
    expect(read, 'thread/read shows what the wire told').to.deep.equal(wire);
    return wire;
  }

  it('by an interrupt keeps what was said: on the wire, in the file, in thread/read, before the model', async () => {
    const { turnId, done } = await client.startTurn(threadId, 'hang');
    await said('hanging');
    const from = client.received.length;
    await client.call('turn/interrupt', { threadId, turnId });
    const turn = await done;
    expect([turn.status, turn.items, turn.itemsView, turn.error]).to.deep.equal(['interrupted', [], 'notLoaded', null]);
    expect(namesOf(client.received.slice(from))).to.deep.equal([
      'item/completed',
      'reply 4',
      'thread/status/changed',
      'turn/completed',
    ]);
    expect(await keptEverywhere()).to.deep.equal([['hanging', true]]);
    const tail = readLines(fileOf(threadId)).slice(-5);
    expect(tail.map(({ type, payload }) => [type, payload.type, payload.reason ?? payload.status])).to.deep.equal([
      ['event_msg', 'item_completed', undefined],
      ['response_item', 'message', 'incomplete'],
      ['event_msg', 'token_count', undefined],
      ['response_item', 'message', undefined],
      ['event_msg', 'turn_aborted', 'interrupted'],
    ]);
    await client.runTurn(threadId, 'go on');
    const texts = conversationTexts(rig.model.requests.at(-1)!.input);
    expect([texts[0], texts[1], texts[3]]).to.deep.equal(['hang', 'hanging', 'go on']);
    expect(texts[2]).to.match(/^<turn_aborted>/);
    expect((await readTurns()).map(({ status }) => status)).to.deep.equal(['interrupted', 'completed']);
  });

  for (const stop of ['turn/interrupt', 'turn/steer']) {
    it(`by ${stop} answers what the model had called, which would never be answered otherwise`, async () => {
      rig.model.script((request, reply) => {
        if (request.lastUserText !== 'call and talk') return false;
        reply.create();
        reply.functionCall('lookup', '{"q":1}', 'call_cut');
        reply.startMessage();
        reply.delta('meanwhile');
        return reply.closed;
      });
      const { turnId, done } = await client.startTurn(threadId, 'call and talk');
      await said('meanwhile');
      const input = [{ type: 'text', text: 'other' }];
      const params = stop === 'turn/steer' ? { expectedTurnId: turnId, input } : { turnId };
      await client.call(stop, { threadId, ...params });
      await done;
      await client.runTurn(threadId, 'go on');
      rig.model.script(null);
      const items = rig.model.requests.at(-1)!.input.filter(({ type }) => String(type).startsWith('function_call'));
      expect(items.map(({ type, call_id, output }) => [type, call_id, output])).to.deep.equal([
        ['function_call', 'call_cut', undefined],
        ['function_call_output', 'call_cut', 'aborted'],
      ]);
      const [turn] = await readTurns();
      const calls = turn.items.filter((item: any) => item.type === 'dynamicToolCall');
      expect(calls.map((item: any) => [item.id, item.status])).to.deep.equal([['call_cut', 'failed']]);
    });
  }

  it('by an interrupt frees the model at once', async () => {
    const arrival = rig.model.waitForRequest(rig.model.requestCount + 1);
    const { turnId } = await client.startTurn(threadId, 'stall');
    const request = await arrival;
    await client.call('turn/interrupt', { threadId, turnId });
    await request.closed;
    expect(rig.model.openReplies).to.equal(0);
  });

  it('can be stopped from the moment that turn/start was answered, every time', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { turnId, done } = await client.startTurn(threadId, round % 2 === 0 ? 'hang' : 'stall');
      await client.call('turn/interrupt', { threadId, turnId });
      expect((await done).status).to.equal('interrupted');
    }
    expect((await readTurns()).map(({ status }) => status)).to.deep.equal(Array<string>(50).fill('interrupted'));
  });

  it('can be stopped in the same breath in which it is started', async () => {
    const started = client.ask('turn/start', { threadId, input: [{ type: 'text', text: 'hang' }] }, 'start');
    const stopped = client.ask('turn/interrupt', { threadId, turnId: '' }, 'stop');
    const turnId = (await started).result.turn.id;
    expect((await stopped).result).to.deep.equal({});
    const done = await client.notification('turn/completed', (params) => params['turn'].id === turnId);
    expect(done.params!['turn'].status).to.equal('interrupted');
  });

  it('is not stopped by the wrong id, and an empty id stops whatever runs', async () => {
    const idle = await client.ask('turn/interrupt', { threadId, turnId: 'bogus' });
    const { turnId, done } = await client.startTurn(threadId, 'hang');
    const wrong = await client.ask('turn/interrupt', { threadId, turnId: 'bogus' });
    const unknown = await client.ask('turn/interrupt', { threadId: turnId, turnId });
    const empty = await client.ask('turn/interrupt', { threadId, turnId: '' });
    expect((await done).status).to.equal('interrupted');
    const emptyAgain = await client.ask('turn/interrupt', { threadId, turnId: '' });
    expect([idle, wrong, unknown].map(({ error }) => [error?.code, error?.message, error?.data.reason])).to.deep.equal([
      [-32600, 'no active turn to interrupt', 'no_active_turn'],
      [-32600, `expected active turn id bogus but found ${turnId}`, 'active_turn_mismatch'],
      [-32600, `thread not found: ${turnId}`, 'conversation_not_found'],
    ]);
    expect([empty.result, emptyAgain.result]).to.deep.equal([{}, {}]);
  });

  it('is stopped once by two interrupts at once', async () => {
    const other = await rig.client();
    const { turnId, done } = await client.startTurn(threadId, 'hang');
    await said('hanging');
    const answers = await Promise.all(
      [client, other].map((asker) => asker.ask('turn/interrupt', { threadId, turnId })),
    );
    expect((await done).status).to.equal('interrupted');
    const outcomes = answers.map(({ result, error }) => (result === undefined ? error!.message : 'stopped'));
    expect(outcomes.sort()).to.deep.equal(['no active turn to interrupt', 'stopped']);
    const ends = readLines(fileOf(threadId)).filter(({ payload }) => payload.type === 'turn_aborted');
    expect(ends).to.have.length(1);
  });

  it('is stopped by the end of the daemon, with everything that was said', async () => {
    const own = await DaemonRig.start();
    try {
      const first = await own.client();
      const id = await first.startThread();
      const { done } = await first.startTurn(id, 'hang');
      await first.notification('item/agentMessage/delta');
      await own.restart();
      expect((await done).status).to.equal('interrupted');
      expect((await first.closed).code).to.equal(1001);
      const second = await own.client();
      const { thread } = await second.call('thread/read', { threadId: id, includeTurns: true });
      expect(thread.turns.map((turn: any) => [turn.status, agentTexts(turn)])).to.deep.equal([
        ['interrupted', ['hanging']],
      ]);
    } finally {
      await own.close();
    }
  });

  describe('to be steered', () => {
    it('completes what was being said, takes the new words in, and goes on', async () => {
      const { turnId, done } = await client.startTurn(threadId, 'hang');
      await said('hanging');
      const from = client.received.length;
      const input = [{ type: 'text', text: 'also this' }];
      const result = await client.call('turn/steer', {
        threadId,
        expectedTurnId: turnId,
        input,
        clientUserMessageId: 'steer-1',
      });
      expect(result).to.deep.equal({ turnId });
      expect((await done).status).to.equal('completed');
      expect(namesOf(client.received.slice(from))).to.deep.equal([
        'item/completed',
        'reply 4',
        'item/started',
        'item/completed',
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
      expect(await keptEverywhere()).to.deep.equal([
        ['hanging', true],
        ['echo: also this', false],
      ]);
      const [turn] = await readTurns();
      expect(turn.items.map((item: any) => [item.type, item.clientId ?? null])).to.deep.equal([
        ['userMessage', null],
        ['agentMessage', null],
        ['userMessage', 'steer-1'],
        ['agentMessage', null],
      ]);
      expect(conversationTexts(rig.model.requests.at(-1)!.input)).to.deep.equal(['hang', 'hanging', 'also this']);
    });

    it('by turn/start, which answers with the turn that runs', async () => {
      const { turnId, done } = await client.startTurn(threadId, 'hang');
      await said('hanging');
      const second = await client.startTurn(threadId, 'second start');
      expect([second.turnId, (await done).status]).to.deep.equal([turnId, 'completed']);
      expect(await keptEverywhere()).to.deep.equal([
        ['hanging', true],
        ['echo: second start', false],
      ]);
      expect(await readTurns()).to.have.length(1);
    });

    it('by two turn/starts at once, which make one turn', async () => {
      const other = await rig.client();
      const start = async (asker: CheckedClient, text: string): Promise<string> =>
        (await asker.call('turn/start', { threadId, input: [{ type: 'text', text }] })).turn.id;
      const ids = await Promise.all([start(client, 'hang'), start(other, 'hang')]);
      expect(ids[0]).to.equal(ids[1]);
      await client.call('turn/interrupt', { threadId, turnId: ids[0] });
      const [turn] = await readTurns();
      expect(turn.items.filter((item: any) => item.type === 'userMessage')).to.have.length(2);
    });

    it('is refused with the wrong id, without input, and when nothing runs', async () => {
      const input = [{ type: 'text', text: 'x' }];
      const steer = (expectedTurnId: string, words = input) =>
        client.ask('turn/steer', { threadId, expectedTurnId, input: words });
      const idle = await steer('bogus');
      const { turnId, done } = await client.startTurn(threadId, 'hang');
      const refused = [idle, await steer('bogus'), await steer(turnId, [])];
      expect(refused.map(({ error }) => [error?.code, error?.message, error?.data.reason])).to.deep.equal([
        [-32600, 'no active turn to steer', 'no_active_turn'],
        [-32600, `expected active turn id \`bogus\` but found \`${turnId}\``, 'active_turn_mismatch'],
        [-32600, 'input must not be empty', 'empty_input'],
      ]);
      await client.call('turn/interrupt', { threadId, turnId });
      const { items } = (await readTurns())[0];
      expect([(await done).status, items.filter((item: any) => item.type === 'userMessage').length]).to.deep.equal([
        'interrupted',
        1,
      ]);
    });
  });

  describe('by its model', () => {
    it('keeps the text of a stream that was cut, and tries again', async () => {
      const done = await client.runTurn(threadId, 'cut after 3 deltas 1');
      expect([done.status, agentTexts(done)]).to.deep.equal(['completed', ['echo: cut after 3 deltas 1']]);
      expect(await keptEverywhere()).to.deep.equal([
        ['partial partial partial ', true],
        ['echo: cut after 3 deltas 1', false],
      ]);
      const errors = client.received.filter(({ method }) => method === 'error');
      expect(errors.map(({ params }) => params)).to.deep.equal([
        {
          threadId,
          turnId: done.id,
          willRetry: true,
          error: {
            message: 'Reconnecting... 1/1',
            codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: null } },
            additionalDetails: 'stream disconnected before completion: connection reset',
            misalignment: null,
          },
        },
      ]);
      const names = namesOf(client.notificationsOf(threadId)).filter((name) => /^item\/(st|co)|error/.test(name));
      expect(names, 'the cut item is complete before the retry is told').to.deep.equal([
        'item/started',
        'item/completed',
        'item/started',
        'item/completed',
        'error',
        'item/started',
        'item/completed',
      ]);
    });

    it('fails when the retries are used up, keeps every text, and works again at the next turn', async () => {
      const done = await client.runTurn(threadId, 'cut after 2 deltas');
      const message = 'stream disconnected before completion: connection reset';
      const error = { message, codexErrorInfo: 'other', additionalDetails: null, misalignment: null };
      expect([done.status, done.error, done.items]).to.deep.equal(['failed', error, []]);
      expect(await keptEverywhere()).to.deep.equal([
        ['partial partial ', true],
        ['partial partial ', true],
      ]);
      const story = client.notificationsOf(threadId);
      expect(namesOf(story).slice(-5)).to.deep.equal([
        'item/completed',
        'thread/status/changed',
        'error',
        'thread/readState/changed',
        'turn/completed',
      ]);
      expect(story.slice(-4, -2).map(({ params }) => params)).to.deep.equal([
        { threadId, status: { type: 'systemError' } },
        { threadId, turnId: done.id, willRetry: false, error },
      ]);
      const [turn] = await readTurns();
      expect([turn.status, turn.error.message]).to.deep.equal(['failed', message]);
      const next = await client.runTurn(threadId, 'recover');
      expect([next.status, agentTexts(next)]).to.deep.equal(['completed', ['echo: recover']]);
      const texts = conversationTexts(rig.model.requests.at(-1)!.input);
      expect(texts.at(-1)).to.equal('recover');
      expect(texts).to.include('partial partial ');
    });
  });
});
