// The typed client: requests, notifications and server requests over one connection. Clients, Node and browser.
import type { MethodName, ParamsOf, ResultOf } from '../protocol/methods.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { NotificationParams } from '../protocol/notifications.js';
import type { ServerRequestName, ServerRequestParams, ServerRequestResult } from '../protocol/server-requests.js';
import type { ClosedConnection } from './rpc-client-error.js';
import { closedError, RpcClientError } from './rpc-client-error.js';
import type { OpenTransport, Transport } from './transport.js';

export interface ClientInfo {
  name: string;
  title?: string | null;
  version: string;
}

export interface ConnectOptions {
  /** `ws://…` of the daemon. */
  url: string;
  /** null sends none. */
  token: string | null;
  clientInfo: ClientInfo;
  /** Default true. */
  experimentalApi?: boolean;
  /** Notification methods that this connection does not want. */
  optOut?: readonly string[];
  /** Hear everything from the first frame on; the same as calling onNotification right away, without a gap. */
  onNotification?: NotificationListener;
  onServerRequest?: ServerRequestListener;
  /** Default: the WebSocket of Node. */
  openTransport?: OpenTransport;
}

/** A notification as it came; one with `epoch` and `seq` has a place in the order of its conversation. */
export interface NotificationOf<Name extends NotificationName> {
  method: Name;
  params: NotificationParams<Name>;
  emittedAtMs: number;
  epoch?: string;
  seq?: number;
}

export type ServerNotification = { [Name in NotificationName]: NotificationOf<Name> }[NotificationName];

/** A place in the notifications of a thread. */
export type EventsCursor = ResultOf<'thread/start'>['eventsCursor'];

export type NotificationListener = (notification: ServerNotification) => void;

/**
 * A question of the daemon; isRequestOf() tells which. Answer at most once: the first answer of any client counts, and
 * `serverRequest/resolved` with this id says that there is nothing to answer any more. Leaving it open leaves it to another
 * client. Over the next connection an open one comes again, under the same id.
 */
export interface IncomingRequest {
  id: number | string;
  method: string;
  params: unknown;
  respond(result: unknown): void;
  fail(code: number, message: string): void;
}

/** A question that the contract knows. */
export interface ServerRequestOf<Name extends ServerRequestName> extends IncomingRequest {
  method: Name;
  params: ServerRequestParams<Name>;
  respond(result: ServerRequestResult<Name>): void;
}

export function isRequestOf<Name extends ServerRequestName>(
  request: IncomingRequest,
  method: Name,
): request is ServerRequestOf<Name> {
  return request.method === method;
}

export type ServerRequestListener = (request: IncomingRequest) => void;

interface Waiter<Result> {
  resolve(result: Result): void;
  reject(error: RpcClientError): void;
}

/**
 * Connects, does initialize and initialized, and gives the client. Rejects with RpcClientError: kind `refused` or
 * `unreachable` when there is no connection, `reply` when the daemon refused initialize.
 */
export async function connect(options: ConnectOptions): Promise<RpcClient> {
  const openTransport = options.openTransport ?? (await import('./node-transport.js')).openNodeTransport;
  const client = new RpcClient();
  if (options.onNotification) client.onNotification(options.onNotification);
  if (options.onServerRequest) client.onServerRequest(options.onServerRequest);
  await client.open(openTransport, options);
  return client;
}

/**
 * One connection. Listeners are called as frames arrive, in order, and must not throw; notifications that came in one
 * packet with a reply are heard before the code that awaits the reply goes on.
 */
export class RpcClient {
  readonly #pending = new Map<number, Waiter<unknown>>();
  readonly #onNotification = new Set<NotificationListener>();
  readonly #onServerRequest = new Set<ServerRequestListener>();
  readonly #waiting = new Set<
    { predicate: (notification: ServerNotification) => boolean } & Waiter<ServerNotification>
  >();
  readonly #closed: Promise<ClosedConnection>;
  #settleClosed!: (closed: ClosedConnection) => void;
  #transport: Transport | null = null;
  #closedBy: ClosedConnection | null = null;
  #lastId = 0;
  #serverInfo: ResultOf<'initialize'> | null = null;
  readonly #lastEvents = new Map<string, EventsCursor>();

  /** Use connect(). */
  constructor() {
    this.#closed = new Promise((resolve) => (this.#settleClosed = resolve));
  }

