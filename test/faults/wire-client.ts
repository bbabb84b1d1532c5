// A client as small as can be: it asks, waits, and remembers what it asked. What it was told is the proxy's to say.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { WireMessage } from './byte-log.js';
import type { SentRequest } from './told.js';

export interface WireClientOptions {
  /** Where to connect: the proxy. */
  url: string;
  /** `HOST:PORT` of the daemon behind it. */
  host: string;
  token: string | null;
  /** Called as soon as there is a connection, before anything was asked. */
  onConnected?: (client: WireClient) => void;
  /** Called for every message, in order, before anybody who waits for it goes on. */
  onMessage?: (message: WireMessage, text: string, client: WireClient) => void;
}

/** The turn of turn/completed. */
export interface TurnEnd {
  id: string;
  status: string;
  error?: { message: string; additionalDetails?: string | null } | null;
}

/** The daemon answered with an error. */
export class RequestRefused extends Error {
  /** The code of the daemon's catalogue; null when there is none. */
  readonly reason: string | null;

  constructor(method: string, { code, message, data }: NonNullable<WireMessage['error']>) {
    super(`${method}: ${message} (${data?.reason ?? code})`);
    this.reason = data?.reason ?? null;
  }
}

/** The connection ended before the answer came. */
export class ConnectionLost extends Error {}

/** Nothing came for a time in which any daemon that works would have answered. */
class NoAnswer extends Error {}

const PATIENCE_MS = 15_000;

interface Waiter {
  resolve(message: WireMessage): void;
  reject(error: Error): void;
}

/** Must be closed by whoever opened it, unless the daemon went first. */
export class WireClient {
  /** Our end's port: by it the proxy's log is found. */
  readonly clientPort: number;
  readonly requests = new Map<number, SentRequest>();
  /** Resolves when the connection is over, whoever ended it; says how. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** The raw client: for those who want to read slowly, or not at all. */
  readonly socket: WebSocket;
  readonly #replies = new Map<number, Waiter>();
  readonly #turnEnds = new Map<string, Waiter>();
  readonly #turnEndPromises = new Map<string, Promise<WireMessage>>();
  readonly #endedTurns = new Map<string, TurnEnd>();
  #lost = false;

  private constructor(socket: WebSocket, clientPort: number, onMessage: WireClientOptions['onMessage']) {
    this.socket = socket;
    this.clientPort = clientPort;
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      const message = JSON.parse(text) as WireMessage;
      onMessage?.(message, text, this);
      this.#receive(message);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#lose();
        resolve({ code, reason: reason.toString() });
      });
    });
    // The close that follows says all there is to say.
    socket.on('error', () => undefined);
  }

  /** Connects and initializes. Rejects with ConnectionLost when the daemon goes meanwhile. */
  static async open({ url, host, token, onConnected, onMessage }: WireClientOptions): Promise<WireClient> {
    const authorization = token === null ? {} : { Authorization: `Bearer ${token}` };
    const socket = new WebSocket(url, { headers: { Host: host, ...authorization }, perMessageDeflate: false });
    const upgraded = new Promise<Socket>((resolve) => socket.once('upgrade', ({ socket: raw }) => resolve(raw)));
    try {
      await once(socket, 'open');
    } catch (error) {
      throw new ConnectionLost(`not connected: ${String(error)}`, { cause: error });
    }
    const client = new WireClient(socket, (await upgraded).localPort ?? 0, onMessage);
    onConnected?.(client);
    await client.request('initialize', {
      clientInfo: { name: 'faults', title: null, version: '0' },
      capabilities: { experimentalApi: true },
    });
    client.socket.send('{"method":"initialized"}');
    return client;
  }

  /** Rejects with RequestRefused, ConnectionLost or NoAnswer. */
  async request(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
    const id = this.requests.size + 1;
    this.requests.set(id, { method, params });
    const reply = this.#wait(this.#replies, id, `reply to ${method}`);
    if (!this.#lost) this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await reply;
    if (error !== undefined) throw new RequestRefused(method, error);
    return result ?? {};
  }

  /** Resolves with the turn of turn/completed when that has come, or at once when it came before. */
  async turnEnd(turnId: string): Promise<TurnEnd> {
    const ended = this.#endedTurns.get(turnId);
    if (ended !== undefined) return ended;
    const end = this.#turnEndPromises.get(turnId) ?? this.#wait(this.#turnEnds, turnId, `end of turn ${turnId}`);
    this.#turnEndPromises.set(turnId, end);
    return (await end).params!.turn as TurnEnd;
  }

  close(): void {
    this.socket.close();
  }

  /** Ends the connection without a word. */
  drop(): void {
    this.socket.terminate();
  }

  #wait<Key>(waiters: Map<Key, Waiter>, key: Key, what: string): Promise<WireMessage> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiters.delete(key);
        reject(new NoAnswer(`no ${what} within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      const settle = () => {
        clearTimeout(timer);
        waiters.delete(key);
      };
      waiters.set(key, {
        resolve: (message) => {
          settle();
          resolve(message);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      if (this.#lost) waiters.get(key)!.reject(new ConnectionLost(what));
    });
  }

  #receive(message: WireMessage): void {
    if (message.method === undefined) {
      this.#replies.get(Number(message.id))?.resolve(message);
    } else if (message.method === 'turn/completed') {
      const turn = message.params!.turn as TurnEnd;
      this.#endedTurns.set(turn.id, turn);
      this.#turnEnds.get(turn.id)?.resolve(message);
    }
  }

  #lose(): void {
    this.#lost = true;
    for (const waiters of [this.#replies, this.#turnEnds]) {
      for (const waiter of waiters.values()) waiter.reject(new ConnectionLost('the connection ended'));
    }
  }
}
