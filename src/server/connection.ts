// One client connection: frames in, frames out, corked once per tick, never more than a client's share. Main thread.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Log } from '../log.js';
import { isServerRequest } from '../protocol/server-requests.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { OutgoingFrame, Subscriber } from '../registry/subscription.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { frameText } from '../session/frame-text.js';
import { OutgoingQueue } from './outgoing-queue.js';
import type { Outgoing } from './outgoing-queue.js';
import type { RpcError } from './rpc-error.js';

const MIB = 1024 * 1024;

/** Bytes that the socket is given at once; what is said while they wait there waits in a queue of ours. */
const MAX_SOCKET_BYTES = MIB;
/** Deltas in the queue are joined each time that it has grown by so much: a client that reads is never so far behind. */
const JOIN_AFTER_BYTES = 8 * MIB;
/** Bytes that may wait while a replay goes on: more of it comes when there are fewer. */
const READY_BYTES = 4 * MIB;
/** Bytes that may wait for a client. More may for a while: it is not its fault when the daemon says much at once. */
const MAX_WAITING_BYTES = 16 * MIB;
const MAX_BURST_BYTES = 32 * MIB;
const MAX_BURST_MS = 10_000;
/** Bytes of replies that may wait before a client is refused more of them. */
const MAX_REPLY_BYTES = 64 * MIB;
/** Requests of one connection that may wait for an answer at once. */
const MAX_IN_FLIGHT = 1024;

/** Close code for a client that is too slow: it may come back and take up again. */
const CLOSE_TOO_SLOW = 1013;
/** At most 123 bytes. */
const TOO_SLOW = 'too slow: reconnect, then thread/resume with afterEpoch and afterSeq of the last notification';
/** Milliseconds between the close frame and the end of the socket. */
const CLOSE_GRACE_MS = 5_000;

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
  readonly #queue = new OutgoingQueue();
  /** Size of the queue when its deltas were last joined. */
  #joinedAtBytes = 0;
  #corked = false;
  #cutOff = false;
  /** When more than MAX_WAITING_BYTES began to wait, by the monotonic clock. */
  #behindSince: number | null = null;
  /** Bytes of replies that were not handed to the system yet. */
  #replyBytes = 0;
  /** Who waits for whenReady(), or null. */
  #ready: { promise: Promise<void>; resolve: () => void } | null = null;

  constructor(socket: WebSocket, raw: Socket, log: Log) {
    this.#socket = socket;
    this.#raw = raw;
    this.#log = log;
    raw.on('drain', () => this.#sendWaiting());
    raw.on('close', () => this.#considerReady());
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && !this.#cutOff;
  }

  /** True while so much waits for an answer, or for being read, that further requests are refused. */
  get isOverloaded(): boolean {
    return this.inFlight >= MAX_IN_FLIGHT || this.#replyBytes > MAX_REPLY_BYTES;
  }

  /** Subscriber: a question, or a notification unless the client does not want that kind. */
  deliver(frame: OutgoingFrame): void {
    const { client } = this;
    if (client === null || (client.optOut.has(frame.method) && !isServerRequest(frame.method))) return;
    this.#send({ bytes: frame.bytes, notification: frame });
  }

  /** Subscriber: resolves when it has read most of what it was told, or is gone; null when that is so already. */
  whenReady(): Promise<void> | null {
    if (this.#isReady) return null;
    if (this.#ready === null) {
      let resolve!: () => void;
      const promise = new Promise<void>((settle) => (resolve = settle));
      this.#ready = { promise, resolve };
    }
    return this.#ready.promise;
  }

  /** A notification that concerns this connection alone. */
  notify(method: NotificationName, params: unknown): void {
    if (this.client?.optOut.has(method) === true) return;
    this.#sendText(`${frameText(method, params)}}`);
  }

  /** `resultJson` is the result as JSON text, sent as it is. However large, it is no reason to call a client slow. */
  sendResult(id: RequestId, resultJson: string): void {
    const bytes = Buffer.from(`{"id":${JSON.stringify(id)},"result":${resultJson}}`);
    this.#replyBytes += bytes.length;
    const onSent = (): void => {
      this.#replyBytes -= bytes.length;
    };
    this.#send({ bytes, notification: null, onSent });
  }

  sendError(id: RequestId | null, error: RpcError): void {
    this.#sendText(`{"error":${stringifyWellFormed(error)},"id":${JSON.stringify(id)}}`);
  }

  /** After all that was said before. */
  close(code: number, reason: string): void {
    this.#sendAll();
    this.#socket.close(code, reason);
  }

  #sendText(text: string): void {
    this.#send({ bytes: Buffer.from(text), notification: null });
  }

  #send(message: Outgoing): void {
    if (!this.isOpen) return;
    if (this.#queue.isEmpty && this.#hasRoom) return this.#write(message);
    this.#queue.push(message);
    const grown = this.#queue.bytes - this.#joinedAtBytes;
    if (grown > JOIN_AFTER_BYTES || (grown > MIB && this.#isTooSlow())) this.#joinDeltas();
    if (this.#isTooSlow()) this.#cutOffSlowClient();
  }

  get #hasRoom(): boolean {
    return this.#socket.bufferedAmount <= MAX_SOCKET_BYTES;
  }

  #sendWaiting(): void {
    while (this.#hasRoom) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      this.#write(message);
    }
    this.#joinedAtBytes = Math.min(this.#joinedAtBytes, this.#queue.bytes);
    this.#considerReady();
  }

  get #isReady(): boolean {
    return !this.isOpen || this.#waitingBytes <= READY_BYTES;
  }

  #considerReady(): void {
    if (this.#ready === null || !this.#isReady) return;
    this.#ready.resolve();
    this.#ready = null;
  }

  get #waitingBytes(): number {
    return this.#socket.bufferedAmount + this.#queue.bytes;
  }

  #sendAll(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#write(next);
  }

  #write({ bytes, onSent }: Outgoing): void {
    if (!this.#corked) {
      // What is sent within one tick leaves in one write.
      this.#corked = true;
      this.#raw.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#raw.uncork();
      });
    }
    this.#socket.send(bytes, { binary: false }, onSent);
  }

  #joinDeltas(): void {
    this.#queue.joinDeltas();
    this.#joinedAtBytes = this.#queue.bytes;
  }

  #isTooSlow(): boolean {
    const waiting = this.#waitingBytes - this.#replyBytes;
    if (waiting <= MAX_WAITING_BYTES) {
      this.#behindSince = null;
      return false;
    }
    this.#behindSince ??= performance.now();
    return waiting > MAX_BURST_BYTES || performance.now() - this.#behindSince > MAX_BURST_MS;
  }

  /** What it asked for is still sent, and is all that is. */
  #cutOffSlowClient(): void {
    this.#log.warn('client does not read, disconnected', {
      client: this.client?.name,
      bytes: this.#waitingBytes,
    });
    this.#queue.keepReplies();
    this.close(CLOSE_TOO_SLOW, TOO_SLOW);
    this.#cutOff = true;
    this.#considerReady();
    // It does not read, so it may never see the close.
    setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }
}
