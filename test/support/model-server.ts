// The scripted model behind every suite, bench and fault run: a loopback server that speaks the Responses API.
// In a test's own process (startModelServer), or by itself: node dist/test/support/model-server.js --port 0
// prints its base URL; --until-stdin-ends makes it leave together with whoever started it.
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ModelReply } from './model-reply.js';
import { answerByScript, findLastUserText } from './model-script.js';
import type { Attempts, ScriptedRequest } from './model-script.js';

export interface ModelServerOptions {
  /** 0 picks one. */
  port?: number;
  /** When set, any other bearer token is refused with a 401 that repeats it. */
  apiKey?: string;
  /** How many requests are kept at most; the oldest go first. */
  keepRequests?: number;
  /** Names that GET /v1/models lists. */
  models?: readonly string[];
}

/** A request's body as far as tests look at it. */
export interface ModelRequestBody {
  model?: string;
  instructions?: string;
  input?: Record<string, unknown>[];
  tools?: unknown[];
  prompt_cache_key?: string;
  [field: string]: unknown;
}

/** One POST to /v1/responses. */
export interface ModelServerRequest extends ScriptedRequest {
  headers: IncomingHttpHeaders;
  /** Path and query. */
  url: string;
  /** The parsed body; null if it is no JSON object. */
  body: ModelRequestBody | null;
  lastUserText: string;
  /** Resolves when the exchange is over, for whatever reason. */
  closed: Promise<void>;
}

/** Replaces the command language; false hands the request back to it. */
export type ModelHandler = (request: ModelServerRequest, reply: ModelReply) => void | false | Promise<void | false>;

export interface ModelServer {
  /** With `/v1`, as a provider's base_url. */
  readonly baseUrl: string;
  readonly port: number;
  /** Kept requests in order of arrival; `number` tells the place. */
  readonly requests: readonly ModelServerRequest[];
  readonly requestCount: number;
  /** Times that the models were asked for. */
  readonly listCount: number;
  /** Exchanges that are not over. */
  readonly openReplies: number;
  /** TCP connections accepted so far. */
  readonly connectionCount: number;
  /** Resolves with request number `n` (from 1), at once if it has come; rejects when closed before, or no longer kept. */
  waitForRequest(n: number): Promise<ModelServerRequest>;
  script(handler: ModelHandler | null): void;
  /** Breaks every connection. */
  close(): Promise<void>;
}

interface Waiter {
  number: number;
  resolve(request: ModelServerRequest): void;
  reject(error: Error): void;
}

/** Rejects if the port is taken. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const { port = 0, apiKey = null, keepRequests = 1000, models = ['scripted-model'] } = options;
  const requests: ModelServerRequest[] = [];
  const waiters = new Set<Waiter>();
  const attempts: Attempts = new Map();
  let handler: ModelHandler | null = null;
  let requestCount = 0;
  let listCount = 0;
  let openReplies = 0;
  let connectionCount = 0;

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = incoming.url ?? '/';
    const { pathname } = new URL(url, 'http://model');
    const token = incoming.headers.authorization ?? '';
    if (apiKey !== null && token !== `Bearer ${apiKey}`) {
      const message = `Incorrect API key provided: ${token.replace(/^Bearer /, '')}.`;
      new ModelReply(response, 0).failWith(401, 'invalid_api_key', message);
      incoming.resume();
      return;
    }
    if (incoming.method === 'GET' && pathname === '/v1/models') {
      listCount += 1;
      new ModelReply(response, 0).fail(200, modelList(models));
      return;
    }
    if (incoming.method !== 'POST' || pathname !== '/v1/responses') {
      new ModelReply(response, 0).failWith(404, 'not_found', `no such route: ${incoming.method} ${pathname}`);
      incoming.resume();
      return;
    }
    const text = await readBody(incoming);
    if (text === null) return;
    requestCount += 1;
    openReplies += 1;
    const reply = new ModelReply(response, requestCount);
    void reply.closed.then(() => (openReplies -= 1));
    const request = describeRequest(requestCount, incoming, text, reply.closed);
    keep(request);
    if (request.body === null) reply.failWith(400, 'invalid_request_error', 'the body is not a JSON object');
    else if (handler === null || (await handler(request, reply)) === false) {
      await answerByScript(request, reply, attempts);
    }
  }

  function keep(request: ModelServerRequest): void {
    requests.push(request);
    if (requests.length > keepRequests) requests.shift();
    for (const waiter of waiters) {
      if (waiter.number !== request.number) continue;
      waiters.delete(waiter);
      waiter.resolve(request);
    }
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => {
      // A handler of the test is wrong: make it seen, both at the client and here.
      response.destroy();
      process.emitWarning(error instanceof Error ? error : String(error));
    });
  });
  server.on('connection', () => (connectionCount += 1));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    port: address.port,
    requests,
    get requestCount() {
      return requestCount;
    },
    get listCount() {
      return listCount;
    },
    get openReplies() {
      return openReplies;
    },
    get connectionCount() {
      return connectionCount;
    },
    waitForRequest(n) {
      const kept = requests.find((request) => request.number === n);
      if (kept !== undefined) return Promise.resolve(kept);
      if (n <= requestCount) return Promise.reject(new Error(`request ${n} is no longer kept`));
      return new Promise((resolve, reject) => waiters.add({ number: n, resolve, reject }));
    },
    script(next) {
      handler = next;
    },
    async close() {
      for (const waiter of waiters) waiter.reject(new Error(`closed before request ${waiter.number} came`));
      waiters.clear();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function modelList(models: readonly string[]): unknown {
  return { object: 'list', data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'scripted' })) };
}

/** Null when the client left before it had said everything. */
async function readBody(incoming: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    // Aborted requests are part of the tests; there is nobody to answer.
    return null;
  }
  return Buffer.concat(chunks).toString();
}

function describeRequest(
  number: number,
  incoming: IncomingMessage,
  text: string,
  closed: Promise<void>,
): ModelServerRequest {
  const body = parseObject(text);
  const input = Array.isArray(body?.input) ? body.input : [];
  return {
    number,
    headers: incoming.headers,
    url: incoming.url ?? '/',
    body,
    input,
    cacheKey: body?.prompt_cache_key ?? '',
    lastUserText: findLastUserText(input),
    closed,
  };
}

function parseObject(text: string): ModelRequestBody | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as ModelRequestBody)
      : null;
  } catch {
    // Told to the client as a 400.
    return null;
  }
}

async function runAsProgram(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'keep-requests': { type: 'string', default: '0' },
      'until-stdin-ends': { type: 'boolean', default: false },
    },
  });
  const server = await startModelServer({ port: Number(values.port), keepRequests: Number(values['keep-requests']) });
  process.stdout.write(`${server.baseUrl}\n`);
  const stop = (): void => void server.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (values['until-stdin-ends']) process.stdin.once('end', stop).resume();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runAsProgram();
