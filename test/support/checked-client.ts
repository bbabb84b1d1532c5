// A raw client that keeps everything a daemon sent, in order, and holds each message against the schema. Main thread.
import { WebSocket } from 'ws';
import { assertValidServerMessage } from './schema-validator.js';

export interface WireMessage {
  id?: string | number | null;
  method?: string;
  params?: Record<string, any>;
  result?: any;
  error?: { code: number; message: string; data?: any };
  epoch?: string;
  seq?: number;
}

export interface CheckedClientOptions {
  token?: string | null;
  name?: string;
  experimentalApi?: boolean;
  optOut?: string[];
  headers?: Record<string, string>;
  /** False sends no initialize. */
  initialize?: boolean;
}

interface Waiter {
  matches: (message: WireMessage) => boolean;
  resolve: (message: WireMessage) => void;
}

export class CheckedClient {
  /** Everything received, in order. */
  readonly received: WireMessage[] = [];
  /** What did not fit the schema: a test must find this empty. */
  readonly schemaErrors: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  readonly #methods = new Map<unknown, string>();
  readonly #waiters = new Set<Waiter>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => this.#receive(JSON.parse(data.toString()) as WireMessage));
  }

  static async connect(url: string, options: CheckedClientOptions = {}): Promise<CheckedClient> {
    const authorization = options.token == null ? {} : { authorization: `Bearer ${options.token}` };
    const socket = new WebSocket(url, { headers: { ...authorization, ...options.headers } });
    const client = new CheckedClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    if (options.initialize !== false) {
      await client.call('initialize', {
        clientInfo: { name: options.name ?? 'test', version: '0' },
        capabilities: {
          experimentalApi: options.experimentalApi ?? true,
          ...(options.optOut === undefined ? {} : { optOutNotificationMethods: options.optOut }),
        },
      });
    }
    return client;
  }

  /** Sends a request and resolves to its reply, error replies included. */
  async ask(method: string, params?: unknown, id: string | number = this.#nextId++): Promise<WireMessage> {
    this.#methods.set(id, method);
    const reply = this.next((message) => message.id === id && message.method === undefined);
    this.sendRaw(JSON.stringify({ id, method, ...(params === undefined ? {} : { params }) }));
    return reply;
  }

  /** Sends a request and resolves to its result; rejects for an error reply. */
  async call(method: string, params?: unknown): Promise<any> {
    const reply = await this.ask(method, params);
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.code} ${reply.error.message}`);
    return reply.result;
  }

  /** Lets the reply to a request that is sent raw be checked as one to this method. */
  expectReply(id: string | number, method: string): void {
    this.#methods.set(id, method);
  }

  sendRaw(text: string): void {
    this.socket.send(text);
  }

  /** Answers a question of the daemon; there is no reply to that. */
  answer(id: unknown, answer: { result: unknown } | { error: { code: number; message: string } }): void {
    this.sendRaw(JSON.stringify({ id, ...answer }));
  }

  /** The questions that came of this conversation, in order; the same one as often as it came. */
  questionsOf(threadId: string): WireMessage[] {
    return this.notificationsOf(threadId).filter(({ id }) => id !== undefined);
  }

  /** The next message from now on that matches. */
  next(matches: (message: WireMessage) => boolean): Promise<WireMessage> {
    return new Promise((resolve) => {
      this.#waiters.add({ matches, resolve });
    });
  }

  /** A notification that has come already or will come. */
  async notification(
    method: string,
    matches: (params: Record<string, any>) => boolean = () => true,
  ): Promise<WireMessage> {
    const isIt = (message: WireMessage): boolean => message.method === method && matches(message.params ?? {});
    return this.received.find(isIt) ?? this.next(isIt);
  }

  async startThread(params: Record<string, unknown> = {}): Promise<string> {
    return (await this.call('thread/start', params)).thread.id as string;
  }

  /** Starts a turn; `done` resolves to the turn as turn/completed carries it. */
  async startTurn(threadId: string, text: string, more: Record<string, unknown> = {}) {
    const result = await this.call('turn/start', { threadId, input: [{ type: 'text', text }], ...more });
    const turnId = result.turn.id as string;
    const done = this.notification('turn/completed', (params) => params.turn.id === turnId).then(
      (message) => message.params!.turn,
    );
    return { turnId, done };
  }

  /** Starts a turn and waits for its end. */
  async runTurn(threadId: string, text: string) {
    const { done } = await this.startTurn(threadId, text);
    return done;
  }

  notificationsOf(threadId: string): WireMessage[] {
    return this.received.filter(({ params }) => params?.threadId === threadId || params?.thread?.id === threadId);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  #receive(message: WireMessage): void {
    this.received.push(message);
    try {
      assertValidServerMessage(message, this.#methods);
    } catch (error) {
      this.schemaErrors.push(String(error));
    }
    for (const waiter of this.#waiters) {
      if (!waiter.matches(message)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(message);
    }
  }
}
