// What the turn loop asks of a model, and what it is told. Session worker.
import type { ResponseItem } from '../../rollout/response-item.js';

/** One sampling request: the whole conversation as the model shall see it. */
export interface ModelRequest {
  model: string;
  /** System-level instructions; null sends none. */
  instructions: string | null;
  /** Items must not change once they were part of a request: their text is remembered. */
  input: readonly ResponseItem[];
  /** Tool definitions in the provider's own shape, passed through. */
  tools: readonly unknown[];
  reasoningEffort: string | null;
  reasoningSummary: string | null;
  /** JSON schema that the final answer must fit, or null. */
  outputSchema: unknown;
  /** Lets a provider reuse its cache: the conversation id. */
  cacheKey: string;
}

export interface ModelUsage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningOutputTokens: number;
  totalTokens: number;
}

/** Why a request failed. `kind` decides what the client is told (docs/errors.md). */
export interface ModelError {
  /** `http`: refused with httpStatus, or inside a stream in the way a 400 is. */
  kind:
    | 'http'
    | 'stream_disconnected'
    | 'connection_failed'
    | 'idle_timeout'
    | 'context_window_exceeded'
    | 'usage_limit_exceeded'
    | 'rate_limit_exceeded'
    | 'server_overloaded'
    | 'incomplete'
    | 'invalid_response';
  message: string;
  httpStatus: number | null;
}

/** What starts streaming: text and reasoning get deltas, the others only come whole in `itemDone`. */
export interface StreamedItem {
  id: string;
  kind: 'message' | 'reasoning' | 'webSearch' | 'other';
  phase: string | null;
}

/**
 * Events of one request, in order. An `itemDone` always follows the `itemStarted` of the same id, and each delta lies
 * between the two. Items of an attempt that was cut never get `itemDone`; `retrying` says so and a new attempt starts
 * with fresh items. `attempt` counts from 1 up to `maxAttempts`, the retries that its cause is allowed: one count for
 * requests that failed in a row before a stream began, one for streams that were cut. The last event is exactly one of
 * completed, failed, aborted; items still open then are the caller's to complete.
 */
export type ModelEvent =
  | { type: 'itemStarted'; item: StreamedItem }
  | { type: 'textDelta'; itemId: string; delta: string }
  | { type: 'summaryPartAdded'; itemId: string; index: number }
  | { type: 'summaryDelta'; itemId: string; index: number; delta: string }
  | { type: 'reasoningDelta'; itemId: string; index: number; delta: string }
  | { type: 'itemDone'; item: ResponseItem }
  | { type: 'retrying'; attempt: number; maxAttempts: number; delayMs: number; error: ModelError }
  | { type: 'completed'; responseId: string; usage: ModelUsage | null }
  | { type: 'failed'; error: ModelError }
  | { type: 'aborted' };

/**
 * Streams one answer. `emit` is called synchronously for each event. Never rejects: failure is the last event, and the
 * promise resolves right after it. Aborting the signal ends with `aborted`, promptly, and closes the connection. The one
 * exception is a bug of the caller's: what `emit` throws ends the request without a last event and rejects.
 */
export type StreamModel = (
  request: ModelRequest,
  emit: (event: ModelEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

/** A model with the connections it keeps. */
export interface ModelClient {
  /** May run several times at once. */
  stream: StreamModel;
  /** Frees the connections; what still streams ends as `aborted`, and so does any later request. May be called twice. */
  close(): void;
}

/** A provider as a session gets it: plain data that crosses to the worker in memory only (it may hold a key). */
export interface ProviderSettings {
  id: string;
  name: string;
  /** null selects the built-in offline model. */
  baseUrl: string | null;
  /** Value of the bearer token, already looked up by AuthManager; null sends no Authorization header. */
  apiKey: string | null;
  headers: Record<string, string>;
  queryParams: Record<string, string>;
  /** Attempts after the first when the request itself fails, and when a stream is cut. */
  requestMaxRetries: number;
  streamMaxRetries: number;
  /** Milliseconds without a byte after which a stream counts as cut. */
  streamIdleTimeoutMs: number;
}
