import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { DaemonError } from '../../src/errors.js';
import { startListener } from '../../src/server/listener.js';
import type { Listener, ListenerOptions } from '../../src/server/listener.js';
import { exchangeHead, UPGRADE } from './exchange-head.js';
import type { Answer } from './exchange-head.js';

const TOKEN = 'the-token-of-this-home';
const ORIGIN = 'http://localhost:3000';

describe('startListener', () => {
  let listener: Listener | undefined;
  let ready: boolean;
  let arrived: WebSocket[];
  let extraClients: { terminate(): void }[];

  beforeEach(() => {
    ready = true;
    arrived = [];
    extraClients = [];
  });

  afterEach(async () => {
    for (const client of extraClients) client.terminate();
    await listener?.close();
    listener = undefined;
  });

  /** Starts a listener that echoes text. */
  async function start(change: Partial<ListenerOptions> = {}): Promise<Listener> {
    listener = await startListener({
      listen: 'ws://127.0.0.1:0',
      authMode: 'token',
      token: TOKEN,
      allowedOrigins: [ORIGIN],
      allowedHosts: [],
      isReady: () => ready,
      onConnection: (socket) => {
        arrived.push(socket);
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
      },
      log: { debug: () => undefined, warn: () => undefined },
      ...change,
    });
    return listener;
  }

  function openSocket(): Socket {
    const socket = connect(listener!.port, '127.0.0.1');
    // Resets are part of what is tested.
    socket.on('error', () => undefined);
    extraClients.push({ terminate: () => socket.destroy() });
    return socket;
  }

  function exchange(head: string[]): Promise<Answer> {
    return exchangeHead(listener!.port, head);
  }

  async function openClient(options: WebSocket.ClientOptions = {}, path = '/'): Promise<WebSocket> {
    const client = new WebSocket(listener!.url + path, { headers: { authorization: `Bearer ${TOKEN}` }, ...options });
    extraClients.push(client);
    await once(client, 'open');
    return client;
  }

  /** Upgraded, and then no WebSocket: it answers nothing. */
  async function openDeafClient(): Promise<Socket> {
    const socket = openSocket();
    const head = [`GET / HTTP/1.1`, `Host: localhost:${listener!.port}`, `Authorization: Bearer ${TOKEN}`, ...UPGRADE];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    return socket;
  }

  async function echo(client: WebSocket, text: string): Promise<string> {
    client.send(text);
    const [data] = (await once(client, 'message')) as [Buffer];
    return String(data);
  }

  async function failureOf(change: Partial<ListenerOptions>): Promise<DaemonError> {
    try {
      await start(change);
    } catch (error) {
      expect(error).to.be.instanceOf(DaemonError);
      return error as DaemonError;
    }
    throw new Error('it started');
  }

  it('tells in JSON what a client did wrong, and which scheme it wants', async () => {
    const { port } = await start();
    const refused = async (...headers: string[]) => {
      const answer = await exchange([
        'GET / HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        ...headers,
      ]);
      return [
        answer.status,
        answer.headers['www-authenticate'],
        answer.headers['content-type'],
        (JSON.parse(answer.body) as { error: string }).error,
      ];
    };
    const type = 'application/json; charset=utf-8';
    expect([
      await refused(),
      await refused('Authorization: Bearer nope'),
      await refused('Authorization: nope'),
      await refused('Origin: null'),
    ]).to.deep.equal([
      [401, 'Bearer', type, 'missing_token'],
      [401, 'Bearer', type, 'invalid_token'],
      [401, 'Bearer', type, 'invalid_authorization_header'],
      [403, undefined, type, 'origin_not_allowed'],
    ]);
  });

  it('says by status alone whether it is alive and ready', async () => {
    const { port } = await start();
    const ask = async (path: string) => {
      const { status, headers, body } = await exchange([`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]);
      return [status, headers['content-length'], body];
    };
    ready = false;
    expect([await ask('/healthz'), await ask('/readyz')]).to.deep.equal([
      [200, '0', ''],
      [503, '0', ''],
    ]);
    ready = true;
    expect(await ask('/readyz')).to.deep.equal([200, '0', '']);
  });

  it('takes connections on any path, with plain frames, no subprotocol, and hands over the raw socket', async () => {
    let raw: Socket | undefined;
    await start({
      onConnection: (socket, rawSocket) => {
        raw = rawSocket;
        socket.on('message', (data) => socket.send(data, { binary: false }));
      },
    });
    const client = await openClient({ perMessageDeflate: true }, '/some/path?x=1');
    expect([client.extensions, client.protocol, await echo(client, 'grüße')]).to.deep.equal(['', '', 'grüße']);
    expect(raw?.remotePort).to.be.a('number');
    const port = listener!.port;
    const answer = await exchange([
      'GET / HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${TOKEN}`,
      ...UPGRADE,
      'Sec-WebSocket-Protocol: one, two',
    ]);
    expect([
      answer.status,
      answer.headers['sec-websocket-protocol'],
      answer.headers['sec-websocket-accept'],
    ]).to.deep.equal([101, undefined, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
  });

  it('needs no token when authentication is off', async () => {
    await start({ authMode: 'none', token: null });
    const client = await openClient({ headers: {} });
    expect(await echo(client, 'hello')).to.equal('hello');
  });

  it('closes with 1009 for a frame that is too large, and nothing else changes', async () => {
    await start({ maxPayloadBytes: 100_000 });
    const [greedy, other] = [await openClient(), await openClient()];
    expect((await echo(greedy, 'x'.repeat(100_000))).length).to.equal(100_000);
    greedy.send('x'.repeat(100_001));
    const [code] = (await once(greedy, 'close')) as [number];
    expect([code, await echo(other, 'still here'), await echo(await openClient(), 'new')]).to.deep.equal([
      1009,
      'still here',
      'new',
    ]);
  });

  it('closes with 1009 for a 64 MB frame under the default limit of 16 MiB', async () => {
    await start();
    const [greedy, other] = [await openClient(), await openClient()];
    greedy.send(Buffer.alloc(64 * 1024 * 1024, 0x61), { binary: false });
    const [code] = (await once(greedy, 'close')) as [number];
    expect([code, await echo(other, 'still here')]).to.deep.equal([1009, 'still here']);
  });

  it('ends a client that falls silent and keeps one that answers pings', async () => {
    await start({ pingIntervalMs: 15 });
    const lively = await openClient();
    const silent = await openClient({ autoPong: false });
    let pings = 0;
    silent.on('ping', () => pings++);
    const [code] = (await once(silent, 'close')) as [number];
    expect([code, pings > 0]).to.deep.equal([1006, true]);
    expect(await echo(lively, 'here')).to.equal('here');
  });

  it('counts an upload that is under way as a sign of life', async () => {
    await start({ pingIntervalMs: 15 });
    const client = await openClient({ autoPong: false });
    let pings = 0;
    // One long message in fragments, one with each ping: more of them than a silent client would get.
    client.on('ping', () => client.send('x', { fin: ++pings === 8 }));
    const [data] = (await once(client, 'message')) as [Buffer];
    expect(String(data)).to.equal('x'.repeat(8));
  });

  it('counts taking what was sent as a sign of life, however slowly, and no longer than it goes on', async () => {
    await start({ pingIntervalMs: 80 });
    const clock = await openClient();
    const slow = await openDeafClient();
    slow.pause();
    const ended = once(arrived[1]!, 'close');
    arrived[1]!.send(Buffer.alloc(80 * 1024 * 1024));
    // More pings than a silent client would get; the answer to the first would come behind all of that.
    for (let pings = 0; pings < 6; pings++) {
      await once(clock, 'ping');
      slow.resume();
      for (const from = slow.bytesRead; slow.bytesRead - from < 4 * 1024 * 1024;) await once(slow, 'data');
      slow.pause();
    }
    expect(arrived[1]!.readyState).to.equal(WebSocket.OPEN);
    const [code] = (await ended) as [number];
    expect(code).to.equal(1006);
    expect(await echo(clock, 'here')).to.equal('here');
  });

  it('drops sockets that never finish a request', async () => {
    const { port } = await start({ headersTimeoutMs: 50 });
    const [mute, slow] = [openSocket(), openSocket()];
    slow.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
    // An answer may come first; what matters is that the socket ends.
    await Promise.all([once(mute.resume(), 'close'), once(slow.resume(), 'close')]);
    expect((await exchange(['GET /healthz HTTP/1.1', `Host: 127.0.0.1:${port}`])).status).to.equal(200);
  });

  it('leaves a WebSocket open that is idle for longer than a request may take', async () => {
    await start({ headersTimeoutMs: 20, pingIntervalMs: 15 });
    const client = await openClient();
    for (let pings = 0; pings < 8; pings++) await once(client, 'ping');
    expect(await echo(client, 'hello')).to.equal('hello');
  });

  it('survives a client that leaves in the middle of being refused, and frames that are none', async () => {
    const { port } = await start();
    const leaving = openSocket();
    leaving.write(`GET / HTTP/1.1\r\nHost: evil\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    leaving.resetAndDestroy();
    const broken = openSocket();
    broken.write(
      `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n${UPGRADE.join('\r\n')}\r\n\r\n`,
    );
    await once(broken, 'data');
    broken.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await once(broken.resume(), 'close');
    expect(await echo(await openClient(), 'hello')).to.equal('hello');
  });

  it('closes with 1011 a connection that cannot be set up, and goes on', async () => {
    const warnings: string[] = [];
    let broken = true;
    await start({
      onConnection: (socket) => {
        if (broken) throw new Error('no room');
        socket.send('welcome');
      },
      log: { debug: () => undefined, warn: (message) => warnings.push(message) },
    });
    const [code] = (await once(await openClient(), 'close')) as [number];
    broken = false;
    const client = new WebSocket(listener!.url, { headers: { authorization: `Bearer ${TOKEN}` } });
    extraClients.push(client);
    const [data] = (await once(client, 'message')) as [Buffer];
    expect([code, String(data), warnings]).to.deep.equal([1011, 'welcome', ['a connection could not be set up']]);
  });

  it('stops accepting without touching who is there, and then closes with 1001', async () => {
    const { port } = await start();
    const client = await openClient();
    // Connected before, asks after: the door is shut for it as well.
    const waiting = openSocket();
    await once(waiting, 'connect');
    waiting.write(`GET /healthz HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    await once(waiting, 'data');
    listener!.stopAccepting();
    const readiness = await fetch(`http://127.0.0.1:${port}/readyz`);
    const late = new WebSocket(listener!.url, { headers: { authorization: `Bearer ${TOKEN}` } });
    const [refusal] = (await once(late, 'error')) as [Error];
    expect([readiness.status, refusal.message, await echo(client, 'still here')]).to.deep.equal([
      503,
      'Unexpected server response: 503',
      'still here',
    ]);
    const closed = once(client, 'close');
    await Promise.all([listener!.close(), listener!.close()]);
    expect((await closed)[0]).to.equal(1001);
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });

  it('closes even when a client never answers the close frame', async () => {
    await start();
    const deaf = await openDeafClient();
    deaf.pause();
    await listener!.close();
    expect(arrived.map((socket) => socket.readyState)).to.deep.equal([WebSocket.CLOSED]);
  });

  it('says in plain words that the address is taken', async () => {
    const { port } = await start();
    const taken = listener;
    const error = await failureOf({ listen: `ws://127.0.0.1:${port}` });
    expect({ code: error.code, data: error.data }).to.deep.equal({
      code: 'listen_failed',
      data: { code: 'EADDRINUSE' },
    });
    expect(error.message).to.contain(`ws://127.0.0.1:${port}`).and.to.contain('another program listens there');
    listener = taken;
  });

  it('refuses an address that is no literal one, and an open door beyond loopback', async () => {
    expect((await failureOf({ listen: 'ws://localhost:0' })).code).to.equal('config_invalid');
    expect((await failureOf({ listen: 'ws://0.0.0.0:0', authMode: 'none', token: null })).message).to.contain(
      'without authentication',
    );
    expect((await failureOf({ token: null })).code).to.equal('config_invalid');
    expect((await failureOf({ listen: 'ws://192.0.2.1:0' })).code).to.equal('listen_failed');
  });

  it('listens on IPv6', async function () {
    try {
      await start({ listen: 'ws://[::1]:0' });
    } catch (error) {
      if (error instanceof DaemonError && error.code === 'listen_failed') return this.skip();
      throw error;
    }
    expect(listener!.url).to.equal(`ws://[::1]:${listener!.port}`);
    expect(await echo(await openClient(), 'hello')).to.equal('hello');
  });
});
