// The conversation as the model shall see it, made from the lines of a rollout. Any thread.
import type { CompactedPayload, RolloutLine } from './line.js';
import { historyModeOf } from './read-rollout.js';
import { isResponseItem } from './response-item.js';
import type { ResponseItem } from './response-item.js';
import { ToldMessages } from './told-messages.js';
import { isUserInput } from './user-message.js';

/** What a model is told of a call that never got its output. */
const ABORTED_OUTPUT = 'aborted';

/**
 * Response items in order; a compaction replaces all before it, a rollback takes the last turns away. What was said in a
 * file before its first response item stands in for those that its writer did not write. Calls without an output get one
 * that says `aborted`, right after them, and outputs without a call are left out: providers refuse either. Nothing of
 * this is ever written. The items are those of the lines, not copies. Lines of several files each begin with their own
 * session_meta.
 */
export function toModelHistory(lines: readonly RolloutLine[]): ResponseItem[] {
  const meta = lines.find((line) => line.type === 'session_meta')?.payload;
  const mode = meta === undefined ? 'legacy' : historyModeOf(meta);
  let told = new ToldMessages(mode);
  let items: ResponseItem[] = [];
  for (const line of lines) {
    if (line.type === 'session_meta') {
      items.push(...told.flush());
      told = new ToldMessages(mode);
    }
    items.push(...told.take(line));
    if (line.type === 'response_item') items.push(line.payload);
    else if (line.type === 'compacted') items = compact(items, line.payload);
    else if (line.type === 'event_msg' && line.payload.type === 'thread_rolled_back') {
      items = dropLastTurns(items, line.payload.num_turns);
    }
  }
  items.push(...told.flush());
  return pairCalls(items);
}

function compact(items: ResponseItem[], compacted: CompactedPayload): ResponseItem[] {
  if (compacted.replacement_history) return [...compacted.replacement_history];
  // Older versions kept the users' own words and put the summary after them.
  const summary: ResponseItem = {
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: compacted.message }],
  };
  return [...items.filter(isUserInput), summary];
}

function dropLastTurns(items: ResponseItem[], turns: number): ResponseItem[] {
  let left = turns;
  let cut = items.length;
  for (let index = items.length - 1; index >= 0 && left > 0; index -= 1) {
    if (!isUserInput(items[index]!)) continue;
    cut = index;
    left -= 1;
  }
  return items.slice(0, cut);
}

function pairCalls(items: ResponseItem[]): ResponseItem[] {
  const answered = new Set<string>();
  const called = new Set<string>();
  for (const item of items) {
    const callId = outputCallId(item);
    if (callId !== null) answered.add(callId);
    const call = callOf(item);
    if (call !== null) called.add(call.call_id);
  }
  const paired: ResponseItem[] = [];
  for (const item of items) {
    const outputFor = outputCallId(item);
    if (outputFor !== null && !called.has(outputFor)) continue;
    paired.push(item);
    const call = callOf(item);
    if (call !== null && !answered.has(call.call_id)) paired.push(call.abortedOutput);
  }
  return paired;
}

function callOf(item: ResponseItem): { call_id: string; abortedOutput: ResponseItem } | null {
  if (isResponseItem(item, 'custom_tool_call')) {
    const { call_id } = item;
    return { call_id, abortedOutput: { type: 'custom_tool_call_output', call_id, output: ABORTED_OUTPUT } };
  }
  const call_id =
    isResponseItem(item, 'function_call') || isResponseItem(item, 'local_shell_call') ? item.call_id : null;
  if (typeof call_id !== 'string') return null;
  return { call_id, abortedOutput: { type: 'function_call_output', call_id, output: ABORTED_OUTPUT } };
}

function outputCallId(item: ResponseItem): string | null {
  if (!isResponseItem(item, 'function_call_output') && !isResponseItem(item, 'custom_tool_call_output')) return null;
  return typeof item.call_id === 'string' ? item.call_id : null;
}
