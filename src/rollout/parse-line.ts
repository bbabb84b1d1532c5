// Turns parsed JSON into a typed rollout line, or says why it is none. Any thread.
import type { RolloutLine } from './line.js';

/** `unknown`: a type of a newer writer, to be passed over. `malformed`: a known type without what it must have. */
export type ParsedLine = RolloutLine | 'unknown' | 'malformed';

type Fields = Record<string, unknown>;

/**
 * Checks what readers rely on, nothing more: fields that are only passed on may have any shape. Fills in what old
 * writers left out of session_meta, in place. Never throws.
 */
export function parseLine(value: unknown): ParsedLine {
  if (!isObject(value) || typeof value.type !== 'string' || !isObject(value.payload)) return 'malformed';
  if (typeof value.timestamp !== 'string') value.timestamp = '';
  if (!Number.isSafeInteger(value.ordinal)) delete value.ordinal;
  const check = LINE_CHECKS[value.type];
  if (check === undefined) return 'unknown';
  const result = check(value.payload, value);
  if (result === 'unknown') return 'unknown';
  return result ? (value as unknown as RolloutLine) : 'malformed';
}

type Check = (payload: Fields, line: Fields) => boolean | 'unknown';

const LINE_CHECKS: Record<string, Check | undefined> = {
  session_meta: (payload, line) => {
    if (typeof payload.id !== 'string') return false;
    setDefault(payload, 'timestamp', line.timestamp);
    setDefault(payload, 'cwd', '/');
    setDefault(payload, 'originator', 'unknown');
    setDefault(payload, 'cli_version', '');
    return true;
  },
  response_item: isResponseItem,
  event_msg: (payload) => {
    if (typeof payload.type !== 'string') return false;
    const check = EVENT_CHECKS[payload.type];
    return check === undefined ? 'unknown' : check(payload, payload);
  },
  turn_context: (payload) => typeof payload.cwd === 'string' && typeof payload.model === 'string',
  world_state: (payload) => isObject(payload.state),
  compacted: (payload) => {
    setDefault(payload, 'message', '');
    const history = payload.replacement_history;
    return history === undefined || history === null || (Array.isArray(history) && history.every(isResponseItem));
  },
  token_usage_record: () => true,
};

const EVENT_CHECKS: Record<string, Check | undefined> = {
  task_started: (event) => typeof event.turn_id === 'string',
  task_complete: () => true,
  turn_aborted: () => true,
  item_completed: ({ turn_id, item }) => {
    if (typeof turn_id !== 'string' || !isObject(item)) return false;
    if (typeof item.type !== 'string' || typeof item.id !== 'string') return false;
    const check = ITEM_CHECKS[item.type];
    return check === undefined ? 'unknown' : check(item, item);
  },
  token_count: ({ info }) =>
    info === null ||
    info === undefined ||
    (isObject(info) && isUsage(info.total_token_usage) && isUsage(info.last_token_usage)),
  user_message: (event) => typeof event.message === 'string',
  agent_message: (event) => typeof event.message === 'string',
  agent_reasoning: (event) => typeof event.text === 'string',
  agent_reasoning_raw_content: (event) => typeof event.text === 'string',
  thread_settings_applied: (event) => isObject(event.thread_settings),
  thread_rolled_back: (event) => Number.isSafeInteger(event.num_turns),
  error: (event) => typeof event.message === 'string',
};

const ITEM_CHECKS: Record<string, Check | undefined> = {
  UserMessage: (item) =>
    isArrayOf(
      item.content,
      (part) => isObject(part) && typeof part.type === 'string' && (part.type !== 'text' || isString(part.text)),
    ),
  AgentMessage: (item) => isArrayOf(item.content, isObject),
  Reasoning: (item) => isArrayOf(item.summary_text, isString),
  CommandExecution: (item) =>
    isArrayOf(item.command, isString) &&
    typeof item.cwd === 'string' &&
    typeof item.status === 'string' &&
    typeof item.source === 'string' &&
    isArrayOf(
      item.parsed_cmd,
      (part) => isObject(part) && typeof part.type === 'string' && typeof part.cmd === 'string',
    ),
  FileChange: (item) =>
    typeof item.status === 'string' && isObject(item.changes) && Object.values(item.changes).every(isFileChange),
  DynamicToolCall: (item) => typeof item.tool === 'string' && typeof item.status === 'string',
  WebSearch: (item) => typeof item.query === 'string',
  ImageView: (item) => typeof item.path === 'string',
  ContextCompaction: () => true,
  EnteredReviewMode: () => true,
  ExitedReviewMode: () => true,
  Plan: (item) => typeof item.text === 'string',
};

/** Of a response item only the type and what history needs to look into; the rest goes to the model as it is. */
function isResponseItem(item: unknown): boolean {
  if (!isObject(item) || typeof item.type !== 'string') return false;
  switch (item.type) {
    case 'message':
      return typeof item.role === 'string' && isArrayOf(item.content, isObject);
    case 'function_call':
    case 'custom_tool_call':
    case 'custom_tool_call_output':
      return typeof item.call_id === 'string';
    default:
      return true;
  }
}

function isFileChange(change: unknown): boolean {
  return isObject(change) && isString(change.type === 'update' ? change.unified_diff : change.content);
}

function isUsage(value: unknown): boolean {
  return (
    isObject(value) &&
    ['input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_output_tokens', 'total_tokens'].every(
      (field) => typeof value[field] === 'number',
    )
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isArrayOf(value: unknown, check: (element: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(check);
}

function setDefault(target: Fields, field: string, value: unknown): void {
  if (typeof target[field] !== 'string') target[field] = value;
}

/** Every `type` that is not `unknown` here: of lines, of events, of items in item_completed. */
export const KNOWN_TYPES = {
  lines: Object.keys(LINE_CHECKS),
  events: Object.keys(EVENT_CHECKS),
  items: Object.keys(ITEM_CHECKS),
} as const satisfies Record<string, readonly string[]>;
