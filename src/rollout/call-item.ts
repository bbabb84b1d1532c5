// What people see of a model's call in files that record none of it as an item. Any thread.
import { resolve } from 'node:path';
import type { ThreadItem } from '../protocol/thread.js';
import { readCallOutput } from './call-output.js';
import type { CallOutput } from './call-output.js';
import { NO_TIMES } from './item-times.js';
import { toCommand, toPatch } from './model-call.js';
import type { CalledCommand, ModelCall } from './model-call.js';
import { toThreadItem } from './thread-item.js';

type WireItem<T extends ThreadItem['type']> = Extract<ThreadItem, { type: T }>;
type OutputPart = NonNullable<WireItem<'dynamicToolCall'>['contentItems']>[number];

/**
 * A command, a patch, a picture looked at, or else a tool call, under the call's id. `output` is what the model got for
 * it; undefined for a call that has none yet, whose item is in progress.
 */
export function callItem(call: ModelCall, cwd: string, output: unknown): ThreadItem {
  const told = output === undefined ? null : readCallOutput(output);
  // Nothing was tried that could have been a command or a patch.
  if (told?.outcome === 'unsupported') return toolItem(call, output, told);
  const changes = toPatch(call, cwd);
  if (changes !== null) {
    const status = told === null ? 'inProgress' : told.outcome;
    return toThreadItem({ type: 'FileChange', id: call.callId, changes, status }, NO_TIMES);
  }
  const command = toCommand(call, cwd);
  if (command !== null) return commandItem(call.callId, command, told);
  const viewed = told?.outcome === 'completed' ? viewedPath(call) : null;
  if (viewed !== null) return { type: 'imageView', id: call.callId, path: resolve(cwd, viewed), ...NO_TIMES };
  return toolItem(call, output, told);
}

function commandItem(id: string, command: CalledCommand, told: CallOutput | null): WireItem<'commandExecution'> {
  const isRunning = told === null || told.sessionId !== null;
  return {
    type: 'commandExecution',
    id,
    pluginId: null,
    scriptPath: null,
    command: command.command,
    cwd: command.cwd,
    processId: told?.sessionId ?? null,
    source: command.isSession ? 'unifiedExecStartup' : 'agent',
    status: isRunning ? 'inProgress' : commandStatus(told),
    commandActions: [{ type: 'unknown', command: command.script }],
    aggregatedOutput: told?.text || null,
    exitCode: told?.exitCode ?? null,
    durationMs: isRunning ? null : told.durationMs,
    ...NO_TIMES,
  };
}

/** The command after one more piece of its process's output. How long it ran in all, the pieces do not tell. */
export function continuedCommand(
  command: WireItem<'commandExecution'>,
  told: CallOutput,
): WireItem<'commandExecution'> {
  return {
    ...command,
    status: told.sessionId === null ? commandStatus(told) : 'inProgress',
    aggregatedOutput: `${command.aggregatedOutput ?? ''}${told.text}` || null,
    exitCode: told.exitCode,
  };
}

function commandStatus({ outcome }: CallOutput): WireItem<'commandExecution'>['status'] {
  return outcome === 'unsupported' ? 'failed' : outcome;
}

/**
 * An item as it is once nothing can be added to it any more: a call that never got its output failed. A process that was
 * running when it was last heard of may have gone on: its call did what was asked, with an end that nobody recorded.
 */
export function settledItem(item: ThreadItem): ThreadItem {
  switch (item.type) {
    case 'commandExecution':
      if (item.status !== 'inProgress') return item;
      return { ...item, status: item.processId === null ? 'failed' : 'completed' };
    case 'fileChange':
    case 'mcpToolCall':
      return item.status === 'inProgress' ? { ...item, status: 'failed' } : item;
    case 'dynamicToolCall':
      return item.status === 'inProgress' ? { ...item, status: 'failed', success: false } : item;
    default:
      return item;
  }
}

function toolItem(call: ModelCall, output: unknown, told: CallOutput | null): WireItem<'dynamicToolCall'> {
  const failed = told !== null && told.outcome !== 'completed';
  return {
    type: 'dynamicToolCall',
    id: call.callId,
    namespace: call.namespace,
    tool: call.name,
    arguments: call.input,
    status: told === null ? 'inProgress' : failed ? 'failed' : 'completed',
    contentItems: told === null ? null : outputParts(output),
    // That a tool gave an output does not say that it did what it should.
    success: failed ? false : null,
    durationMs: told?.durationMs ?? null,
    ...NO_TIMES,
  };
}

function outputParts(output: unknown): OutputPart[] {
  if (typeof output === 'string') return [{ type: 'inputText', text: output }];
  if (!Array.isArray(output)) return [];
  return (output as (Record<string, unknown> | null)[]).flatMap((part): OutputPart[] => {
    const { type, text, image_url, audio_url } = part ?? {};
    if (type === 'input_text' && typeof text === 'string') return [{ type: 'inputText', text }];
    if (type === 'input_image' && typeof image_url === 'string') return [{ type: 'inputImage', imageUrl: image_url }];
    if (type === 'input_audio' && typeof audio_url === 'string') return [{ type: 'inputAudio', audioUrl: audio_url }];
    return [];
  });
}

function viewedPath({ name, namespace, input }: ModelCall): string | null {
  if (name !== 'view_image' || namespace !== null) return null;
  const { path } = (input ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : null;
}