  /** Used by connect(). */
  async open(openTransport: OpenTransport, options: ConnectOptions): Promise<void> {
    this.#transport = await openTransport(
      { url: options.url, token: options.token },
      { onText: (text) => this.#receive(text), onClose: (code, reason) => this.#end({ code, reason }) },
    );
    try {
      this.#serverInfo = await this.request('initialize', {
        clientInfo: { title: null, ...options.clientInfo },
        capabilities: {
          experimentalApi: options.experimentalApi ?? true,
          optOutNotificationMethods: options.optOut ? [...options.optOut] : null,
        },
      });
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#transport.send(JSON.stringify({ method: 'initialized' }));
  }

  /** What the daemon said of itself. */
  get serverInfo(): ResultOf<'initialize'> {
    if (this.#serverInfo === null) throw new Error('not initialized yet');
    return this.#serverInfo;
  }

  /** Resolves when the connection has ended, whoever ended it. */
  get closed(): Promise<ClosedConnection> {
    return this.#closed;
  }

  /** The last numbered notification of a thread that this connection has brought; null before the first. */
  lastEvent(threadId: string): EventsCursor | null {
    return this.#lastEvents.get(threadId) ?? null;
  }

  /**
   * Rejects with RpcClientError: `reply` for an error reply, `closed` when the connection ends first. `onResult` is called
   * when the result arrives, before any notification behind it is heard.
   */
  request<Method extends MethodName>(
    method: Method,
    params: ParamsOf<Method>,
    onResult?: (result: ResultOf<Method>) => void,
  ): Promise<ResultOf<Method>> {
    return this.requestUntyped(method, params, onResult as (result: unknown) => void) as Promise<ResultOf<Method>>;
  }

  /** For methods outside the contract, and for wrong params on purpose. */
  requestUntyped(method: string, params?: unknown, onResult?: (result: unknown) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== null) return reject(closedError(this.#closedBy));
      if (this.#transport === null) return reject(new Error('not connected yet'));
      const id = ++this.#lastId;
      const take = (result: unknown): void => {
        onResult?.(result);
        resolve(result);
      };
      this.#pending.set(id, { resolve: take, reject });
      this.#transport.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Returns the function that stops listening. */
  onNotification(listener: NotificationListener): () => void {
    this.#onNotification.add(listener);
    return () => void this.#onNotification.delete(listener);
  }

  /** Without any listener a server request stays open. Returns the function that stops listening. */
  onServerRequest(listener: ServerRequestListener): () => void {
    this.#onServerRequest.add(listener);
    return () => void this.#onServerRequest.delete(listener);
  }

  /**
   * The first notification from now on that fits: ask before the request that causes it. Rejects with kind `closed` when
   * the connection ends first; that rejection may stay unhandled.
   */
  waitFor<Name extends NotificationName>(
    method: Name,
    predicate?: (params: NotificationParams<Name>) => boolean,
  ): Promise<NotificationOf<Name>>;
  waitFor(predicate: (notification: ServerNotification) => boolean): Promise<ServerNotification>;
  waitFor(
    first: string | ((notification: ServerNotification) => boolean),
    ofParams?: (params: never) => boolean,
  ): Promise<ServerNotification> {
    const predicate =
      typeof first === 'function'
        ? first
        : (notification: ServerNotification) =>
            notification.method === first && (ofParams === undefined || ofParams(notification.params as never));
    const found = new Promise<ServerNotification>((resolve, reject) => {
      if (this.#closedBy !== null) return reject(closedError(this.#closedBy));
      this.#waiting.add({ predicate, resolve, reject });
    });
    // Whoever stopped waiting because something else failed shall not fail twice.
    found.catch(() => undefined);
    return found;
  }

  /** Ends the connection; pending requests reject. Resolves when it has ended; may be called twice. */
  async close(): Promise<void> {
    this.#transport?.close();
    await this.#closed;
  }

  #receive(text: string): void {
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
    } catch {
      this.#transport?.close(4000, 'a frame was not JSON');
      return;
    }
    if (frame.method === undefined) this.#settle(frame);
    else if (frame.id === undefined) this.#notify(frame as unknown as ServerNotification);
    else this.#ask(frame.id, frame.method, frame.params);
  }

  #settle({ id, result, error }: Frame): void {
    const waiter = this.#pending.get(id as number);
    if (waiter === undefined) return;
    this.#pending.delete(id as number);
    if (error) waiter.reject(new RpcClientError('reply', error.code, error.message, error.data));
    else waiter.resolve(result);
  }

  #notify(notification: ServerNotification): void {
    const { epoch, seq } = notification;
    const threadId = threadIdOf(notification);
    if (epoch !== undefined && seq !== undefined && threadId !== null) this.#lastEvents.set(threadId, { epoch, seq });
    for (const listener of this.#onNotification) listener(notification);
    for (const waiter of this.#waiting) {
      if (!waiter.predicate(notification)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(notification);
    }
  }

  #ask(id: number | string, method: string, params: unknown): void {
    const respond = (answer: object) => this.#transport?.send(JSON.stringify({ id, ...answer }));
    const request: IncomingRequest = {
      id,
      method,
      params,
      respond: (result) => respond({ result }),
      fail: (code, message) => respond({ error: { code, message } }),
    };
    for (const listener of this.#onServerRequest) listener(request);
  }

  #end(closed: ClosedConnection): void {
    this.#closedBy = closed;
    const error = closedError(closed);
    for (const waiter of [...this.#pending.values(), ...this.#waiting]) waiter.reject(error);
    this.#pending.clear();
    this.#waiting.clear();
    this.#settleClosed(closed);
  }
}

interface Frame {
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

/** The thread that a notification is about, or null. */
export function threadIdOf({ params }: ServerNotification): string | null {
  const { threadId, thread } = params as { threadId?: string; thread?: { id: string } };
  return threadId ?? thread?.id ?? null;
}
