// One HTTP request to a Responses API and the reading of its stream, without retries. Session worker.
import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';
import type { ModelEvent } from './model.js';
import type { ModelFailure } from './model-failure.js';
import {
  connectionFailed,
  describeError,
  disconnected,
  failureFromConnectionError,
  failureFromStatus,
  idleTimeout,
  invalidResponse,
} from './model-failure.js';
import { ResponsesEventReader } from './responses-events.js';
import type { ModelCompletion } from './responses-events.js';

/** Where and how to send; the same for all requests of a model. */
export interface Endpoint {
  /** `http.request` or `https.request`. */
  send: (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest;
  options: RequestOptions;
  headers: OutgoingHttpHeaders;
  agent: Agent;
  /** For messages: without query and credentials. */
  displayUrl: string;
  idleTimeoutMs: number;
  redact: (text: string) => string;
}

/** `stale`: a kept connection had been closed by the server; nothing was answered, a fresh one is to be tried. */
export type AttemptOutcome = ModelCompletion | ModelFailure | { type: 'aborted' } | { type: 'stale' };

const CONNECT_TIMEOUT_MS = 20_000;
const MAX_ERROR_BODY_BYTES = 64 * 1024;
const ERROR_BODY_TIMEOUT_MS = 5_000;
/** How long a finished stream may take to close before its connection is given up for reuse. */
const LINGER_MS = 1_000;
/** Node's timers take no longer one. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** UTF-16 units; a single event holds at most one whole response. */
const MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/**
 * Sends `body` and emits what the stream tells; resolves as soon as the outcome is known, then emits no more. Rejects
 * only with what `emit` threw. The connection is destroyed unless the exchange came to its regular end.
 */
export function attemptResponse(
  endpoint: Endpoint,
  body: Buffer,
  emit: (event: ModelEvent) => void,
  signal: AbortSignal,
): Promise<AttemptOutcome> {
  return new Promise((resolve, reject) => {
    const attempt = new Attempt(endpoint, emit, signal, resolve, reject);
    attempt.start(body);
  });
}

class Attempt {
  readonly #endpoint: Endpoint;
  readonly #emit: (event: ModelEvent) => void;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: AttemptOutcome) => void;
  readonly #reject: (error: unknown) => void;
  #request: ClientRequest | null = null;
  #answered = false;
  #settled = false;
  #idleTimer: NodeJS.Timeout | null = null;
  #connectTimer: NodeJS.Timeout | null = null;

  constructor(
    endpoint: Endpoint,
    emit: (event: ModelEvent) => void,
    signal: AbortSignal,
    resolve: (outcome: AttemptOutcome) => void,
    reject: (error: unknown) => void,
  ) {
    this.#endpoint = endpoint;
    this.#emit = emit;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(body: Buffer): void {
    const { send, options, headers, agent, idleTimeoutMs, displayUrl } = this.#endpoint;
    try {
      const sized = { ...headers, 'content-length': body.length };
      this.#request = send({ ...options, headers: sized, agent }, (response) => this.#onResponse(response));
    } catch (error) {
      // Settings that no request can be made of, such as a line break in a header.
      this.#settle(connectionFailed(describeError(error).message, displayUrl, null));
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort);
    this.#request.on('error', (error) => this.#onRequestError(error));
    this.#request.on('socket', (socket) => this.#watchConnect(socket));
    if (idleTimeoutMs > 0) {
      const fire = (): void => this.#settle(idleTimeout(idleTimeoutMs, this.#answered));
      this.#idleTimer = setTimeout(fire, Math.min(idleTimeoutMs, MAX_TIMER_MS));
    }
    this.#request.end(body);
  }

  readonly #onAbort = (): void => this.#settle({ type: 'aborted' });

  /** `keep` leaves the connection to the agent. */
  #settle(outcome: AttemptOutcome, keep = false): void {
    if (this.#release(keep)) this.#resolve(outcome);
  }

  #release(keep: boolean): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const timer of [this.#idleTimer, this.#connectTimer]) if (timer !== null) clearTimeout(timer);
    if (!keep) this.#request?.destroy();
    return true;
  }

  #onRequestError(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    const stale =
      this.#request?.reusedSocket === true && !this.#answered && (code === 'ECONNRESET' || code === 'EPIPE');
    if (stale) this.#settle({ type: 'stale' });
    else if (this.#answered) this.#settle(disconnected(error));
    else this.#settle(failureFromConnectionError(error, this.#endpoint.displayUrl));
  }

