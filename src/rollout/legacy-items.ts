// The items of a legacy file, from its events and from what the model called. Any thread.
import type { ThreadItem } from '../protocol/thread.js';
import { NO_TIMES } from './item-times.js';
import type { ItemTimes } from './item-times.js';
import { legacyInput } from './legacy-input.js';
import { LegacyCalls } from './legacy-calls.js';
import type { TurnItems } from './legacy-calls.js';
import type { EventOfType, EventPayload, LegacyMarkEvent, LegacyToolEvent } from './line.js';
import type { ResponseItem } from './response-item.js';
import { agentMessage, reasoning, toThreadItem, userMessage } from './thread-item.js';
import { toolEventItem } from './tool-event-item.js';

type ReasoningItem = ReturnType<typeof reasoning>;

/** Events that tell of something in a turn. */
export type LegacyItemEvent =
  | EventOfType<'user_message'>
  | EventOfType<'agent_message'>
  | EventOfType<'agent_reasoning'>
  | EventOfType<'agent_reasoning_raw_content'>
  | LegacyMarkEvent
  | LegacyToolEvent;

/** What Codex says of a review that ended without a word. */
const NO_REVIEW = 'Reviewer failed to output a response.';

/**
 * Messages, thoughts and marks are `item-N`, counted in the order of the file, and only they: those are the ids that Codex
 * gives them. Everything else has the id of its call.
 */
export class LegacyItems {
  readonly calls = new LegacyCalls();
  #count = 0;
  /** The item that the parts of one train of thought gather in, and how many items its turn had then. */
  #thought: { items: TurnItems; first: string; item: ReasoningItem; size: number; pieces: number } | null = null;

  /** Adds to the items of a turn what the event tells. */
  add(event: LegacyItemEvent, items: TurnItems): void {
    if (event.type === 'agent_reasoning' || event.type === 'agent_reasoning_raw_content') {
      const thought = this.#thoughtIn(items);
      (event.type === 'agent_reasoning' ? thought.summary : thought.content).push(event.text);
      return;
    }
    const item = this.#itemOf(event, items);
    items.set(item.id, item);
    this.#thought = null;
  }

  addResponse(item: ResponseItem, items: TurnItems | null): void {
    this.calls.apply(item, items);
  }

  #itemOf(event: Exclude<LegacyItemEvent, { text: string }>, items: TurnItems): ThreadItem {
    switch (event.type) {
      case 'user_message':
        return userMessage(this.#nextId(), event.client_id ?? null, legacyInput(event), NO_TIMES);
      case 'agent_message':
        return agentMessage(this.#nextId(), event.message, event.phase ?? null, false, NO_TIMES);
      case 'context_compacted':
        return { type: 'contextCompaction', id: this.#nextId(), ...NO_TIMES };
      case 'entered_review_mode': {
        const review = event.user_facing_hint ?? 'Review requested.';
        return { type: 'enteredReviewMode', id: event.item_id ?? this.#nextId(), review, ...NO_TIMES };
      }
      case 'exited_review_mode': {
        const review = event.review_output?.overall_explanation?.trim() || NO_REVIEW;
        return { type: 'exitedReviewMode', id: event.item_id ?? this.#nextId(), review, ...NO_TIMES };
      }
      default: {
        const item = toThreadItem(toolEventItem(event), timesOf(event));
        if (item.type === 'webSearch') this.calls.expectRecorded('searches', items);
        if (item.type === 'commandExecution' && item.source === 'userShell') {
          this.calls.expectRecorded('shellCommands', items);
        }
        return item;
      }
    }
  }

  /**
   * Parts of one train of thought are lines of their own: they gather in one item until something else is told. Where a
   * call came between them, what follows it is an item of its own behind it, which does not count: `item-3.2`.
   */
  #thoughtIn(items: TurnItems): ReasoningItem {
    const last = this.#thought?.items === items ? this.#thought : null;
    if (last !== null && last.size === items.size) return last.item;
    const first = last?.first ?? this.#nextId();
    const pieces = (last?.pieces ?? 0) + 1;
    const item = reasoning(pieces === 1 ? first : `${first}.${pieces}`, [], [], false, NO_TIMES);
    items.set(item.id, item);
    this.#thought = { items, first, item, size: items.size, pieces };
    return item;
  }

  #nextId(): string {
    this.#count += 1;
    return `item-${this.#count}`;
  }
}

/** True for the events that `add` takes; the others are about turns, or say nothing. */
export function isItemEvent(event: EventPayload): event is LegacyItemEvent {
  if (event.type === 'agent_message') return event.message !== '';
  if (event.type === 'agent_reasoning' || event.type === 'agent_reasoning_raw_content') return event.text !== '';
  return ITEM_EVENTS.has(event.type);
}

export const ITEM_EVENTS: ReadonlySet<EventPayload['type']> = new Set<LegacyItemEvent['type']>([
  'user_message',
  'agent_message',
  'agent_reasoning',
  'agent_reasoning_raw_content',
  'context_compacted',
  'entered_review_mode',
  'exited_review_mode',
  'exec_command_begin',
  'exec_command_end',
  'patch_apply_begin',
  'patch_apply_end',
  'mcp_tool_call_begin',
  'mcp_tool_call_end',
  'web_search_end',
  'view_image_tool_call',
  'image_generation_end',
  'sub_agent_activity',
]);

/** Only of agents it is told when something happened. */
function timesOf(event: LegacyToolEvent): ItemTimes {
  return event.type === 'sub_agent_activity'
    ? { startedAtMs: null, completedAtMs: event.occurred_at_ms ?? null }
    : NO_TIMES;
}
