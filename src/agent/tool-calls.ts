// Answers the model's calls. No tools exist yet: every call is refused, visibly and in the history. Session worker.
import { v7 as uuid } from 'uuid';
import type { ThreadItem } from '../protocol/thread.js';
import type { CoreItem } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ActiveTurn } from './active-turn.js';
import { announceCompletion, announceStart, claimItemId } from './item-stream.js';
import type { SessionState } from './session-state.js';
import { remember } from './session-state.js';
import { itemLines } from './turn-lines.js';

/** True for what the model expects an output to. */
export function isCall(item: ResponseItem): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call' || item.type === 'local_shell_call';
}

/** Answers what the finished request called. True when there was anything: the model must be asked again. */
export function answerCalls(state: SessionState, turn: ActiveTurn): boolean {
  const calls = turn.pendingCalls;
  turn.pendingCalls = [];
  for (const call of calls) answerCall(state, turn, call, `unsupported call: ${nameOf(call)}`);
  return calls.length > 0;
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
  const { arguments: text, call_id } = call as { arguments?: string; call_id?: string };
  const tool = nameOf(call);
  const callId = call_id ?? uuid();
  const now = Date.now();
  const id = claimItemId(turn, callId);
  const args = parseArguments(text);
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
  const core = {
    type: 'DynamicToolCall',
    id,
    tool,
    arguments: args,
    status: 'failed',
    content_items: contentItems,
    success: false,
    duration: { secs: 0, nanos: 0 },
  } as CoreItem;
  state.recorder.writeAll(itemLines(state.recorder.mode, state.conversationId, turn.id, core, now, now));
  remember(state, {
    type: call.type === 'custom_tool_call' ? 'custom_tool_call_output' : 'function_call_output',
    id: `fco_${uuid()}`,
    call_id: callId,
    output,
    internal_chat_message_metadata_passthrough: { turn_id: turn.id, create_time: now / 1000 },
  });
  announceCompletion(state, turn, item('failed', contentItems, false, now), now);
}

function parseArguments(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    // Not JSON: shown as the model wrote it.
    return text ?? null;
  }
}
