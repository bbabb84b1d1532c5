// Turns the model's events into items: notifications while they stream, lines when they are done. Session worker.
import { notificationIndex } from '../protocol/notification-names.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import { deltaFrameText } from '../session/frame-text.js';
import { announceCompletion, announceStart, claimItemId } from './item-news.js';
import { pushNotification } from './frame.js';
import type { StreamedItem } from './model/model.js';
import { openItem, toCoreItem, toPartialResponseItem, toThreadItem } from './open-items.js';
import type { OpenItem } from './open-items.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { itemLines } from './turn-lines.js';
import { completeSearch, cutSearches, startSearch } from './web-search.js';

const MESSAGE_DELTA = notificationIndex('item/agentMessage/delta');
const SUMMARY_DELTA = notificationIndex('item/reasoning/summaryTextDelta');
const REASONING_DELTA = notificationIndex('item/reasoning/textDelta');

export function startItem(state: SessionState, turn: ActiveTurn, streamed: StreamedItem): void {
  if (streamed.kind === 'other') return;
  if (streamed.kind === 'webSearch') return void startSearch(state, turn, streamed.id);
  const id = claimItemId(turn, streamed.id);
  const item = openItem(streamed, id, state.conversationId, turn.id, Date.now());
  turn.openItems.set(streamed.id, item);
  turn.firstTokenAtMs ??= item.startedAtMs;
  announceStart(state, turn, toThreadItem(item, null), item.startedAtMs);
}

export function addText(state: SessionState, turn: ActiveTurn, itemId: string, delta: string): void {
  const item = turn.openItems.get(itemId);
  if (item?.kind !== 'message') return;
  const text = takeWhole(item, delta);
  item.text += text;
  pushDelta(state, MESSAGE_DELTA, item.deltaPrefix, text);
}

export function addSummaryPart(state: SessionState, turn: ActiveTurn, itemId: string, index: number): void {
  const item = turn.openItems.get(itemId);
  if (item?.kind !== 'reasoning') return;
  item.summary[index] ??= '';
  const params = { threadId: state.conversationId, turnId: turn.id, itemId: item.id, summaryIndex: index };
  pushNotification(state.outbox, 'item/reasoning/summaryPartAdded', params);
}

/** `field` tells the summary of a reasoning, which has parts of its own, from its raw text. */
export function addReasoningText(
  state: SessionState,
  turn: ActiveTurn,
  itemId: string,
  field: 'summary' | 'content',
  index: number,
  delta: string,
): void {
  const item = turn.openItems.get(itemId);
  if (item?.kind !== 'reasoning') return;
  const text = takeWhole(item, delta);
  item[field][index] = (item[field][index] ?? '') + text;
  if (field === 'summary') pushDelta(state, SUMMARY_DELTA, `${item.summaryPrefix},"summaryIndex":${index}`, text);
  else pushDelta(state, REASONING_DELTA, `${item.contentPrefix},"contentIndex":${index}`, text);
}

/** The delta in whole characters: a half at its end waits for the other, which comes with the next one. */
function takeWhole(item: OpenItem, delta: string): string {
  const text = item.half + delta;
  const last = text.charCodeAt(text.length - 1);
  const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
  item.half = text.slice(cut);
  return text.slice(0, cut).toWellFormed();
}

function pushDelta(state: SessionState, method: number, head: string, text: string): void {
  if (text === '') return;
  state.journal.noteProgress();
  state.outbox.pushFrame(method, deltaFrameText(head, text));
}

/**
 * The model's own final form of a streamed item: it wins over the deltas. The visible item is recorded first, then what
 * the model shall remember. An item that never announced itself is shown whole.
 */
