// What the tests of the model clients share: a request, a provider, and all events of one answer.
import type { ModelClient, ModelEvent, ModelRequest, ProviderSettings } from '../../../src/agent/model/model.js';
import type { ResponseItem } from '../../../src/rollout/response-item.js';

export function makeProvider(baseUrl: string | null, overrides: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    id: 'scripted',
    name: 'Scripted',
    baseUrl,
    apiKey: null,
    headers: {},
    queryParams: {},
    requestMaxRetries: 2,
    streamMaxRetries: 2,
    streamIdleTimeoutMs: 5_000,
    ...overrides,
  };
}

export function userMessage(text: string): ResponseItem {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
}

export function makeRequest(text: string, overrides: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'scripted-model',
    instructions: null,
    input: [userMessage(text)],
    tools: [],
    reasoningEffort: null,
    reasoningSummary: null,
    outputSchema: null,
    cacheKey: 'conversation-1',
    ...overrides,
  };
}

/** Streams one answer to its end; `onEvent` sees each event as it comes. */
export async function collectEvents(
  client: ModelClient,
  request: ModelRequest,
  { signal = new AbortController().signal, onEvent }: CollectOptions = {},
): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  await client.stream(
    request,
    (event) => {
      events.push(event);
      onEvent?.(event);
    },
    signal,
  );
  return events;
}

export interface CollectOptions {
  signal?: AbortSignal;
  onEvent?: (event: ModelEvent) => void;
}

export function isFinal(event: ModelEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'aborted';
}

/** The text of all deltas of messages. */
export function joinText(events: readonly ModelEvent[]): string {
  return events.map((event) => (event.type === 'textDelta' ? event.delta : '')).join('');
}
