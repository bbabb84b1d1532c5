import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { DaemonError } from '../../src/errors.js';
import { startListener } from '../../src/server/listener.js';
import type { Listener, ListenerOptions } from '../../src/server/listener.js';

const TOKEN = 'the-token-of-this-home';
const ORIGIN = 'http://localhost:3000';

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

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

  /** Sends a request head as it is and reads the answer; the status is all of it after an upgrade. */
  async function exchange(head: string[]): Promise<Answer> {
    const socket = openSocket();
    socket.write([...head, '', ''].join('\r\n'));
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (/^HTTP\/1\.1 (101|200|503) .*\r\n\r\n$/s.test(text)) break;
    }
    const [top = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
    const [statusLine = '', ...lines] = top.split('\r\n');
    const headers = lines
      .map((line) => line.split(/: (.*)/s).slice(0, 2))
      .map(([name, value]) => [name!.toLowerCase(), value]);
    return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers), body };
  }

  async function openClient(options: WebSocket.ClientOptions = {}, path = '/'): Promise<WebSocket> {
    const client = new WebSocket(listener!.url + path, { headers: { authorization: `Bearer ${TOKEN}` }, ...options });
    extraClients.push(client);
    await once(client, 'open');
    return client;
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

  describe('every route by every credential', () => {
    const UPGRADE = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const LOCKED = {
      'no auth': 401,
      'bad token': 401,
      'bad header': 401,
      'foreign Origin': 403,
      'null Origin': 403,
      'rebound Host': 403,
      'no Host': 403,
    };
    const HEALTH = { ...LOCKED, 'no auth': 200, 'bad token': 200, 'bad header': 200 };
    const routes: [name: string, line: string, extra: string[], expected: Record<string, number>][] = [
      ['health', 'GET /healthz', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
      ['health, HEAD', 'HEAD /healthz', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
      ['readiness', 'GET /readyz?verbose', [], { ...HEALTH, good: 200, 'good with Origin': 200 }],
      ['health, POST', 'POST /healthz', ['Content-Length: 0'], { ...LOCKED, good: 405, 'good with Origin': 405 }],
      ['health by another spelling', 'GET /healthz/', [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
      ['the root', 'GET /', [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
      ['any path', `GET /any/path?token=${TOKEN}`, [], { ...LOCKED, good: 426, 'good with Origin': 426 }],
      [
        'a preflight',
        'OPTIONS /',
        ['Access-Control-Request-Method: GET'],
        { ...LOCKED, good: 405, 'good with Origin': 405 },
      ],
      [
        'a post',
        'POST /',
        ['Content-Length: 0', 'Expect: 100-continue'],
        { ...LOCKED, good: 405, 'good with Origin': 405 },
      ],
      ['an odd expectation', 'GET /', ['Expect: tea'], { ...LOCKED, good: 426, 'good with Origin': 426 }],
      ['an upgrade', 'GET /', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
      ['an upgrade on a path', `GET /any?token=${TOKEN}`, UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
      ['an upgrade on the health path', 'GET /healthz', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
      ['an upgrade on the readiness path', 'GET /readyz', UPGRADE, { ...LOCKED, good: 101, 'good with Origin': 101 }],
      [
        'an upgrade with subprotocols',
        'GET /',
        [...UPGRADE, `Sec-WebSocket-Protocol: bearer.${TOKEN}`],
        { ...LOCKED, good: 101, 'good with Origin': 101 },
      ],
      [
        'an upgrade to something else',
        'GET /healthz',
        ['Connection: Upgrade', 'Upgrade: h2c'],
        { ...LOCKED, good: 400, 'good with Origin': 400 },
      ],
      ['an upgrade by POST', 'POST /', UPGRADE, { ...LOCKED, good: 405, 'good with Origin': 405 }],
    ];
    const good = `Authorization: Bearer ${TOKEN}`;
    const credentials = (port: number): Record<string, string[]> => ({
      'no auth': [`Host: 127.0.0.1:${port}`],
      'bad token': [`Host: 127.0.0.1:${port}`, 'Authorization: Bearer guess'],
      'bad header': [`Host: 127.0.0.1:${port}`, `Authorization: Basic ${TOKEN}`],
      'foreign Origin': [`Host: 127.0.0.1:${port}`, good, `Origin: http://127.0.0.1:${port}`],
      'null Origin': [`Host: 127.0.0.1:${port}`, good, 'Origin: null'],
      'rebound Host': [`Host: evil.example:${port}`, good],
      'no Host': [good],
      good: [`Host: localhost:${port}`, good],
      'good with Origin': [`Host: localhost:${port}`, good, `Origin: ${ORIGIN}`],
    });

    for (const [name, line, extra, expected] of routes) {
      it(`answers ${name} as it should`, async () => {
        const { port } = await start();
        const statuses: Record<string, number> = {};
        for (const [credential, headers] of Object.entries(credentials(port))) {
          const answer = await exchange([`${line} HTTP/1.1`, ...headers, ...extra]);
          statuses[credential] = answer.status;
          expect(JSON.stringify(answer), credential).not.to.contain(TOKEN);
          if (answer.status === 200) expect(answer.body, credential).to.equal('');
        }
        expect(statuses).to.deep.equal(expected);
        expect(arrived).to.have.length(expected['good'] === 101 ? 2 : 0);
      });
    }
  });

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
        JSON.parse(answer.body).error,
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
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const answer = await exchange([
      'GET / HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${TOKEN}`,
      ...upgrade,
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
    const [silent, lively] = [await openClient({ autoPong: false }), await openClient()];
    let pings = 0;
    silent.on('ping', () => pings++);
    const [code] = (await once(silent, 'close')) as [number];
    expect([code, pings >= 2]).to.deep.equal([1006, true]);
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
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    broken.write(`GET / HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n${upgrade}`);
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
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect([error.code, await echo(client, 'still here')]).to.deep.equal(['ECONNREFUSED', 'still here']);
    const closed = once(client, 'close');
    await Promise.all([listener!.close(), listener!.close()]);
    expect((await closed)[0]).to.equal(1001);
  });

  it('closes even when a client never answers the close frame', async () => {
    const { port } = await start();
    const deaf = openSocket();
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    deaf.write(`GET / HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n${upgrade}`);
    await once(deaf, 'data');
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