  /** The system's own limit for a host that does not answer is minutes. */
  #watchConnect(socket: Socket): void {
    if (!socket.connecting || this.#settled) return;
    const { displayUrl } = this.#endpoint;
    const fire = (): void =>
      this.#settle(connectionFailed(`no connection within ${CONNECT_TIMEOUT_MS} ms`, displayUrl));
    const timer = setTimeout(fire, CONNECT_TIMEOUT_MS);
    this.#connectTimer = timer;
    socket.once('connect', () => clearTimeout(timer));
  }

  #onResponse(response: IncomingMessage): void {
    this.#answered = true;
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) this.#readStream(response);
    else this.#readError(response, status);
  }

  #readError(response: IncomingMessage, status: number): void {
    const { redact, displayUrl } = this.#endpoint;
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (keep: boolean): void => {
      const text = Buffer.concat(chunks).subarray(0, MAX_ERROR_BODY_BYTES).toString();
      this.#settle(failureFromStatus(status, response.headers, redact(text), displayUrl), keep);
    };
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => finish(false), ERROR_BODY_TIMEOUT_MS);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ERROR_BODY_BYTES) finish(false);
    });
    response.on('end', () => finish(true));
    response.on('error', () => finish(false));
    response.on('close', () => finish(false));
  }

  #readStream(response: IncomingMessage): void {
    const reader = new ResponsesEventReader(this.#emit);
    // Faster than a streaming TextDecoder. It keeps a byte order mark, which would cost the first event its name only.
    const decoder = new StringDecoder('utf8');
    let isNoise = false;
    const parser = createParser({
      onEvent: (message) => {
        // An emit may have aborted in the middle of a chunk.
        if (this.#settled) return;
        const outcome = reader.read(message);
        if (outcome === null) return;
        const keep = outcome.type === 'completed';
        this.#settle(outcome, keep);
        if (keep) this.#linger(response);
      },
      onError: ({ type, message }) => {
        if (type === 'max-buffer-size-exceeded') this.#settle(invalidResponse(message));
        if (type !== 'unknown-field') return;
        isNoise = true;
        // A page that never ends would never come to what the end of a stream shows.
        if (!reader.sawEvent && !isEventStream(response)) this.#settle(this.#unfinished(response, reader));
      },
      maxBufferSize: MAX_EVENT_LENGTH,
    });
    const feed = (text: string): void => {
      if (this.#settled) return;
      try {
        parser.feed(text);
      } catch (error) {
        // The parser itself does not throw before it is settled: this is the caller's emit.
        if (this.#release(false)) this.#reject(error);
      }
    };
    response.on('data', (chunk: Buffer) => {
      if (this.#settled) return;
      isNoise = false;
      feed(decoder.write(chunk));
      // Lines that are none of the format's are no sign of life. They may go on for ever.
      if (!isNoise && !this.#settled) this.#idleTimer?.refresh();
    });
    response.on('end', () => {
      // A lone CR may be half of a line end: this completes it, and with it the last event.
      feed('\n');
      this.#settle(this.#unfinished(response, reader));
    });
    response.on('error', (error) => this.#settle(disconnected(error)));
    response.on('close', () => this.#settle(disconnected('connection closed')));
  }

  /** The end without a response.completed: cut, or never the kind of stream that was asked for. */
  #unfinished(response: IncomingMessage, reader: ResponsesEventReader): ModelFailure {
    if (reader.sawEvent || isEventStream(response)) return disconnected('stream closed before response.completed');
    const contentType = response.headers['content-type'];
    return invalidResponse(`${contentType} from ${this.#endpoint.displayUrl} instead of an event stream`, null);
  }

  /** Lets the stream run out, so that its connection can be used again. */
  #linger(response: IncomingMessage): void {
    const timer = setTimeout(() => this.#request?.destroy(), LINGER_MS);
    timer.unref();
    response.once('close', () => clearTimeout(timer));
  }
}

/** By its own word; one that says nothing is taken for what was asked for. */
function isEventStream({ headers }: IncomingMessage): boolean {
  return (headers['content-type'] ?? 'text/event-stream').startsWith('text/event-stream');
}
