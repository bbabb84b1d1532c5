// One client connection: frames in, frames out, corked once per tick, never more than a client's share. Main thread.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Log } from '../log.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { OutgoingFrame, Subscriber } from '../registry/fan-out.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { frameText } from '../session/frame-text.js';
import type { RpcError } from './rpc-error.js';

/** Bytes that may wait for a client. More may for a while: it is not its fault when the daemon says much at once. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
const MAX_BURST_BYTES = 32 * 1024 * 1024;
const MAX_BURST_MS = 10_000;
/** Close code for a client that is too slow: it may come back and take up again. */
const CLOSE_TOO_SLOW = 1013;

/** Milliseconds between the close frame and the end of the socket. */
const CLOSE_GRACE_MS = 2_000;

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
  /** When more than MAX_BUFFERED_BYTES began to wait, by the monotonic clock. */
  #behindSince: number | null = null;
  /** Bytes of replies that were not handed to the system yet. */
  #replyBytes = 0;

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
    this.#send(`${frameText(method, params)}}`);
  }

  /** `resultJson` is the result as JSON text, sent as it is. However large, it is no reason to call a client slow. */
  sendResult(id: RequestId, resultJson: string): void {
    const bytes = Buffer.from(`{"id":${JSON.stringify(id)},"result":${resultJson}}`);
    this.#replyBytes += bytes.length;
    this.#send(bytes, () => {
      this.#replyBytes -= bytes.length;
    });
  }

  sendError(id: RequestId | null, error: RpcError): void {
    this.#send(`{"error":${stringifyWellFormed(error)},"id":${JSON.stringify(id)}}`);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #send(data: string | Buffer, onSent?: () => void): void {
    if (!this.isOpen) return;
    if (this.#isTooSlow()) return this.#cutOffSlowClient();
    if (!this.#corked) {
      // What is sent within one tick leaves in one write.
      this.#corked = true;
      this.#raw.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#raw.uncork();
      });
    }
    this.#socket.send(data, { binary: false }, onSent);
  }

  #isTooSlow(): boolean {
    const waiting = this.#socket.bufferedAmount - this.#replyBytes;
    if (waiting <= MAX_BUFFERED_BYTES) {
      this.#behindSince = null;
      return false;
    }
    this.#behindSince ??= performance.now();
    return waiting > MAX_BURST_BYTES || performance.now() - this.#behindSince > MAX_BURST_MS;
  }

  #cutOffSlowClient(): void {
    this.#cutOff = true;
    this.#log.warn('client does not read, disconnected', {
      client: this.client?.name,
      bytes: this.#socket.bufferedAmount,
    });
    this.#socket.close(CLOSE_TOO_SLOW, 'client too slow: resume to take up again');
    // It does not read, so it may never see the close.
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }
}
