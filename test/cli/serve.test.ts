import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readToken } from '../../src/auth/token-file.js';
import { readDaemonFile } from '../../src/cli/daemon-file.js';
import { connect } from '../../src/client/rpc-client.js';
import { RpcClientError } from '../../src/client/rpc-client-error.js';
import { startCli } from './cli-process.js';
import type { CliProcess, CliResult } from './cli-process.js';

describe('rolloutd serve', () => {
  let root: string;
  let home: string;
  let daemons: CliProcess[];
  let sockets: Socket[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rolloutd-serve-'));
    home = join(root, 'home');
    daemons = [];
    sockets = [];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    for (const daemon of daemons) daemon.signal('SIGKILL');
    await Promise.all(daemons.map((daemon) => daemon.ended));
    rmSync(root, { recursive: true, force: true });
  });

  function start(...args: string[]): CliProcess {
    const daemon = startCli(['serve', '--home', home, '--listen', 'ws://127.0.0.1:0', ...args]);
    daemons.push(daemon);
    return daemon;
  }

  /** A daemon that is ready, and its port. */
  async function serve(...args: string[]): Promise<{ daemon: CliProcess; url: string; port: number }> {
    const daemon = start(...args);
    await daemon.seen('stdout', '\n');
    const { url } = readDaemonFile(home)!;
    return { daemon, url, port: Number(new URL(url).port) };
  }

  /** A client that never answers, not even the close frame: the daemon grants it a second. */
  async function openDeafClient(port: number): Promise<Socket> {
    const socket = connectTcp(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    const head = [
      'GET / HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${readToken(home)}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    socket.write([...head, '', ''].join('\r\n'));
    await once(socket, 'data');
    return socket;
  }

  function expectOneLine({ code, stdout, stderr }: CliResult, ...words: string[]): void {
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^rolloutd: [^\n]+\n$/);
    for (const word of words) expect(stderr).to.contain(word);
  }

  it('says where it listens and nothing else on stdout, can be found through its home, and ends with 0 on SIGTERM', async () => {
    const { daemon, url, port } = await serve();
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).to.equal(200);
    const client = await connect({ url, token: readToken(home), clientInfo: { name: 'test', version: '1' } });
    expect(client.serverInfo.codexHome).to.equal(home);
    await client.close();
    const file = join(home, 'rolloutd', 'daemon.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    expect((lstatSync(file).mode & 0o777).toString(8)).to.equal('600');
    expect(version).to.match(/^\d+\.\d+\.\d+/);
    daemon.signal('SIGTERM');
    const { code, stdout } = await daemon.ended;
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `listening on: ${url}\n` });
    expect(existsSync(file)).to.equal(false);
  });

  it('ends with 0 on Ctrl-C, also when a launcher passes it on once more', async () => {
    const { daemon } = await serve();
    daemon.signal('SIGINT');
    daemon.signal('SIGINT');
    expect((await daemon.ended).code).to.equal(0);
  });

  it('closes what was asked to close before it was ready', async () => {
    const daemon = start();
    await daemon.seen('stderr', 'listening');
    daemon.signal('SIGTERM');
    expect((await daemon.ended).code).to.equal(0);
    expect(readDaemonFile(home)).to.equal(null);
  });

  for (const [second, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`ends with ${code} at once when ${second} comes while it closes`, async () => {
      const { daemon, port } = await serve();
      const client = await openDeafClient(port);
      const toldToClose = once(client, 'data');
      daemon.signal('SIGTERM');
      await toldToClose;
      daemon.signal(second);
      expect((await daemon.ended).code).to.equal(code);
    });
  }

  it('keeps its hands off a daemon file that is not its own', async () => {
    const first = await serve();
    const second = await serve();
    expect(second.url).not.to.equal(first.url);
    first.daemon.signal('SIGTERM');
    await first.daemon.ended;
    expect(readDaemonFile(home)?.url).to.equal(second.url);
  });

  it('leaves the door open to nobody without the token, and to everybody with --ws-auth none', async () => {
    const clientInfo = { name: 'test', version: '1' };
    const locked = await serve();
    const refusal = await connect({ url: locked.url, token: null, clientInfo }).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(RpcClientError).with.property('code', 401);
    const open = await serve('--ws-auth', 'none');
    const client = await connect({ url: open.url, token: null, clientInfo });
    await client.close();
  });

  it('says in one line that its address is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `ws://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const result = await start('--listen', url).ended;
    other.close();
    expectOneLine(result, url, 'another program listens there already');
    expect(readDaemonFile(home)).to.equal(null);
  });

  it('says in one line what is wrong with its options', async () => {
    expectOneLine(await start('--listen', 'ws://0.0.0.0:0', '--ws-auth', 'none').ended, 'without authentication');
    expectOneLine(await start('-c', 'approval_policy=5').ended, 'approval_policy');
  });
});
