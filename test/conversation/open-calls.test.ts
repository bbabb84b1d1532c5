import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import type { ModelReply } from '../support/model-reply.js';

const CALLS = ['call_a', 'call_b'];
const OTHER_WORDS = [{ type: 'text', text: 'other words' }];

interface Running {
  client: CheckedClient;
  threadId: string;
  turnId: string;
  reply: ModelReply;
}

/** Every way in which a request can end after the model has called, and before it has said that it is done. */
const ENDINGS: Record<string, (running: Running) => Promise<unknown> | void> = {
  'is interrupted': ({ client, threadId, turnId }) => client.call('turn/interrupt', { threadId, turnId }),
  'is steered': ({ client, threadId, turnId }) =>
    client.call('turn/steer', { threadId, expectedTurnId: turnId, input: OTHER_WORDS }),
  'is steered by turn/start': ({ client, threadId }) => client.call('turn/start', { threadId, input: OTHER_WORDS }),
  'is cut and tried again': ({ reply }) => reply.cut(),
  'ends early': ({ reply }) => reply.end(),
  fails: ({ reply }) => reply.failResponse('server_overloaded', 'too much'),
  'breaks the rules': ({ reply }) => {
    reply.raw('event: response.output_text.delta\ndata: {"type":"response.output_te\n\n');
    reply.end();
  },
  'is left incomplete': ({ reply }) => reply.leaveIncomplete('max_output_tokens'),
};

describe('what the model called in a request that', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const fileOf = (threadId: string): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;

  /** A turn whose model has made two calls and begun to talk. */
  async function call(): Promise<Running & { done: Promise<any> }> {
    let held!: ModelReply;
    let calls = 0;
    rig.model.script(async ({ lastUserText }, reply) => {
      if (lastUserText !== 'call' || (calls += 1) > 1) return false;
      held = reply;
      reply.create();
      for (const callId of CALLS) reply.functionCall('look', `{"of":"${callId}"}`, callId);
      reply.startMessage();
      reply.delta('meanwhile');
      await reply.closed;
      return undefined;
    });
    const threadId = await client.startThread();
    const { turnId, done } = await client.startTurn(threadId, 'call');
    await client.notification('item/agentMessage/delta', ({ delta }) => delta === 'meanwhile');
    return { client, threadId, turnId, reply: held, done };
  }

  /** The next request holds each call once, each followed by its one output. */
  function expectAnswered(output: string): void {
    const items = rig.model.requests.at(-1)!.input.filter(({ type }) => String(type).startsWith('function_call'));
    const seen = items.map(({ type, call_id, output: text }) => [type, call_id, text]);
    expect(seen.toSorted()).to.deep.equal([
      ...CALLS.map((callId) => ['function_call', callId, undefined]),
      ...CALLS.map((callId) => ['function_call_output', callId, output]),
    ]);
    for (const callId of CALLS) {
      const places = items.flatMap(({ call_id }, index) => (call_id === callId ? [index] : []));
      expect(items[places[0]!]!['type'], 'the call comes first').to.equal('function_call');
    }
  }

  async function expectShown(threadId: string, status: string): Promise<void> {
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    const items = thread.turns[0].items.filter((item: any) => item.type === 'dynamicToolCall');
    expect(items.map((item: any) => [item.id, item.tool, item.arguments, item.status])).to.deep.equal(
      CALLS.map((callId) => [callId, 'look', { of: callId }, status]),
    );
  }

  for (const [ending, end] of Object.entries(ENDINGS)) {
    it(`${ending} has one output for each call before the model, and one item for people, ever after`, async () => {
      const running = await call();
      const { threadId } = running;
      await end(running);
      await running.done;
      const told = client
        .notificationsOf(threadId)
        .filter(({ params }) => params!['item']?.type === 'dynamicToolCall')
        .map(({ method, params }) => [method, params!['item'].id, params!['item'].status]);
      expect(told.toSorted()).to.deep.equal([
        ...CALLS.map((callId) => ['item/completed', callId, 'failed']),
        ...CALLS.map((callId) => ['item/started', callId, 'inProgress']),
      ]);
      await client.runTurn(threadId, 'next');
      expectAnswered('aborted');
      await expectShown(threadId, 'failed');

      await rig.daemon.registry.removeConversation(threadId);
      await client.call('thread/resume', { threadId });
      await client.runTurn(threadId, 'loaded again');
      expectAnswered('aborted');
      await expectShown(threadId, 'failed');
    });
  }

  it('a dying daemon leaves behind has the same, once, from the next input on', async () => {
    const running = await call();
    const { threadId } = running;
    // As a kill would leave it: what is in the file at this moment, and nothing after.
    const file = fileOf(threadId);
    const left = readFileSync(file);
    await rig.daemon.close();
    writeFileSync(file, left);
    for (const text of ['after a kill', 'after a restart']) {
      await rig.restart();
      client = await rig.client();
      await client.call('thread/resume', { threadId });
      await client.runTurn(threadId, text);
      expectAnswered('aborted');
      await expectShown(threadId, 'failed');
    }
  });
});
