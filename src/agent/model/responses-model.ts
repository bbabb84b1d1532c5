// The client of a Responses API: sends a conversation, streams the answer, tries again where that may help. Session worker.
import { Agent, request as sendHttp } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelClient, ModelError, ModelEvent, ModelRequest, ProviderSettings } from './model.js';
import type { ModelFailure } from './model-failure.js';
import { connectionFailed, describeError, invalidResponse } from './model-failure.js';
import { createRedactor } from './redactor.js';
import { attemptResponse } from './responses-attempt.js';
import type { Endpoint } from './responses-attempt.js';
import { buildRequestBody } from './responses-request.js';
import type { InputTexts } from './responses-request.js';
import { retryDelay } from './retry-delay.js';

export interface ResponsesModelOptions {
  /** Waits between attempts; resolves, never rejects, after `ms` or as soon as the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** [0, 1), for the jitter of delays. */
  random?: () => number;
  /** Shared connections; they stay the caller's to destroy. */
  agent?: Agent;
}

const MAX_MESSAGE_LENGTH = 2000;
/** Kept connections found dead before a request counts as failed. */
const MAX_STALE_CONNECTIONS = 3;

/**
 * A model behind `provider.baseUrl`/responses. Never throws: settings that cannot work fail the first request. The
 * caller closes it.
 */
export function createResponsesModel(provider: ProviderSettings, options: ResponsesModelOptions = {}): ModelClient {
  const { sleep = sleepUntilAbort, random = Math.random } = options;
  const redact = createRedactor(provider);
  const running = new Set<AbortController>();
  const texts: InputTexts = new WeakMap();
  let closed = false;
  let endpoint: Endpoint | null = null;

  /** `signal` is the request's own: it aborts with the caller's, or when the client is closed. */
  async function run(
    request: ModelRequest,
    emit: (event: ModelEvent) => void,
    signal: AbortSignal,
  ): Promise<ModelEvent> {
    let body: Buffer;
    try {
      endpoint ??= createEndpoint(provider, options.agent, redact);
      body = Buffer.from(buildRequestBody(request, texts));
    } catch (error) {
      return { type: 'failed', error: present(unusable(error, provider).error) };
    }
    const failures = { request: 0, stream: 0 };
    const limits = { request: provider.requestMaxRetries, stream: provider.streamMaxRetries };
    let stale = 0;
    for (;;) {
      const outcome = signal.aborted
        ? { type: 'aborted' as const }
        : await attemptResponse(endpoint, body, emit, signal);
      if (outcome.type === 'completed' || outcome.type === 'aborted') return outcome;
      const failure = outcome.type === 'stale' ? connectionFailed('connection reset', endpoint.displayUrl) : outcome;
      if (outcome.type === 'stale' && (stale += 1) <= MAX_STALE_CONNECTIONS) continue;
      const error = present(failure.error);
      const { retry } = failure;
      if (retry === null || failures[retry] >= limits[retry]) return { type: 'failed', error };
      failures[retry] += 1;
      if (retry === 'stream') failures.request = 0;
      const attempt = failures[retry];
      const delayMs = retryDelay(attempt, failure.retryAfterMs, random);
      emit({ type: 'retrying', attempt, maxAttempts: limits[retry], delayMs, error });
      if (!signal.aborted) await sleep(delayMs, signal);
    }
  }

  function present(error: ModelError): ModelError {
    const message = redact(error.message);
    const cut =
      message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()}…` : message;
    return { ...error, message: cut };
  }

  return {
    async stream(request, emit, signal) {
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      if (signal.aborted || closed) abort();
      signal.addEventListener('abort', abort);
      running.add(controller);
      try {
        emit(await run(request, emit, controller.signal));
      } finally {
        running.delete(controller);
        signal.removeEventListener('abort', abort);
      }
    },
    close() {
      closed = true;
      for (const controller of running) controller.abort();
      if (options.agent === undefined) endpoint?.agent.destroy();
    },
  };
}

/** Throws a TypeError for a base URL that is none. */
function createEndpoint(provider: ProviderSettings, agent: Agent | undefined, redact: Endpoint['redact']): Endpoint {
  const url = new URL(provider.baseUrl ?? '');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`protocol ${url.protocol} is not http`);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/responses`;
  for (const [name, value] of Object.entries(provider.queryParams)) url.searchParams.set(name, value);
  // Loading TLS costs a worker memory that a local model server does not need.
  const https = url.protocol === 'https:' ? process.getBuiltinModule('node:https') : null;
  const ownAgent = (): Agent => new (https?.Agent ?? Agent)({ keepAlive: true });
  return {
    send: https === null ? sendHttp : https.request,
    agent: agent ?? ownAgent(),
    options: {
      method: 'POST',
      protocol: url.protocol,
      // An IPv6 host is bracketed in a URL only.
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      ...(url.port === '' ? {} : { port: url.port }),
      path: `${url.pathname}${url.search}`,
      ...(url.username === '' && url.password === ''
        ? {}
        : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
    },
    headers: buildHeaders(provider),
    displayUrl: `${url.origin}${url.pathname}`,
    idleTimeoutMs: provider.streamIdleTimeoutMs,
    redact,
  };
}

/** Lower-case names, so that the provider's own headers replace ours. */
function buildHeaders(provider: ProviderSettings): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    'user-agent': 'rolloutd',
    ...(provider.apiKey === null ? {} : { authorization: `Bearer ${provider.apiKey}` }),
  };
  for (const [name, value] of Object.entries(provider.headers)) headers[name.toLowerCase()] = value;
  return headers;
}

function unusable(error: unknown, provider: ProviderSettings): ModelFailure {
  const { code, message } = describeError(error);
  if (code === 'ERR_INVALID_URL')
    return connectionFailed('base_url is not a valid URL', `provider ${provider.id}`, null);
  return invalidResponse(`no request could be made: ${message}`, null);
}

async function sleepUntilAbort(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
