// Lines of legacy files, and the items that are made of them, short to write down in tests. Any thread.
import { turnSchema } from '../../src/protocol/thread.js';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import type { EventPayload, RolloutLine } from '../../src/rollout/line.js';
import { toTurns } from '../../src/rollout/turns.js';
import { completeLine, eventLine, metaLine, responseLine, startedLine } from './rollout-lines.js';

export const NO_TIMES = { startedAtMs: null, completedAtMs: null };

/** Lines of a legacy file. */
export function legacyLines(...lines: RolloutLine[]): RolloutLine[] {
  return [metaLine('id', { history_mode: 'legacy' }), ...lines];
}

/** Those of a marked turn that is over. */
export function endedTurn(id: string, ...lines: RolloutLine[]): RolloutLine[] {
  return [startedLine(id), ...lines, completeLine(id)];
}

/** A call of the model. */
export function callLine(name: string, args: unknown, callId = 'c1'): RolloutLine {
  const text = typeof args === 'string' ? args : JSON.stringify(args);
  return responseLine({ type: 'function_call', call_id: callId, name, arguments: text });
}

export function outputLine(text: unknown, callId = 'c1'): RolloutLine {
  return responseLine({ type: 'function_call_output', call_id: callId, output: text });
}

/** What `shell` told the model. */
export function shellOutput(text: string, exitCode: number): string {
  return JSON.stringify({ output: text, metadata: { exit_code: exitCode, duration_seconds: 0.5 } });
}

/** What `exec_command` told it of a process that ended. */
export function ended(text: string, exitCode: number): string {
  return `Chunk ID: 1\nWall time: 0.25 seconds\nProcess exited with code ${exitCode}\nOutput:\n${text}`;
}

/** The same of one that went on. */
export function running(text: string, session: number): string {
  return `Chunk ID: 1\nWall time: 0.25 seconds\nProcess running with session ID ${session}\nOutput:\n${text}`;
}

export function oldEvent(payload: unknown): RolloutLine {
  return eventLine(payload as EventPayload);
}

/** All items of these lines. Throws when clients would not understand one. */
export function itemsOf(lines: RolloutLine[], liveTurnId: string | null = null): ThreadItem[] {
  const turns = toTurns(lines, { liveTurnId });
  for (const turn of turns) turnSchema.parse(turn);
  return turns.flatMap(({ items }) => items);
}

/** Items as words: `commandExecution c1 completed`. */
export function briefTurns(turns: Turn[]): string[] {
  return turns.map(({ id, status, items }) => {
    const words = items.map((item) => [item.type, item.id, 'status' in item ? item.status : ''].join(' ').trim());
    return `${id} ${status}: ${words.join(', ')}`;
  });
}

/** A command as the wire shows it, with these fields. */
export function commandItem(fields: Partial<Extract<ThreadItem, { type: 'commandExecution' }>>): ThreadItem {
  return {
    type: 'commandExecution',
    id: 'c1',
    pluginId: null,
    scriptPath: null,
    command: '',
    cwd: '/home/user/ws',
    processId: null,
    source: 'agent',
    status: 'completed',
    commandActions: [],
    aggregatedOutput: null,
    exitCode: null,
    durationMs: null,
    ...NO_TIMES,
    ...fields,
  };
}

export function toolItem(fields: Partial<Extract<ThreadItem, { type: 'dynamicToolCall' }>>): ThreadItem {
  return {
    type: 'dynamicToolCall',
    id: 'c1',
    namespace: null,
    tool: '',
    arguments: null,
    status: 'completed',
    contentItems: null,
    success: null,
    durationMs: null,
    ...NO_TIMES,
    ...fields,
  };
}
