import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { createLog } from '../../src/log.js';
import type { Log } from '../../src/log.js';
import type { OutgoingFrame } from '../../src/registry/subscription.js';
import { FanOut } from '../../src/registry/fan-out.js';
import { ReplayBudget } from '../../src/registry/replay-budget.js';
import { ReplayRing } from '../../src/registry/replay-ring.js';
import { Connection } from '../../src/server/connection.js';
import { Dispatcher } from '../../src/server/dispatch.js';
import type { Handler, HandlerTable } from '../../src/server/dispatch.js';
import { deltaFrameHead, deltaFrameText, frameText } from '../../src/session/frame-text.js';

const MIB = 1024 * 1024;
const DELTA = 'item/agentMessage/delta';

interface Message {
  id?: number;
  method?: string;
  params: { delta: string; item?: string };
  seq: number;
}

/** A connection of the daemon and its client, over a real socket. */
describe('Connection', () => {
  const log = createLog({ dir: null, level: 'error', console: false });
  let server: Server;
  let connection: Connection;
  let client: WebSocket;
  let received: Message[];
  let closed: Promise<{ code: number; reason: string }>;
  let seq: number;

  beforeEach(async () => {
    seq = 0;
    received = [];
    server = createServer();
    const upgrader = new WebSocketServer({ server, perMessageDeflate: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const arrived = once(upgrader, 'connection') as Promise<[WebSocket, { socket: Socket }]>;
    client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.on('message', (data: Buffer) => received.push(JSON.parse(data.toString()) as Message));
    closed = new Promise((resolve) => client.on('close', (code, reason) => resolve({ code, reason: String(reason) })));
    const [socket, { socket: raw }] = await arrived;
    socket.on('error', () => undefined);
    connection = new Connection(socket, raw, log);
    connection.client = { name: 'test', version: '0', experimentalApi: true, optOut: new Set() };
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  });
  afterEach(async () => {
    client.terminate();
    await closed;
    server.close();
  });
  after(() => log.close());

  const finish = (method: OutgoingFrame['method'], open: string): OutgoingFrame => {
    seq += 1;
    return { method, threadId: 't', bytes: Buffer.from(`${open},"epoch":"e","seq":${seq}}`) };
  };
  const head = deltaFrameHead(DELTA, { threadId: 't', turnId: 'u', itemId: 'i' });
  const delta = (text: string) => finish(DELTA, deltaFrameText(head, text));
  const item = (text: string) => finish('item/completed', frameText('item/completed', { item: text }));
  /** Says so many bytes in frames that are no deltas. */
  const sayItems = (bytes: number) => {
    const text = 'x'.repeat(64 * 1024);
    for (let said = 0; said < bytes; said += text.length) connection.deliver(item(text));
  };
  const read = async (isLast: (message: Message) => boolean): Promise<void> => {
    client.resume();
    while (received.length === 0 || !isLast(received.at(-1)!)) await once(client, 'message');
  };

  it('gives a client that reads everything as it was said, however fast', async () => {
    for (let index = 0; index < 20_000; index += 1) connection.deliver(delta(`${index} `));
    connection.sendResult(1, '"done"');
    await read(({ id }) => id === 1);
    expect(received.slice(0, -1).map((message) => message.seq)).to.deep.equal(
      Array.from({ length: 20_000 }, (_, index) => index + 1),
    );
  });

  it('asks also a client that wants to hear nothing', async () => {
    const method = 'item/tool/requestUserInput';
    connection.client = { name: 'test', version: '0', experimentalApi: true, optOut: new Set([DELTA, method]) };
    connection.deliver(delta('unwanted'));
    connection.deliver({ method, threadId: 't', bytes: Buffer.from(JSON.stringify({ method, id: 0 })) });
    await read(({ id }) => id === 0);
    expect(received).to.deep.equal([{ method, id: 0 }]);
  });

  it('joins what waits of one text for a client that does not read, rather than closing it', async () => {
    client.pause();
    const DELTAS = 200_000;
    for (let index = 0; index < DELTAS; index += 1) {
      connection.deliver(delta(`${index} `));
      if (index % 10_000 === 0) await nextTick();
    }
    connection.deliver(item('last'));
    expect([connection.isOpen, seq]).to.deep.equal([true, DELTAS + 1]);
    await read(({ method }) => method === 'item/completed');
    const deltas = received.slice(0, -1);
    expect(deltas.map(({ params }) => params.delta).join('')).to.equal(
      Array.from({ length: DELTAS }, (_, index) => `${index} `).join(''),
    );
    expect(deltas.length).to.be.lessThan(DELTAS / 2);
    expect([deltas.at(-1)!.seq, received.at(-1)!.seq]).to.deep.equal([DELTAS, DELTAS + 1]);
    // Each carries the number of its last part.
    for (const { params, seq: number } of deltas) {
      expect(Number(params.delta.trim().split(' ').at(-1))).to.equal(number - 1);
    }
  });

  it('closes a client that takes nothing and says where to take up again, after what it had asked for', async () => {
    client.pause();
    sayItems(4 * MIB);
    connection.sendResult(1, '"first"');
    sayItems(4 * MIB);
    connection.sendResult(2, '"second"');
    for (let more = 0; connection.isOpen && more < 100; more += 1) sayItems(MIB);
    expect(connection.isOpen).to.equal(false);
    connection.sendResult(3, '"too late"');
    connection.deliver(item('too late'));
    client.resume();
    const { code, reason } = await closed;
    expect(code).to.equal(1013);
    expect(Buffer.byteLength(reason)).to.be.at.most(123);
    expect(reason).to.contain('thread/resume with afterEpoch and afterSeq');
    const ids = received.flatMap(({ id }) => id ?? []);
    expect([ids, received.slice(-2).map(({ id }) => id)]).to.deep.equal([
      [1, 2],
      [1, 2],
    ]);
    const seqs = received.flatMap((message) => message.seq ?? []);
    expect(seqs).to.deep.equal(Array.from({ length: seqs.length }, (_, index) => index + 1));
  });

  it('never calls a client slow for the length of what it asked for, but takes no more of its requests', async () => {
    client.pause();
    const text = JSON.stringify('x'.repeat(40 * MIB));
    connection.sendResult(1, text);
    expect(connection.isOverloaded).to.equal(false);
    connection.sendResult(2, text);
    connection.deliver(delta('after'));
    expect([connection.isOpen, connection.isOverloaded]).to.deep.equal([true, true]);
    await read(({ method }) => method === DELTA);
    expect([received.map(({ id, params }) => id ?? params.delta), connection.isOverloaded]).to.deep.equal([
      [1, 2, 'after'],
      false,
    ]);
  });

  it('has further requests refused while too many wait for their answer, which is counted', async () => {
    const lines: unknown[] = [];
    const counted = { ...log, warn: (_message: string, meta: object) => lines.push(meta) } as unknown as Log;
    const waiting: (() => void)[] = [];
    const list: Handler<'thread/loaded/list'> = (_params, respond) => {
      waiting.push(() => respond.result({ data: [], nextCursor: null }));
    };
    const dispatcher = new Dispatcher({ 'thread/loaded/list': list } as HandlerTable, () => undefined, counted);
    const ask = (id: number) =>
      dispatcher.receive(connection, JSON.stringify({ id, method: 'thread/loaded/list', params: {} }), false);
    for (let id = 1; id <= 1030; id += 1) ask(id);
    expect([waiting.length, dispatcher.refused, lines]).to.deep.equal([
      1024,
      6,
      [{ client: 'test', inFlight: 1024, refused: 1 }],
    ]);
    waiting[0]!();
    ask(2000);
    expect([waiting.length, dispatcher.refused]).to.deep.equal([1025, 6]);
    await read(({ id }) => id === 1);
    expect(received.map(({ id }) => id)).to.deep.equal([1025, 1026, 1027, 1028, 1029, 1030, 1]);
  });

  it('takes up many conversations at once without being called slow', async () => {
    client.pause();
    const [CONVERSATIONS, TURNS] = [16, 60];
    const last: Record<string, number> = {};
    const seen: Record<string, number> = {};
    const isLive: string[] = [];
    client.on('message', (data: Buffer) => {
      const { params, seq: number } = JSON.parse(data.toString()) as { params: { threadId: string }; seq: number };
      // In order, none twice.
      expect(number).to.equal((seen[params.threadId] ?? 0) + 1);
      seen[params.threadId] = number;
    });
    const replays = Array.from({ length: CONVERSATIONS }, async (_, index) => {
      const threadId = String(index);
      const fanOut = new FanOut(
        threadId,
        'e',
        new Set([connection]),
        new ReplayRing(8 * MIB, new ReplayBudget(128 * MIB)),
      );
      const text = 'x'.repeat(64 * 1024);
      for (let turn = 0; turn < TURNS; turn += 1) fanOut.publish('item/completed', { threadId, item: text });
      const { reattach } = fanOut.join(connection, { epoch: 'e', seq: 0 });
      fanOut.publish('turn/completed', { threadId, turn: text });
      last[threadId] = fanOut.seq;
      if (reattach?.type === 'replay') await fanOut.replay(connection, reattach);
      isLive.push(threadId);
    });
    for (let tick = 0; tick < 20; tick += 1) await nextTick();
    expect([connection.isOpen, isLive]).to.deep.equal([true, []]);
    client.resume();
    await Promise.all(replays);
    while (Object.keys(last).some((threadId) => seen[threadId] !== last[threadId])) await once(client, 'message');
    expect([connection.isOpen, connection.whenReady()]).to.deep.equal([true, null]);
  });

  it('tells who waits until it has read when it is gone', async () => {
    client.pause();
    sayItems(8 * MIB);
    const ready = connection.whenReady();
    expect(ready).to.be.instanceOf(Promise);
    client.terminate();
    await ready;
    expect(connection.whenReady()).to.equal(null);
  });

  it('says all that was said before it closes', async () => {
    client.pause();
    sayItems(8 * MIB);
    connection.close(1001, 'bye');
    connection.deliver(item('after'));
    client.resume();
    expect(await closed).to.deep.equal({ code: 1001, reason: 'bye' });
    expect(received.map((message) => message.seq)).to.deep.equal(Array.from({ length: 128 }, (_, index) => index + 1));
  });
});
