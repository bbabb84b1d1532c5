// What went wrong in one attempt, and whether another may help. Session worker.
import { STATUS_CODES } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { ModelError } from './model.js';
import { readRetryAfter, readRetryHint } from './retry-delay.js';

/** `retry` names the count that another attempt is taken from; null: trying again is of no use. */
export interface ModelFailure {
  type: 'failed';
  error: ModelError;
  retry: 'request' | 'stream' | null;
  retryAfterMs: number | null;
}

/** Of what a server says; an HTML page of a proxy helps nobody beyond its first lines. */
const MAX_DETAIL_LENGTH = 1000;

interface CodeMeaning {
  kind: ModelError['kind'];
  headline: string;
  retry: 'stream' | null;
}

const CONTEXT: CodeMeaning = {
  kind: 'context_window_exceeded',
  headline: "the conversation does not fit into the model's context window any more",
  retry: null,
};
const QUOTA: CodeMeaning = {
  kind: 'usage_limit_exceeded',
  headline: 'the quota at the provider is used up',
  retry: null,
};
const OVERLOADED: CodeMeaning = { kind: 'server_overloaded', headline: 'the model is overloaded', retry: null };
const REFUSED: CodeMeaning = { kind: 'http', headline: 'the provider refused the request', retry: null };

/** Codes of the Responses API; any other is taken for a passing fault of the server. */
const MEANING_OF_CODE = new Map<string, CodeMeaning>([
  ['context_length_exceeded', CONTEXT],
  ['insufficient_quota', QUOTA],
  ['usage_limit_reached', QUOTA],
  ['usage_not_included', QUOTA],
  ['billing_hard_limit_reached', QUOTA],
  ['server_is_overloaded', OVERLOADED],
  ['slow_down', OVERLOADED],
  ['rate_limit_exceeded', { kind: 'rate_limit_exceeded', headline: 'rate limit exceeded', retry: 'stream' }],
  ['invalid_prompt', REFUSED],
  ['invalid_request_error', REFUSED],
  ['invalid_image', REFUSED],
  ['model_not_found', REFUSED],
  ['invalid_api_key', REFUSED],
]);

/** Servers that only look like the Responses API report a full context as a 400 with words like these. */
const CONTEXT_WORDS = /maximum context length|exceeds? the (?:model's )?context (?:window|length|size)/i;

/** A reply with a status other than 2xx. `body` is its text as far as it was read, free of secrets; `url` has no query. */
export function failureFromStatus(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  url: string,
): ModelFailure {
  const { codes, message } = readErrorBody(body);
  const requestId = headers['x-request-id'];
  const text =
    `unexpected status ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() +
    (message === '' ? '' : `: ${message}`) +
    `, url: ${url}` +
    (typeof requestId === 'string' ? `, request id: ${requestId}` : '');
  const meaning = status < 500 && CONTEXT_WORDS.test(message) ? CONTEXT : findMeaning(codes);
  const final = meaning === CONTEXT || meaning === QUOTA;
  const kind = final || meaning === OVERLOADED ? meaning.kind : 'http';
  const passing = status === 408 || status === 429 || status >= 500;
  return {
    type: 'failed',
    error: {
      kind,
      message: final ? `${meaning.headline}: ${text}` : text,
      httpStatus: status,
    },
    retry: passing && !final ? 'request' : null,
    retryAfterMs: readRetryAfter(headers, Date.now()),
  };
}

/** An error that the server reports inside a stream, by its code and type. */
export function failureFromCodes(codes: readonly string[], detail: string): ModelFailure {
  const message = shorten(detail);
  const meaning = findMeaning(codes) ?? (CONTEXT_WORDS.test(message) ? CONTEXT : undefined);
  const headline = meaning?.headline ?? `the model reported an error${codes.length === 0 ? '' : ` (${codes[0]})`}`;
  return {
    type: 'failed',
    error: {
      kind: meaning?.kind ?? 'stream_disconnected',
      message: message === '' ? headline : `${headline}: ${message}`,
      httpStatus: meaning === REFUSED ? 400 : null,
    },
    retry: meaning === undefined ? 'stream' : meaning.retry,
    retryAfterMs: readRetryHint(message),
  };
}

/** A stream that ended before it said that it was complete; `cause` is a text or what the socket threw. */
export function disconnected(cause: unknown): ModelFailure {
  const { code, message } = describeError(cause);
  // Node calls a connection that broke in the middle of a reply "aborted".
  const detail = code === 'ECONNRESET' ? 'connection reset' : message;
  return failed('stream_disconnected', `stream disconnected before completion: ${detail}`, 'stream');
}

export function invalidResponse(detail: string, retry: ModelFailure['retry'] = 'stream'): ModelFailure {
  return failed('invalid_response', `invalid response from the model server: ${detail}`, retry);
}

export function idleTimeout(idleTimeoutMs: number, streaming: boolean): ModelFailure {
  const what = streaming ? 'the stream fell silent' : 'no answer';
  return failed('idle_timeout', `${what} for ${idleTimeoutMs} ms`, streaming ? 'stream' : 'request');
}

export function incomplete(reason: string): ModelFailure {
  return failed('incomplete', `incomplete response, reason: ${reason}`, null);
}

export function connectionFailed(detail: string, url: string, retry: 'request' | null = 'request'): ModelFailure {
  return failed('connection_failed', `connection failed: ${detail}, url: ${url}`, retry);
}

/** From what a socket or a request threw. Bad certificates and bad settings do not heal by themselves. */
export function failureFromConnectionError(error: unknown, url: string): ModelFailure {
  const { code = '', message } = describeError(error);
  const lasting = /^ERR_|CERT|^UNABLE_TO_/.test(code);
  return connectionFailed(message, url, lasting ? null : 'request');
}

export function describeError(error: unknown): { code?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = (error as NodeJS.ErrnoException).code;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = error.message || (inner instanceof Error ? inner.message : '') || code || error.name;
  return { ...(code === undefined ? {} : { code }), message };
}

/** Error codes and message of a body, in the shapes that servers of this API use. */
function readErrorBody(body: string): { codes: string[]; message: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON, as from a proxy: the text itself is the message.
    return { codes: [], message: shorten(body.replace(/\s+/g, ' ').trim()) };
  }
  const outer = toRecord(parsed);
  const inner = toRecord(outer['error']);
  const texts = [inner['message'], outer['error'], outer['message'], outer['detail'], parsed];
  const message = texts.find((text): text is string => typeof text === 'string' && text !== '');
  const codes = [inner['code'], inner['type'], outer['code']];
  return {
    codes: codes.filter((code): code is string => typeof code === 'string'),
    message: shorten(message ?? body.trim()),
  };
}

function findMeaning(codes: readonly string[]): CodeMeaning | undefined {
  return codes.map((code) => MEANING_OF_CODE.get(code)).find((meaning) => meaning !== undefined);
}

function shorten(text: string): string {
  return text.length <= MAX_DETAIL_LENGTH ? text : `${text.slice(0, MAX_DETAIL_LENGTH).toWellFormed()}…`;
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function failed(kind: ModelError['kind'], message: string, retry: ModelFailure['retry']): ModelFailure {
  return { type: 'failed', error: { kind, message, httpStatus: null }, retry, retryAfterMs: null };
}
