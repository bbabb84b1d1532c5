import { expect } from 'chai';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { WireProxy } from './wire-proxy.js';
import type { Cut } from './wire-proxy.js';

describe('WireProxy', () => {
  let server: Server;
  let proxy: WireProxy;
  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await WireProxy.start();
    proxy.setTarget(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await proxy.close();
    server.close();
  });

  /** Both ends of a connection through the proxy. */
  async function open(): Promise<{ client: Socket; daemon: Socket; cut: (how: Cut) => void }> {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    const [daemon] = await accepted;
    client.write('hello');
    await once(daemon, 'data');
    return { client, daemon, cut: (how) => proxy.find(client.localPort!)!.cut(how) };
  }

  /** What a socket still gets, and by what it ends. */
  async function restOf(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    const failed = new Promise<string>((resolve) =>
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${text}|${error.code}`)),
    );
    const ended = new Promise<string>((resolve) => socket.once('end', () => resolve(`${text}|end`)));
    return Promise.race([failed, ended]);
  }

  it('passes on what both sides say, and the end', async () => {
    const { client, daemon } = await open();
    const rest = restOf(client);
    daemon.end('bye');
    expect(await rest).to.equal('bye|end');
    expect(
      (await proxy.drain()).map(({ toClient }) => Buffer.concat(toClient.map(({ bytes }) => bytes)).toString()),
    ).to.deep.equal(['bye']);
  });

  it('cuts with an RST or a FIN for both', async () => {
    const outcomes: string[][] = [];
    for (const how of ['reset', 'end'] as const) {
      const { client, daemon, cut } = await open();
      const rests = Promise.all([restOf(client), restOf(daemon)]);
      cut(how);
      outcomes.push(await rests);
    }
    expect(outcomes).to.deep.equal([
      ['|ECONNRESET', '|ECONNRESET'],
      ['|end', '|end'],
    ]);
  });

  it('cuts what comes next in two, in either direction', async () => {
    const down = await open();
    const toClient = restOf(down.client);
    down.daemon.on('error', () => undefined);
    down.cut('midFrame');
    down.daemon.write('12345678');
    expect(await toClient).to.equal('1234|end');
    const up = await open();
    const toDaemon = restOf(up.daemon);
    up.client.on('error', () => undefined);
    up.cut('midRequest');
    up.client.write('12345678');
    // Whether the first half is read before the RST, and the RST taken for an end behind it, is the system's to say.
    expect(await toDaemon).to.match(/^(1234)?\|(ECONNRESET|end)$/);
  });

  it('swallows what both say when it falls silent, and tells neither when the other goes', async () => {
    const { client, daemon, cut } = await open();
    const heard: string[] = [];
    client.on('data', (bytes: Buffer) => heard.push(bytes.toString()));
    const { daemonClosed } = proxy.find(client.localPort!)!;
    cut('silent');
    daemon.end('nobody hears this');
    await daemonClosed;
    client.write('nor this');
    expect([heard, client.readyState, client.destroyed]).to.deep.equal([[], 'open', false]);
    client.destroy();
  });
});
