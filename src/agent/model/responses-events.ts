// Reads the events of one Responses API stream and tells them as model events. Session worker.
import type { EventSourceMessage } from 'eventsource-parser';
import type { MessageItem, ResponseItem } from '../../rollout/response-item.js';
import type { ModelFailure } from './model-failure.js';
import { failureFromCodes, incomplete, invalidResponse } from './model-failure.js';
import type { ModelEvent, ModelUsage, StreamedItem } from './model.js';

export interface ModelCompletion {
  type: 'completed';
  responseId: string;
  usage: ModelUsage | null;
}

type Fields = Record<string, unknown>;

interface OpenItem {
  id: string;
  kind: StreamedItem['kind'];
  outputIndex: number | null;
  summaryParts: number;
}

/**
 * One reader per attempt. It keeps the promises of ModelEvent (an item starts before its deltas and its end) also for
 * servers that leave out ids, announcements or ends.
 */
export class ResponsesEventReader {
  readonly #emit: (event: ModelEvent) => void;
  /** In order of arrival; hardly ever more than one. */
  readonly #open: OpenItem[] = [];
  #responseId = '';
  #started = 0;
  #sawEvent = false;

  constructor(emit: (event: ModelEvent) => void) {
    this.#emit = emit;
  }

  /** Whether anything at all was understood. */
  get sawEvent(): boolean {
    return this.#sawEvent;
  }

  /** Returns how the stream ends, or null while it goes on. Throws only what `emit` throws. */
  read(message: EventSourceMessage): ModelCompletion | ModelFailure | null {
    const type = readType(message);
    // Events passed over are not even parsed: they repeat whole what was told piece by piece.
    if (type !== '' && !TOLD_TYPES.has(type)) {
      this.#sawEvent = true;
      return null;
    }
    if (message.data === '[DONE]') return null;
    const event = parseFields(message.data);
    if (event === null) return invalidResponse('an event that is not a JSON object');
    if (type === '') return null;
    this.#sawEvent = true;
    return this.#tell(type, event);
  }

  #tell(type: string, event: Fields): ModelCompletion | ModelFailure | null {
    switch (type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        return this.#addText(event);
      case 'response.reasoning_summary_part.added':
      case 'response.reasoning_summary_text.delta':
        return this.#addSummary(event);
      case 'response.reasoning_text.delta':
        return this.#addReasoningText(event);
      case 'response.created':
        this.#responseId = toText(toFields(event['response'])['id']);
        return null;
      case 'response.output_item.added':
        return this.#startItem(event);
      case 'response.output_item.done':
        return this.#finishItem(event);
      case 'response.completed':
        return this.#complete(event);
      case 'response.incomplete':
        return incomplete(toText(toFields(toFields(event['response'])['incomplete_details'])['reason']) || 'unknown');
      default:
        return readError(event);
    }
  }

  #startItem(event: Fields): ModelFailure | null {
    const item = event['item'];
    if (!isItem(item)) return invalidResponse('an item without a type');
    this.#start(toKind(item.type), toText(item.id), toIndex(event['output_index']), item.phase);
    return null;
  }

  #addText(event: Fields): null {
    const { delta } = event;
    if (typeof delta !== 'string' || delta === '') return null;
    this.#emit({ type: 'textDelta', itemId: this.#find(event, 'message').id, delta });
    return null;
  }

  /** Parts are announced before their text, also where the server does not. */
  #addSummary(event: Fields): ModelFailure | null {
    const { delta } = event;
    const index = toIndex(event['summary_index']) ?? 0;
    if (index >= MAX_PARTS) return invalidResponse('a reasoning summary of too many parts');
    const item = this.#find(event, 'reasoning');
    for (; item.summaryParts <= index; item.summaryParts += 1) {
      this.#emit({ type: 'summaryPartAdded', itemId: item.id, index: item.summaryParts });
    }
    if (typeof delta === 'string' && delta !== '') this.#emit({ type: 'summaryDelta', itemId: item.id, index, delta });
    return null;
  }

  #addReasoningText(event: Fields): ModelFailure | null {
    const { delta } = event;
    const index = toIndex(event['content_index']) ?? 0;
    if (index >= MAX_PARTS) return invalidResponse('reasoning of too many parts');
    if (typeof delta !== 'string' || delta === '') return null;
    this.#emit({ type: 'reasoningDelta', itemId: this.#find(event, 'reasoning').id, index, delta });
    return null;
  }

  #finishItem(event: Fields): ModelFailure | null {
    const item = event['item'];
    if (!isItem(item)) return invalidResponse('an item without a type');
    this.#finish(item, toIndex(event['output_index']));
    return null;
  }

  #complete(event: Fields): ModelCompletion {
    const response = toFields(event['response']);
    this.#finishFromOutput(response['output']);
    const responseId = toText(response['id']) || this.#responseId;
    return { type: 'completed', responseId, usage: readUsage(response['usage']) };
  }

  #start(kind: OpenItem['kind'], id: string, outputIndex: number | null, phase: unknown): OpenItem {
    this.#started += 1;
    const item: OpenItem = {
      id: id || `${ID_PREFIX[kind]}_${this.#responseId || 'local'}_${this.#started}`,
      kind,
      outputIndex,
      summaryParts: 0,
    };
    this.#open.push(item);
    const streamed = { id: item.id, kind, phase: typeof phase === 'string' ? phase : null };
    this.#emit({ type: 'itemStarted', item: streamed });
    return item;
  }

  /** The item a delta belongs to: by id, else by position, else the latest of its kind, else a new one. */
  #find(event: Fields, kind: OpenItem['kind']): OpenItem {
    const id = event['item_id'];
    const latest = this.#open.at(-1);
    if (latest !== undefined && latest.id === id) return latest;
    const outputIndex = toIndex(event['output_index']);
    return this.#match(toText(id), outputIndex, kind) ?? this.#start(kind, toText(id), outputIndex, null);
  }

  #match(id: string, outputIndex: number | null, kind: OpenItem['kind']): OpenItem | undefined {
    const ofKind = this.#open.filter((item) => item.kind === kind);
    return (
      ofKind.find((item) => item.id === id) ??
      ofKind.find((item) => outputIndex !== null && item.outputIndex === outputIndex) ??
      (outputIndex === null || id === '' ? ofKind.at(-1) : undefined)
    );
  }

  #finish(item: ParsedItem, outputIndex: number | null): void {
    const kind = toKind(item.type);
    const id = toText(item.id);
    const open = this.#match(id, outputIndex, kind) ?? this.#start(kind, id, outputIndex, item.phase);
    this.#open.splice(this.#open.indexOf(open), 1);
    this.#emit({ type: 'itemDone', item: toResponseItem(item, open.id) });
  }

  /** Ends what the server left open, and tells what it only mentions at the end, from the response's own list. */
  #finishFromOutput(output: unknown): void {
    if (!Array.isArray(output)) return;
    const nothingStreamed = this.#started === 0;
    for (const [index, item] of output.entries()) {
      if (!isItem(item)) continue;
      const left = this.#open.some((open) => open.id === item.id || open.outputIndex === index);
      if (left || nothingStreamed) this.#finish(item, index);
    }
  }
}

