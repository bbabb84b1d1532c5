// Answers the model's calls: by the tool that was called, or by a refusal, visibly and in the history. Session worker.
import { v7 as uuid } from 'uuid';
import type { ThreadItem } from '../protocol/thread.js';
import type { CoreItem } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import { announceCompletion, announceStart, claimItemId } from './item-stream.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { REQUEST_USER_INPUT, requestUserInput } from './tools/request-user-input.js';
import { itemLines } from './turn-lines.js';

/** True for what the model expects an output to. */
export function isCall(item: ResponseItem): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call' || item.type === 'local_shell_call';
}

/** '' for a call without one. */
export function callIdOf(call: ResponseItem): string {
  const { call_id } = call as { call_id?: unknown };
  return isFilled(call_id) ? call_id : '';
}

/**
 * A call as every provider takes it back and every reader of the file accepts it, whatever the model put where: one that
 * could not be answered would cost the conversation.
 */
export function toSoundCall(call: ResponseItem): ResponseItem {
  const { name, arguments: args, input } = call as Record<string, unknown>;
  return {
    ...call,
    call_id: callIdOf(call) || `call_${uuid()}`,
    ...(call.type === 'local_shell_call' ? {} : { name: isFilled(name) ? name : 'unknown' }),
    ...(call.type === 'function_call' ? { arguments: toText(args) } : {}),
    ...(call.type === 'custom_tool_call' ? { input: toText(input) } : {}),
  };
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? {});
}

/**
 * Answers what the finished request called; those that have to wait do so side by side. Resolves to true when there was
 * anything: the model must be asked again. A call stays pending until it has its output: whoever ends the turn gives it one.
 */
export async function answerCalls(state: SessionState, turn: ActiveTurn): Promise<boolean> {
  const calls = [...turn.pendingCalls];
  await Promise.all(calls.map((call) => runCall(state, turn, call)));
  return calls.length > 0;
}

async function runCall(state: SessionState, turn: ActiveTurn, call: ResponseItem): Promise<void> {
  const isKnown = call.type === 'function_call' && nameOf(call) === REQUEST_USER_INPUT;
  const output = isKnown ? await requestUserInput(state, turn, { ...call, callId: callIdOf(call) }) : null;
  if (turn.ended) return;
  turn.pendingCalls = turn.pendingCalls.filter((other) => other !== call);
  if (output === null) answerCall(state, turn, call, `unsupported call: ${nameOf(call)}`);
  else giveOutput(state, turn, call, output);
}

/** A request that was cut takes its calls with it: each gets an output that says so, for a call without one is refused. */
export function abortCalls(state: SessionState, turn: ActiveTurn): void {
  const calls = turn.pendingCalls;
  turn.pendingCalls = [];
  for (const call of calls) answerCall(state, turn, call, 'aborted');
}

function nameOf(call: ResponseItem): string {
  return (call as { name?: string }).name ?? call.type;
}

/** The call's own line is in the history already; this adds the item that people see and the output the model gets. */
function answerCall(state: SessionState, turn: ActiveTurn, call: ResponseItem, output: string): void {
  const callId = callIdOf(call);
  const tool = nameOf(call);
  const now = Date.now();
  const id = claimItemId(turn, callId);
  const args = argumentsOf(call);
  const item = (status: string, contentItems: unknown, success: boolean | null, completedAtMs: number | null) =>
    ({
      type: 'dynamicToolCall',
      id,
      namespace: null,
      tool,
      arguments: args,
      status,
      contentItems,
      success,
      durationMs: completedAtMs === null ? null : 0,
      startedAtMs: now,
      completedAtMs,
    }) as ThreadItem;
  const contentItems = [{ type: 'inputText', text: output }];
  announceStart(state, turn, item('inProgress', null, null, null), now);
  const core = failedCallItem(call, id, output);
  state.recorder.writeAll(itemLines(state.recorder.mode, state.conversationId, turn.id, core, now, now));
  giveOutput(state, turn, call, output);
  announceCompletion(state, turn, item('failed', contentItems, false, now), now);
}

/** What the model gets for its call. */
function giveOutput(state: SessionState, turn: ActiveTurn, call: ResponseItem, output: string): void {
  remember(state, {
    type: call.type === 'custom_tool_call' ? 'custom_tool_call_output' : 'function_call_output',
    id: `fco_${uuid()}`,
    call_id: callIdOf(call),
    output,
    internal_chat_message_metadata_passthrough: { turn_id: turn.id, create_time: Date.now() / 1000 },
  });
}

/** The visible item of a call that came to nothing, as the rollout holds it. */
export function failedCallItem(call: ResponseItem, id: string, output: string): CoreItem {
  return {
    type: 'DynamicToolCall',
    id,
    tool: nameOf(call),
    arguments: argumentsOf(call),
    status: 'failed',
    content_items: [{ type: 'inputText', text: output }],
    success: false,
    duration: { secs: 0, nanos: 0 },
  };
}

function argumentsOf(call: ResponseItem): unknown {
  const { arguments: text } = call as { arguments?: string };
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    // Not JSON: shown as the model wrote it.
    return text ?? null;
  }
}
