// Codex's app server of any version on a home, over its standard streams. Test process.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

interface Message {
  id?: number;
  method?: string;
  params?: any;
  result?: any;
  error?: { message: string };
}

/** Longer than anything that a run waits for. */
const PATIENCE_MS = 30_000;

export class AppServer {
  /** Answers what the server asks its client; the default declines everything. */
  onRequest: (method: string, params: any) => unknown = () => ({ decision: 'decline' });
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  readonly #replies = new Map<number, (message: Message) => void>();
  readonly #heard: Message[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(binary: string, env: Record<string, string>, cwd: string) {
    this.#child = spawn(binary, ['app-server'], { env, cwd, stdio: 'pipe' });
    this.#child.stderr.resume();
    this.#exited = once(this.#child, 'exit');
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(JSON.parse(line) as Message));
  }

  static async start(binary: string, env: Record<string, string>, cwd: string): Promise<AppServer> {
    const server = new AppServer(binary, env, cwd);
    await server.call('initialize', {
      clientInfo: { name: 'fixture-maker', title: null, version: '0' },
      capabilities: { experimentalApi: true },
    });
    server.#send({ method: 'initialized' });
    return server;
  }

  /** Rejects with the server's message when it refuses. */
  async call(method: string, params: unknown): Promise<any> {
    const id = this.#replies.size;
    const reply = new Promise<Message>((resolve) => this.#replies.set(id, resolve));
    this.#send({ id, method, params });
    const { result, error } = await within(reply, method);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** The params of the first notification that fits, of all that came or will come. */
  heard(method: string, fits: (params: any) => boolean = () => true): Promise<any> {
    return this.#hear(0, method, fits);
  }

  /** The same of those that come from now on. */
  next(method: string, fits: (params: any) => boolean = () => true): Promise<any> {
    return this.#hear(this.#heard.length, method, fits);
  }

  async #hear(from: number, method: string, fits: (params: any) => boolean): Promise<any> {
    const find = (): Message | undefined =>
      this.#heard.find((message, index) => index >= from && message.method === method && fits(message.params));
    const waiting = async (): Promise<Message> => {
      for (let found = find(); ; found = find()) {
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    };
    return (await within(waiting(), method)).params;
  }

  /** Starts a turn and returns its id. */
  async startTurn(threadId: string, input: unknown, overrides: object = {}): Promise<string> {
    const parts = typeof input === 'string' ? [{ type: 'text', text: input, text_elements: [] }] : input;
    return (await this.call('turn/start', { threadId, input: parts, ...overrides })).turn.id as string;
  }

  async endOfTurn(turnId: string): Promise<void> {
    await this.heard('turn/completed', ({ turn }) => turn.id === turnId);
  }

  async turn(threadId: string, input: unknown, overrides: object = {}): Promise<string> {
    const id = await this.startTurn(threadId, input, overrides);
    await this.endOfTurn(id);
    return id;
  }

  /** Asks for something that makes a turn of its own, and waits for its end. */
  async turnBy(method: string, params: object): Promise<void> {
    const completed = this.next('turn/completed');
    await this.call(method, params);
    await completed;
  }

  /** Ends it in good order: all that it knows is in its files then. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #send(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #receive(message: Message): void {
    if (message.method === undefined) return this.#replies.get(message.id!)?.(message);
    if (message.id !== undefined) {
      this.#send({ id: message.id, result: this.onRequest(message.method, message.params) });
      return;
    }
    this.#heard.push(message);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function within<T>(promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} took too long`)), PATIENCE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
