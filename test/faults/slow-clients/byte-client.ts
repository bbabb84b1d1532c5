// A client that parses only replies, and reads as fast as it is told to. Main thread.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { WireClientOptions } from '../wire-client.js';

/** `none`: it does not read at all. A number: so many bytes a second. */
export type Pace = 'all' | 'none' | number;

interface Reply {
  id: number;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

const NOTIFICATION = Buffer.from('{"method"');
const READ_EVERY_MS = 50;

/** Must be closed by whoever opened it. */
export class ByteClient {
  /** Sees the bytes of each notification. */
  onNotification: (bytes: Buffer) => void = () => {};
  /** Sees each reply, before whoever waits for it. */
  onReply: (reply: Reply) => void = () => {};
  readonly closed: Promise<{ code: number; reason: string; atMs: number }>;
  /** Numbers of the requests that were sent, and of the replies that came, in their order. */
  readonly asked: number[] = [];
  readonly answered: number[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply | null) => void>();
  #reading: NodeJS.Timeout | null = null;
  /** Bytes that may still be read until the next turn of a slow reader. */
  #allowance = Infinity;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes: Buffer) => this.#take(bytes));
    // The close that follows says all there is to say.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.setPace('all');
        for (const settle of this.#waiting.values()) settle(null);
        resolve({ code, reason: reason.toString(), atMs: performance.now() });
      });
    });
  }

  /** `name` is what the daemon's log calls it. */
  static async open({ url, host, token }: WireClientOptions, name: string): Promise<ByteClient> {
    const authorization = token === null ? {} : { Authorization: `Bearer ${token}` };
    const headers = { Host: host, ...authorization };
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, skipUTF8Validation: true });
    await once(socket, 'open');
    const client = new ByteClient(socket);
    await client.request('initialize', {
      clientInfo: { name, title: null, version: '0' },
      capabilities: { experimentalApi: true },
    });
    socket.send('{"method":"initialized"}');
    return client;
  }

  /** Rejects when the connection ends before the reply has come, or the daemon refuses. */
  async request(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
    const id = this.asked.length + 1;
    this.asked.push(id);
    const reply = new Promise<Reply | null>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const settled = await reply;
    if (settled === null) throw new Error(`the connection ended before the reply to ${method}`);
    if (settled.error !== undefined) throw new Error(`${method}: ${settled.error.message}`);
    return settled.result ?? {};
  }

  setPace(pace: Pace): void {
    if (this.#reading !== null) clearInterval(this.#reading);
    this.#reading = null;
    this.#allowance = pace === 'all' ? Infinity : 0;
    if (pace === 'all') this.#socket.resume();
    else this.#socket.pause();
    if (typeof pace !== 'number') return;
    this.#reading = setInterval(() => {
      this.#allowance = Math.min(this.#allowance + (pace * READ_EVERY_MS) / 1000, pace);
      if (this.#allowance > 0) this.#socket.resume();
    }, READ_EVERY_MS);
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(bytes: Buffer): void {
    this.#allowance -= bytes.length;
    if (this.#allowance <= 0) this.#socket.pause();
    if (bytes.compare(NOTIFICATION, 0, NOTIFICATION.length, 0, NOTIFICATION.length) === 0) {
      this.onNotification(bytes);
      return;
    }
    const reply = JSON.parse(bytes.toString('utf8')) as Reply;
    this.answered.push(reply.id);
    this.onReply(reply);
    this.#waiting.get(reply.id)?.(reply);
    this.#waiting.delete(reply.id);
  }
}
