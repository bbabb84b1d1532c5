// What a model's call says, whatever form it has. Pure but for ids. Session worker.
import { v7 as uuid } from 'uuid';
import type { CoreItem } from '../rollout/line.js';
import type { ResponseItem } from '../rollout/response-item.js';

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

export function nameOf(call: ResponseItem): string {
  return (call as { name?: string }).name ?? call.type;
}

/** The visible item of a call that came to nothing, as the rollout holds it. */
export function failedCallItem(call: ResponseItem, id: string, output: string): CoreItem {
  return {
    type: 'DynamicToolCall',
    id,
    tool: nameOf(call),
    arguments: inputOf(call),
    status: 'failed',
    content_items: [{ type: 'inputText', text: output }],
    success: false,
    duration: { secs: 0, nanos: 0 },
  };
}

/** The arguments of a function, parsed where they are JSON; the text of a freeform tool; the action of a local shell. */
export function inputOf(call: ResponseItem): unknown {
  const { arguments: text, input, action } = call as { arguments?: string; input?: string; action?: unknown };
  if (call.type === 'custom_tool_call') return input ?? '';
  if (call.type === 'local_shell_call') return action ?? null;
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    // Not JSON: shown as the model wrote it.
    return text ?? null;
  }
}
