// Items of a turn as files hold them, made into items of the wire. Any thread.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ThreadItem, UserInput } from '../protocol/thread.js';
import { milliseconds } from './core-duration.js';
import { foreignItem } from './foreign-item.js';
import type { CoreFileChange, CoreItem, CoreItemOfType, CoreUserInput } from './line.js';
import type { ItemTimes } from './item-times.js';
import { joinCommand } from './join-command.js';
import { toUserInput } from './user-input.js';
import { camelCaseKeys, toCamelCase } from './wire-words.js';

type WireItem<T extends ThreadItem['type']> = Extract<ThreadItem, { type: T }>;
type CommandAction = WireItem<'commandExecution'>['commandActions'][number];
type WireFileChange = WireItem<'fileChange'>['changes'][number];

/** Wire form of a completed item. */
export function toThreadItem(item: CoreItem, times: ItemTimes): ThreadItem {
  switch (item.type) {
    case 'UserMessage':
      return userMessage(item.id, item.client_id ?? null, item.content, times);
    case 'AgentMessage':
      return agentMessage(item.id, textOf(item.content), item.phase ?? null, item.partial === true, times);
    case 'Reasoning':
      return reasoning(item.id, item.summary_text, item.raw_content ?? [], item.partial === true, times);
    case 'CommandExecution':
      return commandExecution(item, times);
    case 'FileChange':
      return {
        type: 'fileChange',
        id: item.id,
        changes: Object.entries(item.changes)
          .map(([path, change]) => fileChange(path, change))
          .sort((a, b) => (a.path < b.path ? -1 : 1)),
        status: toCamelCase(item.status) as WireItem<'fileChange'>['status'],
        ...times,
      };
    case 'DynamicToolCall':
      return {
        type: 'dynamicToolCall',
        id: item.id,
        namespace: item.namespace ?? null,
        tool: item.tool,
        arguments: item.arguments ?? null,
        status: toCamelCase(item.status) as WireItem<'dynamicToolCall'>['status'],
        contentItems: (item.content_items ?? null) as WireItem<'dynamicToolCall'>['contentItems'],
        success: item.success ?? null,
        durationMs: milliseconds(item.duration),
        ...times,
      };
    case 'WebSearch':
      return {
        type: 'webSearch',
        id: item.id,
        query: item.query,
        action: webSearchAction(item.action),
        results: item.results ?? null,
        ...times,
      };
    case 'ImageView':
      return { type: 'imageView', id: item.id, path: pathOf(item.path), ...times };
    case 'ContextCompaction':
      return { type: 'contextCompaction', id: item.id, ...times };
    case 'EnteredReviewMode':
      return { type: 'enteredReviewMode', id: item.id, review: item.user_facing_hint ?? '', ...times };
    case 'ExitedReviewMode':
      return { type: 'exitedReviewMode', id: item.id, review: item.review_output?.overall_explanation ?? '', ...times };
    case 'Plan':
      return { type: 'plan', id: item.id, text: item.text, ...times };
    default:
      return foreignItem(item, times);
  }
}

export function userMessage(
  id: string,
  clientId: string | null,
  content: readonly CoreUserInput[],
  times: ItemTimes,
): WireItem<'userMessage'> {
  const parts = content.map(toUserInput).filter((part): part is UserInput => part !== null);
  return { type: 'userMessage', id, clientId, content: parts, ...times };
}

export function agentMessage(
  id: string,
  text: string,
  phase: string | null,
  partial: boolean,
  times: ItemTimes,
): WireItem<'agentMessage'> {
  return {
    type: 'agentMessage',
    moderation: null,
    id,
    text,
    phase: phase as WireItem<'agentMessage'>['phase'],
    memoryCitation: null,
    delivery: null,
    questions: null,
    ...times,
    ...(partial ? { partial } : {}),
  };
}

export function reasoning(
  id: string,
  summary: string[],
  content: string[],
  partial: boolean,
  times: ItemTimes,
): WireItem<'reasoning'> {
  return { type: 'reasoning', id, summary, content, ...times, ...(partial ? { partial } : {}) };
}

function textOf(content: CoreItemOfType<'AgentMessage'>['content']): string {
  return content.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
}

function commandExecution(item: CoreItemOfType<'CommandExecution'>, times: ItemTimes): WireItem<'commandExecution'> {
  const cwd = pathOf(item.cwd);
  return {
    type: 'commandExecution',
    id: item.id,
    pluginId: null,
    scriptPath: null,
    command: joinCommand(item.command),
    cwd,
    processId: item.process_id ?? null,
    source: toCamelCase(item.source) as WireItem<'commandExecution'>['source'],
    status: toCamelCase(item.status) as WireItem<'commandExecution'>['status'],
    commandActions: item.parsed_cmd.map((action) => commandAction(action, cwd)),
    aggregatedOutput: item.aggregated_output || null,
    exitCode: item.exit_code ?? null,
    durationMs: milliseconds(item.duration),
    ...times,
  };
}

function commandAction(
  { type, cmd, name, query, path }: CoreItemOfType<'CommandExecution'>['parsed_cmd'][number],
  cwd: string,
): CommandAction {
  switch (type) {
    case 'read':
      return { type: 'read', command: cmd, name: name ?? '', path: resolve(cwd, path ?? '') };
    case 'list_files':
      return { type: 'listFiles', command: cmd, path: path ?? null };
    case 'search':
      return { type: 'search', command: cmd, query: query ?? null, path: path ?? null };
    default:
      return { type: 'unknown', command: cmd };
  }
}

function fileChange(path: string, change: CoreFileChange): WireFileChange {
  if (change.type !== 'update') return { path, kind: { type: change.type }, diff: change.content };
  const { move_path = null, unified_diff } = change;
  const trailer = move_path === null ? '' : `\n\nMoved to: ${move_path}`;
  return { path, kind: { type: 'update', move_path }, diff: `${unified_diff}${trailer}` };
}

function webSearchAction(action: Record<string, unknown> | null | undefined): WireItem<'webSearch'>['action'] {
  if (action === null || action === undefined || typeof action.type !== 'string') return null;
  const { type, ...fields } = camelCaseKeys(action) as { type: string };
  switch (toCamelCase(type)) {
    case 'search':
      return { type: 'search', query: null, queries: null, ...fields };
    case 'openPage':
      return { type: 'openPage', url: null, ...fields };
    case 'findInPage':
      return { type: 'findInPage', url: null, pattern: null, ...fields };
    default:
      return { type: 'other' };
  }
}

/** Paths of items are file: URLs since 0.169 and plain before. */
function pathOf(path: string): string {
  if (!path.startsWith('file:')) return path;
  try {
    return fileURLToPath(path);
  } catch {
    // Not a path of this system: better shown as it is than not at all.
    return path;
  }
}
