// The door: one HTTP server that answers health checks and upgrades to WebSocket. Main thread; the server's user of ws.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { DaemonError } from '../errors.js';
import { checkRequest, healthCheckOf, makeGatePolicy } from './gate.js';
import type { GatePolicy, GateRefusal, GateRequest } from './gate.js';
import { answerPlain, refusePlain, refuseUpgrade } from './http-answers.js';
import { Heartbeat } from './heartbeat.js';
import { formatUrl, parseListenAddress } from './listen-address.js';
import type { ListenAddress } from './listen-address.js';

const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** How long a client has to send the head of a request, from the moment it connected. */
const HEADERS_TIMEOUT_MS = 10_000;
/** After so many pings without a byte in return a client counts as gone: within 40 s, as the first may come at once. */
const SILENT_PINGS = 3;
const PING_INTERVAL_MS = 10_000;
/** How long close() waits for clients to answer the close frame. */
const CLOSE_GRACE_MS = 1_000;

/** What the listener writes to its log; a winston logger fits. */
export interface ListenerLog {
  debug(message: string, meta?: Record<string, unknown>): unknown;
  warn(message: string, meta?: Record<string, unknown>): unknown;
}

export interface ListenerOptions {
  /** `ws://IP:PORT`; port 0 lets the system pick one. */
  listen: string;
  authMode: 'token' | 'none';
  /** Needed in mode `token`. */
  token: string | null;
  allowedOrigins: readonly string[];
  /** Besides loopback and the address listened on: `name` (with this port or none) or `name:port`. */
  allowedHosts: readonly string[];
  /** Largest frame taken from a client, in bytes; default 16 MiB. */
  maxPayloadBytes?: number;
  headersTimeoutMs?: number;
  pingIntervalMs?: number;
  /** Answers /readyz. */
  isReady(): boolean;
  /** A client that passed the gate. The listener answers pings and ends what is dead; all else is the callee's. */
  onConnection(socket: WebSocket, rawSocket: Socket): void;
  log: ListenerLog;
}

export interface Listener {
  /** As `ws://IP:PORT` with the port that was bound. */
  url: string;
  port: number;
  /** Answers 503 to upgrades and to /readyz from now on; clients that are connected stay. */
  stopAccepting(): void;
  /** Ends every connection, politely at first (1001). Resolves when none is left; may be called twice. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the door. Rejects with config_invalid for an address or a policy that cannot be, with listen_failed when the
 * system refuses the address.
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const asked = parseListenAddress(options.listen);
  // Checked before the port is bound, and made again with the port that was.
  makeGatePolicy({ ...options, address: asked });

  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const server = createServer({
    headersTimeout,
    requestTimeout: headersTimeout,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: Math.min(2_000, headersTimeout),
    noDelay: true,
    // The gate answers a missing Host itself, with 403.
    requireHostHeader: false,
  });
  await listen(server, asked);
  const address: ListenAddress = { ip: asked.ip, port: (server.address() as AddressInfo).port };
  const door = new Door(server, makeGatePolicy({ ...options, address }), options);
  return {
    url: formatUrl(address),
    port: address.port,
    stopAccepting: () => door.stopAccepting(),
    close: () => door.close(),
  };
}

async function listen(server: Server, { ip, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const url = formatUrl({ ip, port });
      const reasons: Record<string, string> = {
        EADDRINUSE: 'another program listens there already. Stop it, or choose another port (0 picks a free one)',
        EACCES: 'the system does not allow it. Choose a port above 1023',
        EADDRNOTAVAIL: 'this machine has no such address',
      };
      const reason = reasons[error.code ?? ''] ?? error.message;
      reject(
        new DaemonError('listen_failed', `cannot listen on ${url}: ${reason}`, {
          cause: error,
          data: { code: error.code },
        }),
      );
    });
    server.listen({ host: ip, port }, () => resolve());
  });
  server.removeAllListeners('error');
}

class Door {
  readonly #server: Server;
  readonly #policy: GatePolicy;
  readonly #options: ListenerOptions;
  readonly #upgrader: WebSocketServer;
  readonly #heartbeat: Heartbeat;
  readonly #stopped: Promise<void>;
  #accepting = true;
  #closing: Promise<void> | null = null;

  constructor(server: Server, policy: GatePolicy, options: ListenerOptions) {
    this.#server = server;
    this.#policy = policy;
    this.#options = options;
    this.#upgrader = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES,
      // Subprotocols carry nothing here; none is chosen.
      handleProtocols: () => false,
    });
    this.#heartbeat = new Heartbeat(options.pingIntervalMs ?? PING_INTERVAL_MS, SILENT_PINGS, (socket) => {
      options.log.debug('a client stopped answering', {});
      socket.terminate();
    });
    this.#stopped = new Promise((resolve) => server.once('close', resolve));
    server.on('error', (error) => options.log.warn('the listener failed', { error: error.message }));
    const onPlain = (request: IncomingMessage, response: ServerResponse) => this.#onPlain(request, response);
    server.on('request', onPlain);
    server.on('checkContinue', onPlain);
    server.on('checkExpectation', onPlain);
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  #check(kind: GateRequest['kind'], request: IncomingMessage): { asked: GateRequest; refusal: GateRefusal | null } {
    const asked = { kind, method: request.method ?? '', url: request.url ?? '', headers: request.headersDistinct };
    const decision = checkRequest(asked, this.#policy);
    if (decision.ok) return { asked, refusal: null };
    this.#options.log.debug('refused a request', { reason: decision.reason, kind });
    return { asked, refusal: decision };
  }

  #onPlain(request: IncomingMessage, response: ServerResponse): void {
    const { asked, refusal } = this.#check('plain', request);
    if (refusal) refusePlain(response, refusal);
    else answerPlain(response, asked.method, healthCheckOf(asked), this.#accepting && this.#options.isReady());
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { refusal } = this.#check('upgrade', request);
    if (refusal) return refuseUpgrade(socket, refusal.status, refusal.body);
    if (!this.#accepting) {
      return refuseUpgrade(socket, 503, { error: 'shutting_down', message: 'The daemon is stopping.' });
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket, request.socket));
  }

  #welcome(socket: WebSocket, rawSocket: Socket): void {
    rawSocket.setNoDelay(true);
    // ws has closed the socket already, with 1009 for a frame that is too large; without a listener it would throw.
    socket.on('error', (error) => this.#options.log.debug('a client broke the framing', { error: error.message }));
    socket.on('close', () => this.#heartbeat.remove(socket));
    this.#heartbeat.add(socket, rawSocket);
    try {
      this.#options.onConnection(socket, rawSocket);
    } catch (error) {
      this.#options.log.warn('a connection could not be set up', { error: String(error) });
      socket.close(1011);
    }
  }

  stopAccepting(): void {
    this.#accepting = false;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.stopAccepting();
    this.#server.close();
    // Plain requests are answered as they come, so none is cut; upgraded sockets are not among these.
    this.#server.closeAllConnections();
    for (const socket of this.#upgrader.clients) socket.close(1001, 'the daemon is stopping');
    const timer = setTimeout(() => {
      for (const socket of this.#upgrader.clients) socket.terminate();
    }, CLOSE_GRACE_MS);
    // Both: the server knows of every socket, the upgrader of every 'close' event.
    const upgraderClosed = new Promise<void>((resolve) => this.#upgrader.close(() => resolve()));
    await Promise.all([this.#stopped, upgraderClosed]);
    clearTimeout(timer);
    this.#heartbeat.stop();
  }
}