export function completeItem(state: SessionState, turn: ActiveTurn, response: ResponseItem): void {
  const known = response as { id?: string; type: string; role?: string; phase?: string };
  const modelId = known.id ?? '';
  if (known.type === 'web_search_call') completeSearch(state, turn, response);
  if (known.type !== 'message' && known.type !== 'reasoning') {
    remember(state, inTurn(response, turn));
    return;
  }
  if (!turn.openItems.has(modelId)) {
    const kind = known.type === 'message' ? 'message' : 'reasoning';
    startItem(state, turn, { id: modelId, kind, phase: known.phase ?? null });
  }
  const item = turn.openItems.get(modelId)!;
  turn.openItems.delete(modelId);
  takeFinalText(item, response);
  if (item.kind === 'message') turn.lastAgentMessage = item.text;
  const completedAtMs = Date.now();
  const threadItem = toThreadItem(item, completedAtMs);
  const { recorder, conversationId } = state;
  recorder.writeAll(
    itemLines(recorder.mode, conversationId, turn.id, toCoreItem(item), item.startedAtMs, completedAtMs),
  );
  remember(state, inTurn({ ...toSound(response, item), id: item.id }, turn));
  if (item.kind === 'message') turn.lastAgentItem = threadItem;
  announceCompletion(state, turn, threadItem, completedAtMs);
  // The rollout has grown: what the journal holds of the others must be said anew.
  if (turn.openItems.size > 0) state.journal.noteProgress();
}

/** The item with the note that tells readers of the file which turn it belongs to. */
function inTurn(response: ResponseItem, turn: ActiveTurn): ResponseItem {
  return { ...response, internal_chat_message_metadata_passthrough: { turn_id: turn.id } };
}

/** The texts of whatever a model put where parts belong. */
function textsOf(parts: unknown): string[] {
  if (!Array.isArray(parts)) return [];
  return parts.flatMap((part: unknown) => {
    const text = (part as { text?: unknown } | null)?.text;
    return typeof text === 'string' ? [text.toWellFormed()] : [];
  });
}

function takeFinalText(item: OpenItem, response: ResponseItem): void {
  const final = response as { content?: unknown; summary?: unknown; phase?: unknown };
  const content = textsOf(final.content);
  if (item.kind === 'message') {
    const text = content.join('');
    if (text !== '') item.text = text;
    if (typeof final.phase === 'string') item.phase = final.phase;
    return;
  }
  const summary = textsOf(final.summary);
  if (summary.length > 0) item.summary = summary;
  if (content.length > 0) item.content = content;
}

/**
 * What to remember of a finished item: a model speaks for itself alone, and parts that are no objects would make
 * providers and readers of the file refuse it.
 */
function toSound(response: ResponseItem, item: OpenItem): ResponseItem {
  const { summary, content } = response as { summary?: unknown; content?: unknown };
  if (item.kind === 'message') {
    const sound = areParts(content) ? {} : { content: [{ type: 'output_text', text: item.text }] };
    return { ...response, role: 'assistant', ...sound };
  }
  const toParts = (type: string, texts: readonly string[]) => texts.map((text) => ({ type, text }));
  return {
    ...response,
    ...(areParts(summary) ? {} : { summary: toParts('summary_text', item.summary) }),
    ...(content == null || areParts(content) ? {} : { content: toParts('reasoning_text', item.content) }),
  };
}

function areParts(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every((part) => typeof part === 'object' && part !== null && !Array.isArray(part))
  );
}

/** Completes everything that still runs with the text so far, marked partial: nothing that was streamed is dropped. */
export function completePartialItems(state: SessionState, turn: ActiveTurn): void {
  const completedAtMs = Date.now();
  const { recorder, conversationId } = state;
  cutSearches(state, turn);
  for (const [key, item] of turn.openItems) {
    turn.openItems.delete(key);
    recorder.writeAll(
      itemLines(recorder.mode, conversationId, turn.id, toCoreItem(item, true), item.startedAtMs, completedAtMs),
    );
    const remembered = toPartialResponseItem(item, turn.id);
    if (remembered !== null) remember(state, remembered);
    if (item.kind === 'message' && item.text !== '') turn.lastAgentMessage = item.text;
    announceCompletion(state, turn, toThreadItem(item, completedAtMs, true), completedAtMs);
  }
}
