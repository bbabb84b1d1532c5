// A TCP proxy between clients and the daemon: logs every byte a client was given, and cuts connections. Main thread.
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface WireChunk {
  /** `performance.now()` when the bytes arrived at the client's side. */
  atMs: number;
  bytes: Buffer;
}

/**
 * `reset`: both sides get an RST. `end`: both get a FIN. `midFrame`: the next bytes for the client are cut in two, it gets
 * the first part and then a FIN. `midRequest`: the same for the next bytes of the client, then an RST. `silent`: both sides stay open and
 * nothing passes any more, as when a network is gone.
 */
export type Cut = 'reset' | 'end' | 'midFrame' | 'midRequest' | 'silent';

export interface WireConnection {
  /** Port of the client's end: tells which client it is. */
  clientPort: number;
  toClient: WireChunk[];
  closed: Promise<void>;
  /** The daemon's side alone: a connection that is silent ends there when the daemon finds it out. */
  daemonClosed: Promise<void>;
  /** `share`: how much of what is cut in two still passes, from 0 to 1; half of it unless told otherwise. */
  cut(how: Cut, share?: number): void;
}

export interface WireProxyOptions {
  /** False keeps no bytes: for runs that would fill the memory with them. */
  keepLog?: boolean;
}

export type ToClientListener = (chunk: WireChunk, connection: WireConnection) => void;

/**
 * Listens on a port of its own for as long as it lives; the daemon behind it may come and go. A connection that is not
 * cut ends on both sides as soon as one side ends it, after all bytes that were under way have been passed on.
 */
export class WireProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #keepLog: boolean;
  readonly #sockets = new Set<Socket>();
  #target: { host: string; port: number } | null = null;
  /** By the client's port. */
  readonly #open = new Map<number, WireConnection>();
  #connections: WireConnection[] = [];
  #listener: ToClientListener | null = null;

  private constructor(server: Server, keepLog: boolean) {
    this.#server = server;
    this.#keepLog = keepLog;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (client) => this.#accept(client));
  }

  static async start({ keepLog = true }: WireProxyOptions = {}): Promise<WireProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireProxy(server, keepLog);
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

  /** The open connection of the client with this port; null when there is none. */
  find(clientPort: number): WireConnection | null {
    return this.#open.get(clientPort) ?? null;
  }

  #accept(client: Socket): void {
    if (this.#target === null) {
      client.destroy();
      return;
    }
    const daemon = connect(this.#target);
    for (const socket of [client, daemon]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A reset is how a killed daemon's sockets end: the close that follows says all there is to say.
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    const wire = new Wire(client, daemon);
    const clientPort = client.remotePort ?? 0;
    const connection: WireConnection = {
      clientPort,
      toClient: [],
      closed: Promise.all([closeOf(client), closeOf(daemon)]).then(() => {}),
      daemonClosed: closeOf(daemon),
      cut: (how, share) => wire.cut(how, share),
    };
    if (this.#keepLog) this.#connections.push(connection);
    this.#open.set(clientPort, connection);
    client.once('close', () => {
      if (this.#open.get(clientPort) === connection) this.#open.delete(clientPort);
    });
    wire.onToClient = (bytes) => {
      const chunk = { atMs: performance.now(), bytes };
      if (this.#keepLog) connection.toClient.push(chunk);
      this.#listener?.(chunk, connection);
    };
  }
}

/** The two sockets of one connection. */
class Wire {
  /** Called after bytes were passed on to the client. */
  onToClient: (bytes: Buffer) => void = () => {};
  readonly #client: Socket;
  readonly #daemon: Socket;
  #cut: Cut | null = null;
  #share = 0.5;

  constructor(client: Socket, daemon: Socket) {
    this.#client = client;
    this.#daemon = daemon;
    client.on('data', (bytes) => this.#take(bytes, client, daemon));
    daemon.on('data', (bytes) => this.#take(bytes, daemon, client));
    client.once('close', () => this.#cut !== 'silent' && daemon.destroy());
    daemon.once('close', () => this.#cut !== 'silent' && client.destroySoon());
  }

  cut(how: Cut, share = 0.5): void {
    this.#cut = how;
    this.#share = share;
    if (how === 'reset') {
      this.#client.resetAndDestroy();
      this.#daemon.resetAndDestroy();
    } else if (how === 'end') {
      this.#client.end();
      this.#daemon.end();
    }
  }

  #take(bytes: Buffer, from: Socket, to: Socket): void {
    // What a network swallows must not fill the buffers of whoever sends it.
    if (this.#cut === 'silent' || to.writableEnded) return;
    if (this.#cut === 'midFrame' && to === this.#client) {
      const part = this.#firstPart(bytes);
      this.onToClient(part);
      this.#client.end(part);
      this.#daemon.resetAndDestroy();
    } else if (this.#cut === 'midRequest' && to === this.#daemon) {
      this.#client.pause();
      this.#daemon.write(this.#firstPart(bytes), () => {
        this.#daemon.resetAndDestroy();
        this.#client.resetAndDestroy();
      });
    } else {
      forward(bytes, from, to);
      if (to === this.#client) this.onToClient(bytes);
    }
  }

  #firstPart(bytes: Buffer): Buffer {
    return bytes.subarray(0, Math.ceil(bytes.length * this.#share));
  }
}

/** Not by once(): that rejects at an error, and a reset is an everyday end here. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function forward(bytes: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
