import { expect } from 'chai';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { formatEvent } from '../support/model-reply.js';
import type { ModelReply } from '../support/model-reply.js';
import { deltaText } from '../support/model-script.js';
import { agentTexts, conversationTexts } from './wire-story.js';

const STREAM = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const PAGE = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n';
/** Milliseconds of silence after which a model counts as dead here. */
const PATIENCE = 300;

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const event = (type: string, fields: object): string => chunk(formatEvent({ type, ...fields }));
const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'in_progress', content: [] };
/** The beginning of an answer that says "so far". */
const BEGUN =
  STREAM +
  event('response.created', { response: { id: 'resp_1' } }) +
  event('response.output_item.added', { output_index: 0, item: message }) +
  event('response.output_text.delta', { item_id: 'msg_1', output_index: 0, delta: 'so far' });

/** Writes this again and again, as long as somebody listens. */
function repeat(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 20);
  socket.once('close', () => clearInterval(timer));
}

interface Fault {
  what: string;
  /** What the server does with a connection, once it was asked. */
  answer: (socket: Socket) => void;
  message: RegExp;
  /** Requests made where one further attempt of each sort is allowed. */
  requests?: number;
  /** What was said before is kept, of each attempt. */
  says?: boolean;
}

const FAULTS: Fault[] = [
  { what: 'is not answered', answer: () => undefined, message: /^no answer for 300 ms$/ },
  { what: 'is closed without an answer', answer: (socket) => socket.end(), message: /^connection failed: / },
  { what: 'is reset without an answer', answer: (socket) => socket.resetAndDestroy(), message: /^connection failed: / },
  {
    what: 'is answered in another language',
    answer: (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
    message: /^connection failed: /,
  },
  { what: 'is answered with half a head', answer: (socket) => socket.write('HTTP/1.1 200'), message: /^no answer for/ },
  {
    what: 'is answered with a head alone',
    answer: (socket) => socket.write(STREAM),
    message: /^the stream fell silent for 300 ms$/,
  },
  {
    what: 'breaks in mid-answer',
    answer: (socket) => socket.write(BEGUN, () => socket.resetAndDestroy()),
    message: /^stream disconnected before completion/,
    says: true,
  },
  {
    what: 'falls silent in mid-answer',
    answer: (socket) => socket.write(BEGUN),
    message: /^the stream fell silent for 300 ms$/,
    says: true,
  },
  {
    what: 'falls silent in the middle of an event',
    answer: (socket) => socket.write(BEGUN + chunk('event: response.output_text.delta\ndata: {"type":"resp')),
    message: /^the stream fell silent for 300 ms$/,
    says: true,
  },
  {
    what: 'ends in the middle of an event',
    answer: (socket) => socket.end(`${BEGUN}${chunk('event: response.output_text.delta\ndata: {"ty')}0\r\n\r\n`),
    message: /^(stream disconnected before completion|invalid response)/,
    says: true,
  },
  {
    what: 'goes on in bytes that mean nothing',
    answer: (socket) => {
      socket.write(BEGUN);
      repeat(socket, chunk('\u0000\ufffd garbage\n\n'));
    },
    message: /^the stream fell silent for 300 ms$/,
    says: true,
  },
  {
    what: 'breaks the rules of its encoding',
    answer: (socket) => socket.write(`${BEGUN}this is no length\r\n`),
    // What came in the same piece was never heard.
    message: /^stream disconnected before completion/,
  },
  {
    what: 'is answered with a page that never ends',
    answer: (socket) => {
      socket.write(PAGE);
      repeat(socket, chunk('<p>Welcome to the hotel network</p>\n'));
    },
    message: /^invalid response from the model server: text\/html from /,
    requests: 1,
  },
];

interface Outcome {
  threadId: string;
  status: string;
  message: string | undefined;
  requests: number;
}

describe('a request to a model that', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let server: Server;
  /** What conversations are answered, and how often they have asked. */
  const asked = new Map<string, { answer: Fault['answer']; times: number }>();
  const sockets = new Set<Socket>();
  const outcomes = new Map<Fault, Promise<Outcome>>();
  let neighbour: ModelReply;
  let said = 0;

  before(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
      let request = '';
      socket.on('data', (bytes) => {
        request += bytes.toString('latin1');
        const [, threadId = ''] = /"prompt_cache_key":"([^"]+)"/.exec(request) ?? [];
        const plan = asked.get(threadId);
        if (plan === undefined) return;
        request = '';
        plan.times += 1;
        plan.answer(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const extraToml = `
[model_providers.broken]
name = "broken"
base_url = "http://127.0.0.1:${port}/v1"
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = ${PATIENCE}
`;
    // One worker for all: what one conversation suffers must not hold up the others.
    rig = await DaemonRig.start({ extraToml, configOverrides: ['max_threads=1'] });
    client = await rig.client();
    const begun = new Promise<void>((resolve) => {
      rig.model.script(async ({ lastUserText }, reply) => {
        if (lastUserText !== 'neighbour') return false;
        neighbour = reply;
        reply.create();
        reply.startMessage();
        resolve();
        await reply.closed;
        return undefined;
      });
    });
    await client.startTurn(await client.startThread(), 'neighbour');
    await begun;
    // All at once: most of them wait for the same silence.
    for (const fault of FAULTS) {
      const outcome = run(fault);
      outcome.catch(() => undefined);
      outcomes.set(fault, outcome);
    }
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rig.close();
  });

  async function run({ answer }: Fault): Promise<Outcome> {
    const threadId = await client.startThread({ modelProvider: 'broken' });
    const plan = { answer, times: 0 };
    asked.set(threadId, plan);
    const { done } = await client.startTurn(threadId, 'hello');
    const { status, error } = await done;
    return { threadId, status, message: error?.message, requests: plan.times };
  }

  /** The answer of another conversation, in the same worker, arrives. */
  async function expectNeighbourHeard(): Promise<void> {
    neighbour.delta(deltaText(said));
    await client.notification('item/agentMessage/delta', ({ delta }) => delta === deltaText(said));
    said += 1;
  }

  /** The conversation goes on with a model that works, and the next one sees what people saw. */
  async function expectNextTurn(threadId: string, kept: readonly string[]): Promise<void> {
    await client.call('thread/settings/update', { threadId, model: 'gpt-5.5' });
    await rig.daemon.registry.removeConversation(threadId);
    await client.call('thread/resume', { threadId, modelProvider: 'mock' });
    expect(await client.runTurn(threadId, 'go on')).to.deep.include({ status: 'completed', error: null });
    const given = conversationTexts(rig.model.requests.findLast(({ cacheKey }) => cacheKey === threadId)!.input);
    expect(given.filter((text) => !text.startsWith('<'))).to.deep.equal(['hello', ...kept, 'go on']);
  }

  for (const fault of FAULTS) {
    it(`${fault.what} ends its own turn, with what it had said, and nothing else`, async () => {
      const { message: expected, requests: attempts = 2, says = false } = fault;
      await expectNeighbourHeard();
      const { threadId, status, message: told, requests } = await outcomes.get(fault)!;
      expect([status, requests]).to.deep.equal(['failed', attempts]);
      expect(told).to.match(expected);
      const kept = says ? Array.from({ length: attempts }, () => 'so far') : [];
      const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
      expect(agentTexts(thread.turns[0])).to.deep.equal(kept);
      await expectNextTurn(threadId, kept);
    });
  }

  it('is answered without an end can be stopped, and is left', async () => {
    const threadId = await client.startThread({ modelProvider: 'broken' });
    const left = new Promise<void>((resolve) => {
      const answer = (socket: Socket): void => {
        socket.once('close', () => resolve());
        socket.write(BEGUN);
        repeat(socket, event('response.output_text.delta', { item_id: 'msg_1', output_index: 0, delta: ', and on' }));
      };
      asked.set(threadId, { answer, times: 0 });
    });
    const { turnId, done } = await client.startTurn(threadId, 'hello');
    await client.notification(
      'item/agentMessage/delta',
      (params) => params['turnId'] === turnId && params['delta'] === ', and on',
    );
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await done).status).to.equal('interrupted');
    await left;
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    const [text] = agentTexts(thread.turns[0]) as [string];
    expect(text).to.match(/^so far(, and on)+$/);
    await expectNextTurn(threadId, [text]);
  });
});
