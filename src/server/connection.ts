// One client connection: frames in, frames out, corked once per tick, never more than a client's share. Main thread.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Log } from '../log.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { OutgoingFrame, Subscriber } from '../registry/fan-out.js';
import type { RpcError } from './rpc-error.js';

/** Bytes that may wait for a client that does not read; one that lets more pile up is disconnected. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** Close code for a client that is too slow: it may come back and take up again. */
const CLOSE_TOO_SLOW = 1013;

export type RequestId = string | number;

/** What a client said of itself at initialize. */
export interface ClientIdentity {
  name: string;
  version: string;
  experimentalApi: boolean;
  optOut: ReadonlySet<string>;
}

export class Connection implements Subscriber {
  /** Null until initialize. */
  client: ClientIdentity | null = null;
  /** Requests that wait for their answer. */
  inFlight = 0;
  readonly #socket: WebSocket;
  readonly #raw: Socket;
  readonly #log: Log;
  #corked = false;
  #cutOff = false;

  constructor(socket: WebSocket, raw: Socket, log: Log) {
    this.#socket = socket;
    this.#raw = raw;
    this.#log = log;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && !this.#cutOff;
  }

  /** Subscriber: a notification, unless the client does not want that kind. */
  deliver(frame: OutgoingFrame): void {
    if (this.client === null || this.client.optOut.has(frame.method)) return;
    this.#send(frame.bytes);
  }

  /** A notification that concerns this connection alone. */
  notify(method: NotificationName, params: unknown): void {
    if (this.client?.optOut.has(method) === true) return;
    this.#send(JSON.stringify({ method, params, emittedAtMs: Date.now() }));
  }

  /** `resultJson` is the result as JSON text, sent as it is. */
  sendResult(id: RequestId, resultJson: string): void {
    this.#send(`{"id":${JSON.stringify(id)},"result":${resultJson}}`);
  }

  sendError(id: RequestId | null, error: RpcError): void {
    this.#send(JSON.stringify({ error, id }));
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #send(data: string | Buffer): void {
    if (!this.isOpen) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return this.#cutOffSlowClient();
    if (!this.#corked) {
      // What is sent within one tick leaves in one write.
      this.#corked = true;
      this.#raw.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#raw.uncork();
      });
    }
    this.#socket.send(data, { binary: false });
  }

  #cutOffSlowClient(): void {
    this.#cutOff = true;
    this.#log.warn('client does not read, disconnected', {
      client: this.client?.name,
      bytes: this.#socket.bufferedAmount,
    });
    this.#socket.close(CLOSE_TOO_SLOW, 'client too slow: resume to take up again');
    // It does not read, so it will not answer the close either.
    this.#socket.terminate();
  }
}
