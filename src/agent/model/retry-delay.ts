// How long to wait before a request is tried again. Session worker.
import type { IncomingHttpHeaders } from 'node:http';

const BASE_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
const JITTER = 0.1;
/** What a server may ask for at most: a person waits at the other end. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Milliseconds before retry number `attempt` (from 1): 200, 400, 800 ... up to 30 s, each 10% more or less, and never
 * less than what the server asked for, of which at most a minute counts. `random` yields [0, 1).
 */
export function retryDelay(attempt: number, retryAfterMs: number | null, random: () => number): number {
  const exponential = Math.min(BASE_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS);
  const jittered = Math.min(exponential * (1 - JITTER + 2 * JITTER * random()), MAX_DELAY_MS);
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)));
}

/** Milliseconds that a reply asks to wait: `retry-after-ms`, or Retry-After as seconds or date. Null: nothing usable. */
export function readRetryAfter(headers: IncomingHttpHeaders, now: number): number | null {
  const milliseconds = toDelay(headers['retry-after-ms']);
  if (milliseconds !== null) return milliseconds;
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const seconds = toDelay(value);
  if (seconds !== null) return seconds * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** The same from an error inside a stream, which can only say it in words: "try again in 1.5s". */
export function readRetryHint(message: string): number | null {
  const match = /try again in ([0-9]+(?:\.[0-9]+)?) ?(ms|s|seconds?)\b/i.exec(message);
  if (match === null) return null;
  return Number(match[1]) * (match[2]!.toLowerCase() === 'ms' ? 1 : 1000);
}

function toDelay(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && /^\s*[0-9]+(\.[0-9]+)?\s*$/.test(value) ? Number(value) : null;
}
