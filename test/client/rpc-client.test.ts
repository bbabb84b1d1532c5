import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { connect } from '../../src/client/rpc-client.js';
import type { ConnectOptions, IncomingRequest, RpcClient, ServerNotification } from '../../src/client/rpc-client.js';
import { RpcClientError } from '../../src/client/rpc-client-error.js';
import { startListener } from '../../src/server/listener.js';
import type { Listener } from '../../src/server/listener.js';

const TOKEN = 'the-token-of-this-home';
const SERVER_INFO = { userAgent: 'test', codexHome: '/home/test', platformFamily: 'unix', platformOs: 'linux' };

interface Frame {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: unknown;
}

/** A daemon's door with a script behind it: real sockets, answers as the test wants them. */
describe('connect', () => {
  let listener: Listener;
  /** Frames that the client sent, in order. */
  let received: Frame[];
  let socket: WebSocket;
  /** Frames sent in answer to a request; nothing is no answer. */
  let script: (frame: Frame) => object[];
  let clients: RpcClient[];

  beforeEach(async () => {
    received = [];
    clients = [];
    script = ({ id, method }) => (method === 'initialize' ? [{ id, result: SERVER_INFO }] : []);
    listener = await startListener({
      listen: 'ws://127.0.0.1:0',
      authMode: 'token',
      token: TOKEN,
      allowedOrigins: [],
      allowedHosts: [],
      isReady: () => true,
      onConnection: (webSocket, rawSocket) => {
        socket = webSocket;
        socket.on('message', (data: Buffer) => {
          const frame = JSON.parse(data.toString()) as Frame;
          received.push(frame);
          // One packet for all of them.
          rawSocket.cork();
          for (const answer of script(frame)) socket.send(JSON.stringify(answer));
          rawSocket.uncork();
          socket.emit('scripted', frame);
        });
      },
      log: { debug: () => undefined, warn: () => undefined },
    });
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await listener.close();
  });

  async function open(change: Partial<ConnectOptions> = {}): Promise<RpcClient> {
    const clientInfo = { name: 'test', version: '1' };
    const client = await connect({ url: listener.url, token: TOKEN, clientInfo, ...change });
    clients.push(client);
    return client;
  }

  async function failureOf(action: Promise<unknown>): Promise<RpcClientError> {
    try {
      await action;
    } catch (error) {
      expect(error).to.be.instanceOf(RpcClientError);
      return error as RpcClientError;
    }
    throw new Error('it succeeded');
  }

  function closedNotification(threadId: string): object {
    return { method: 'thread/closed', params: { threadId }, emittedAtMs: 1 };
  }

  it('initializes, says so, and knows what the daemon is', async () => {
    const client = await open({ experimentalApi: false, optOut: ['thread/started'] });
    if (received.length < 2) await once(socket, 'scripted');
    expect(client.serverInfo).to.deep.equal(SERVER_INFO);
    expect(received).to.deep.equal([
      {
        id: 1,
        method: 'initialize',
        params: {
          clientInfo: { name: 'test', title: null, version: '1' },
          capabilities: { experimentalApi: false, optOutNotificationMethods: ['thread/started'] },
        },
      },
      { method: 'initialized' },
    ]);
  });

  it('asks for the experimental part of the protocol unless told not to', async () => {
    await open();
    expect(received[0]?.params).to.have.nested.property('capabilities.experimentalApi', true);
  });

  it('gives each reply to its request, in whatever order they come', async () => {
    const client = await open();
    const held: Frame[] = [];
    script = (frame) => {
      held.push(frame);
      if (held.length < 3) return [];
      return held.toReversed().map(({ id, params }) => ({ id, result: params }));
    };
    const replies = await Promise.all(['a', 'b', 'c'].map((threadId) => client.request('thread/read', { threadId })));
    expect(replies).to.deep.equal([{ threadId: 'a' }, { threadId: 'b' }, { threadId: 'c' }]);
  });

  it('rejects with code, message and data of an error reply', async () => {
    const client = await open();
    script = ({ id }) => [{ id, error: { code: -32602, message: 'too large', data: { max_chars: 1 } } }];
    const { kind, code, message, data } = await failureOf(client.request('thread/loaded/list', {}));
    expect({ kind, code, message, data }).to.deep.equal({
      kind: 'reply',
      code: -32602,
      message: 'too large',
      data: { max_chars: 1 },
    });
  });

  it('ignores replies that nobody waits for', async () => {
    const client = await open();
    script = ({ id }) => [
      { id: 4711, result: 1 },
      { id: null, error: { code: -32700, message: 'x' } },
      { id, result: 2 },
    ];
    expect(await client.requestUntyped('any')).to.equal(2);
  });

  it('hears notifications in order from the very first on, and no more after it stopped listening', async () => {
    const heard: string[] = [];
    const hear = ({ params }: ServerNotification) => heard.push((params as { threadId: string }).threadId);
    script = ({ id, method }) =>
      method === 'initialize'
        ? [closedNotification('1'), { id, result: SERVER_INFO }, closedNotification('2'), closedNotification('3')]
        : method === 'any'
          ? [closedNotification('4'), { id, result: {} }]
          : [];
    const client = await open({ onNotification: hear });
    const stopped: string[] = [];
    client.onNotification(({ params }) => stopped.push((params as { threadId: string }).threadId))();
    await client.requestUntyped('any');
    expect([heard, stopped]).to.deep.equal([['1', '2', '3', '4'], []]);
  });

  it('waits for the notification that fits', async () => {
    const client = await open();
    const byMethod = client.waitFor('thread/closed', ({ threadId }) => threadId === 'two');
    const byPredicate = client.waitFor(({ method }) => method === 'thread/closed');
    script = ({ id }) => [
      { id, result: {} },
      closedNotification('one'),
      closedNotification('two'),
      closedNotification('three'),
    ];
    await client.requestUntyped('any');
    expect([(await byMethod).params, (await byPredicate).params]).to.deep.equal([
      { threadId: 'two' },
      { threadId: 'one' },
    ]);
  });

  it('answers server requests when it wants to, and leaves them open when nobody listens', async () => {
    const client = await open();
    const asked = { id: 0, method: 'item/commandExecution/requestApproval', params: { itemId: 'x' } };
    script = ({ id, method }) => (method === 'any' ? [asked, { id, result: {} }] : []);
    await client.requestUntyped('any');
    const requests: IncomingRequest[] = [];
    client.onServerRequest((request) => requests.push(request));
    await client.requestUntyped('any');
    await client.requestUntyped('any');
    const before = received.length;
    requests[0]!.respond({ decision: 'accept' });
    requests[1]!.fail(-32603, 'no');
    while (received.length < before + 2) await once(socket, 'scripted');
    expect(requests.map(({ id, method, params }) => ({ id, method, params }))).to.deep.equal([asked, asked]);
    expect(received.slice(before)).to.deep.equal([
      { id: 0, result: { decision: 'accept' } },
      { id: 0, error: { code: -32603, message: 'no' } },
    ]);
  });

  it('rejects what is pending, and all that comes later, with the close code', async () => {
    const client = await open();
    script = () => {
      socket.close(1013, 'too slow');
      return [];
    };
    const waiting = client.waitFor('turn/started');
    // Nobody handles this one: it must not count as an unhandled rejection.
    void client.waitFor('turn/completed');
    const failures = [await failureOf(client.requestUntyped('any')), await failureOf(waiting)];
    failures.push(await failureOf(client.requestUntyped('later')), await failureOf(client.waitFor('turn/started')));
    expect(failures.map(({ kind, code, message }) => [kind, code, message])).to.deep.equal(
      failures.map(() => ['closed', 1013, 'the connection closed (1013: too slow)']),
    );
    expect(await client.closed).to.deep.equal({ code: 1013, reason: 'too slow' });
  });

  it('says 1006 when the connection is cut', async () => {
    const client = await open();
    script = () => {
      socket.terminate();
      return [];
    };
    expect((await failureOf(client.requestUntyped('any'))).code).to.equal(1006);
  });

  it('closes by itself, more than once, and rejects what is pending', async () => {
    const client = await open();
    const pending = failureOf(client.requestUntyped('any'));
    await Promise.all([client.close(), client.close()]);
    expect((await pending).code).to.equal(1000);
    await client.close();
  });

  it('ends the connection when a frame is not JSON', async () => {
    const client = await open();
    socket.send('{');
    expect((await client.closed).code).to.equal(4000);
  });

  it('takes replies larger than what a client may send', async () => {
    const client = await open();
    script = ({ id }) => [{ id, result: 'x'.repeat(20 * 1024 * 1024) }];
    expect(((await client.requestUntyped('any')) as string).length).to.equal(20 * 1024 * 1024);
  });

  it('says why it was refused, in the words of the daemon', async () => {
    const withoutToken = await failureOf(open({ token: null }));
    const withWrongToken = await failureOf(open({ token: 'guess' }));
    const errors = [withoutToken, withWrongToken].map(({ kind, code, data }) => [
      kind,
      code,
      (data as { error: string }).error,
    ]);
    expect(errors).to.deep.equal([
      ['refused', 401, 'missing_token'],
      ['refused', 401, 'invalid_token'],
    ]);
    expect(withWrongToken.message).to.contain('401').and.to.contain("This is not the daemon's token.");
  });

  it('says that nothing answers', async () => {
    const port = listener.port;
    await listener.close();
    const { kind, code, data, message } = await failureOf(open());
    expect({ kind, code, data }).to.deep.equal({ kind: 'unreachable', code: 0, data: { errno: 'ECONNREFUSED' } });
    expect(message).to.contain(`ws://127.0.0.1:${port}`);
    expect((await failureOf(open({ url: 'nonsense' }))).kind).to.equal('unreachable');
  });

  it('tells of a server that is no daemon', async () => {
    const stranger = createServer((connection) => {
      connection.on('error', () => undefined);
      connection.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\ngo away');
    });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const url = `ws://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const { kind, code, message } = await failureOf(open({ url }));
    stranger.close();
    expect([kind, code, message]).to.deep.equal(['refused', 403, 'the daemon refused the connection (403: go away)']);
  });

  it('closes the connection again when initialize is refused', async () => {
    script = ({ id }) => [{ id, error: { code: -32600, message: 'no' } }];
    const failure = await failureOf(open());
    expect([failure.kind, failure.code, failure.message]).to.deep.equal(['reply', -32600, 'no']);
    expect(socket.readyState).to.be.greaterThan(1);
  });

  it('works over a transport of the caller', async () => {
    const sent: string[] = [];
    const client = await connect({
      url: 'any',
      token: null,
      clientInfo: { name: 'test', version: '1' },
      openTransport: async (target, events) => ({
        send: (text) => {
          sent.push(text);
          if (text.includes('"initialize"'))
            events.onText(JSON.stringify({ id: 1, result: { ...SERVER_INFO, userAgent: target.url } }));
        },
        close: () => events.onClose(1000, ''),
      }),
    });
    expect([client.serverInfo.userAgent, sent.length]).to.deep.equal(['any', 2]);
    await client.close();
  });
});
