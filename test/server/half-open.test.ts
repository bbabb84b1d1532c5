import { expect } from 'chai';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startListener } from '../../src/server/listener.js';
import type { Listener } from '../../src/server/listener.js';
import { WireProxy } from '../support/wire-proxy.js';

const PING_INTERVAL_MS = 20;

describe('a connection that falls silent without an end', () => {
  let listener: Listener;
  let proxy: WireProxy;
  let arrived: WebSocket[];
  beforeEach(async () => {
    arrived = [];
    listener = await startListener({
      listen: 'ws://127.0.0.1:0',
      authMode: 'none',
      token: null,
      allowedOrigins: [],
      allowedHosts: ['127.0.0.1'],
      pingIntervalMs: PING_INTERVAL_MS,
      isReady: () => true,
      onConnection: (socket) => arrived.push(socket),
      log: { debug: () => undefined, warn: () => undefined },
    });
    proxy = await WireProxy.start({ keepLog: false });
    proxy.setTarget(listener.url);
  });
  afterEach(async () => {
    await proxy.close();
    await listener.close();
  });

  /** A client behind the proxy, with its port. */
  async function connect(): Promise<{ client: WebSocket; port: number; served: WebSocket }> {
    const client = new WebSocket(proxy.url, { headers: { Host: new URL(listener.url).host } });
    const upgraded = once(client, 'upgrade') as Promise<[{ socket: { localPort: number } }]>;
    await once(client, 'open');
    return { client, port: (await upgraded)[0].socket.localPort, served: arrived.at(-1)! };
  }

  it('is ended, whether the daemon has something to say meanwhile or not; others stay', async () => {
    const [idle, told, lively] = [await connect(), await connect(), await connect()];
    const pings = once(idle.client, 'ping');
    const telling = setInterval(() => told.served.send('something'), 1);
    await pings;
    for (const { port } of [idle, told]) proxy.find(port)!.cut('silent');
    const codes = await Promise.all(
      [idle, told].map(async ({ served }) => {
        const [code] = (await once(served, 'close')) as [number];
        return code;
      }),
    );
    clearInterval(telling);
    expect(codes).to.deep.equal([1006, 1006]);
    // Neither end was told by the network: the clients believe that they are connected.
    expect([idle, told, lively].map(({ client }) => client.readyState)).to.deep.equal(Array(3).fill(WebSocket.OPEN));
    lively.client.send('here');
    const [data] = (await once(lively.served, 'message')) as [Buffer];
    expect(String(data)).to.equal('here');
    for (const { client } of [idle, told, lively]) client.terminate();
  });
});
