// A TCP proxy between clients and the daemon that logs every byte a client was given, with its time. Main thread.
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface WireChunk {
  /** `performance.now()` when the bytes arrived at the client's side. */
  atMs: number;
  bytes: Buffer;
}

export interface WireConnection {
  /** Port of the client's end: tells which client it is. */
  clientPort: number;
  toClient: WireChunk[];
  closed: Promise<void>;
}

export type ToClientListener = (chunk: WireChunk, connection: WireConnection) => void;

/**
 * Listens on a port of its own for as long as it lives; the daemon behind it may come and go. A connection ends on both
 * sides as soon as one side ends it, after all bytes that were under way have been passed on.
 */
export class WireProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: { host: string; port: number } | null = null;
  #connections: WireConnection[] = [];
  #listener: ToClientListener | null = null;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (client) => this.#accept(client));
  }

  static async start(): Promise<WireProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireProxy(server);
  }

  /** Where new connections go; null refuses them. */
  setTarget(url: string | null): void {
    this.#target = url === null ? null : { host: new URL(url).hostname, port: Number(new URL(url).port) };
  }

  /** Called after each chunk was logged and passed on; one listener at a time. */
  onToClient(listener: ToClientListener | null): void {
    this.#listener = listener;
  }

  /** Waits until all connections have ended, hands over their logs and starts afresh. */
  async drain(): Promise<WireConnection[]> {
    const connections = this.#connections;
    this.#connections = [];
    await Promise.all(connections.map(({ closed }) => closed));
    return connections;
  }

  /** Breaks every connection, wherever its bytes are. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.breakAll();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#target === null) {
      client.destroy();
      return;
    }
    const daemon = connect(this.#target);
    const sockets = [client, daemon];
    const connection: WireConnection = {
      clientPort: client.remotePort ?? 0,
      toClient: [],
      // Not by once(): that rejects at an error, and a reset is an everyday end here.
      closed: Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)))).then(
        () => {},
      ),
    };
    this.#connections.push(connection);
    for (const socket of sockets) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A reset is how a killed daemon's sockets end: the close that follows says all there is to say.
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (bytes) => forward(bytes, client, daemon));
    daemon.on('data', (bytes) => {
      const chunk = { atMs: performance.now(), bytes };
      connection.toClient.push(chunk);
      forward(bytes, daemon, client);
      this.#listener?.(chunk, connection);
    });
    client.once('close', () => daemon.destroy());
    daemon.once('close', () => client.destroySoon());
  }
}

function forward(bytes: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