const TOLD_TYPES: ReadonlySet<string> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_text.delta',
  'response.reasoning_text.delta',
  'response.created',
  'response.output_item.added',
  'response.output_item.done',
  'response.completed',
  'response.incomplete',
  'response.failed',
  'error',
]);

/** Far more parts than any model writes; a wild index must not make a reader fill an array up to it. */
const MAX_PARTS = 1000;

const ID_PREFIX = { message: 'msg', reasoning: 'rs', webSearch: 'ws', other: 'item' } as const;

type ParsedItem = { type: string; id?: unknown; phase?: unknown; content?: unknown };

/** The event's type from its own line, else from the data: first by a peek, then in earnest. '' when there is none. */
function readType({ event, data }: EventSourceMessage): string {
  if (event !== undefined && event !== 'message') return event;
  const peeked = /^\{"type": ?"([a-z_.]+)"/.exec(data);
  return peeked === null ? toText(parseFields(data)?.['type']) : peeked[1]!;
}

/** The `error` of response.failed, of an `error` event, or the latter's own fields. */
function readError(event: Fields): ModelFailure {
  const error = toFields(toFields(event['response'])['error'] ?? event['error'] ?? event);
  const codes = [error['code'], error === event ? null : error['type']];
  return failureFromCodes(
    codes.filter((code): code is string => typeof code === 'string'),
    toText(error['message']),
  );
}

function parseFields(data: string): Fields | null {
  try {
    const parsed: unknown = JSON.parse(data);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Fields) : null;
  } catch {
    // Not JSON; the caller tells it as a failure of the stream.
    return null;
  }
}

function isItem(value: unknown): value is ParsedItem {
  return typeof toFields(value)['type'] === 'string';
}

function toKind(type: string): OpenItem['kind'] {
  if (type === 'web_search_call') return 'webSearch';
  return type === 'message' || type === 'reasoning' ? type : 'other';
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function toIndex(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** The item under the id it was announced with; a refusal becomes text, as which it was streamed. */
function toResponseItem(item: ParsedItem, id: string): ResponseItem {
  if (item.type !== 'message') return { ...item, id };
  const parts = Array.isArray(item.content) ? (item.content as Fields[]) : [];
  const content = parts.map((part) =>
    toFields(part)['type'] === 'refusal' ? { type: 'output_text', text: toText(part['refusal']) } : part,
  );
  return { ...(item as MessageItem), id, content: content as MessageItem['content'] };
}

function readUsage(value: unknown): ModelUsage | null {
  if (typeof value !== 'object' || value === null) return null;
  const usage = value as Fields;
  const inputTokens = toIndex(usage['input_tokens']) ?? 0;
  const outputTokens = toIndex(usage['output_tokens']) ?? 0;
  return {
    inputTokens,
    cachedInputTokens: toIndex(toFields(usage['input_tokens_details'])['cached_tokens']) ?? 0,
    outputTokens,
    reasoningOutputTokens: toIndex(toFields(usage['output_tokens_details'])['reasoning_tokens']) ?? 0,
    totalTokens: toIndex(usage['total_tokens']) ?? inputTokens + outputTokens,
  };
}
