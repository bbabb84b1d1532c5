// The items of a turn that are still streaming, with their text so far. Session worker.
import type { StreamedItem } from './model/model.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { CoreItem } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import { agentMessage, reasoning } from '../rollout/thread-item.js';
import { deltaFrameHead } from '../session/frame-text.js';

export interface OpenMessage {
  kind: 'message';
  id: string;
  phase: string | null;
  startedAtMs: number;
  /** First half of a character whose second half has not come yet. */
  half: string;
  text: string;
  deltaPrefix: string;
}

export interface OpenReasoning {
  kind: 'reasoning';
  id: string;
  startedAtMs: number;
  half: string;
  summary: string[];
  content: string[];
  summaryPrefix: string;
  contentPrefix: string;
}

export type OpenItem = OpenMessage | OpenReasoning;

/** `id` is the item's id on the wire, usually the model's own. */
export function openItem(streamed: StreamedItem, id: string, threadId: string, turnId: string, now: number): OpenItem {
  const ids = { threadId, turnId, itemId: id };
  if (streamed.kind === 'reasoning') {
    return {
      kind: 'reasoning',
      id,
      startedAtMs: now,
      half: '',
      summary: [],
      content: [],
      summaryPrefix: deltaFrameHead('item/reasoning/summaryTextDelta', ids),
      contentPrefix: deltaFrameHead('item/reasoning/textDelta', ids),
    };
  }
  const deltaPrefix = deltaFrameHead('item/agentMessage/delta', ids);
  return { kind: 'message', id, phase: streamed.phase, startedAtMs: now, half: '', text: '', deltaPrefix };
}

/** The item as clients see it; `completedAtMs` null while it runs, `partial` when it was cut short. */
export function toThreadItem(item: OpenItem, completedAtMs: number | null, partial = false): ThreadItem {
  const times = { startedAtMs: item.startedAtMs, completedAtMs };
  return item.kind === 'reasoning'
    ? reasoning(item.id, item.summary, item.content, partial, times)
    : agentMessage(item.id, item.text, item.phase, partial, times);
}

/** The item as the rollout holds it in an `item_completed` line. */
export function toCoreItem(item: OpenItem, partial = false): CoreItem {
  const mark = partial ? { partial: true } : {};
  if (item.kind === 'reasoning') {
    return {
      type: 'Reasoning',
      id: item.id,
      summary_text: item.summary,
      raw_content: item.content,
      ...mark,
    };
  }
  return {
    type: 'AgentMessage',
    id: item.id,
    content: [{ type: 'Text', text: item.text }],
    ...(item.phase === null ? {} : { phase: item.phase }),
    ...mark,
  };
}

/**
 * What the model shall remember of an item that was cut short: its text, marked incomplete. Null for an item without
 * text, and for reasoning, which a provider only takes back whole.
 */
export function toPartialResponseItem(item: OpenItem, turnId: string): ResponseItem | null {
  if (item.kind === 'reasoning' || item.text === '') return null;
  return {
    type: 'message',
    status: 'incomplete',
    id: item.id,
    role: 'assistant',
    content: [{ type: 'output_text', text: item.text, annotations: [] }],
    internal_chat_message_metadata_passthrough: { turn_id: turnId },
    ...(item.phase === null ? {} : { phase: item.phase }),
  };
}
