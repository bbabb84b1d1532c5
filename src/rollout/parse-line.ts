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
  const check = checkOf(LINE_CHECKS, value.type);
  if (check === undefined) return 'unknown';
  const result = check(value.payload, value);
  if (result === 'unknown') return 'unknown';
  return result ? (value as unknown as RolloutLine) : 'malformed';
}

type Check = (payload: Fields, line: Fields) => boolean | 'unknown';
type Checks = Readonly<Record<string, Check | undefined>>;

/** A file may name any type, `constructor` too. */
function checkOf(checks: Checks, type: string): Check | undefined {
  return Object.hasOwn(checks, type) ? checks[type] : undefined;
}

const LINE_CHECKS: Checks = {
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
    const check = checkOf(EVENT_CHECKS, payload.type);
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

const EVENT_CHECKS: Checks = {
  task_started: (event) => typeof event.turn_id === 'string',
  task_complete: () => true,
  turn_aborted: () => true,
  item_completed: ({ turn_id, item }) => {
    if (typeof turn_id !== 'string' || !isObject(item)) return false;
    if (typeof item.type !== 'string' || typeof item.id !== 'string') return false;
    const check = checkOf(ITEM_CHECKS, item.type);
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
  approval_requested: (event) => isQuestion(event) && isString(event.method),
  approval_resolved: (event) => isQuestion(event) && isString(event.outcome) && isString(event.by),
  context_compacted: () => true,
  entered_review_mode: (event) => isOptional(event.user_facing_hint, isString) && isOptional(event.item_id, isString),
  exited_review_mode: (event) => isReview(event.review_output) && isOptional(event.item_id, isString),
  exec_command_begin: isCommandEvent,
  exec_command_end: isCommandEvent,
  patch_apply_begin: isPatchEvent,
  patch_apply_end: isPatchEvent,
  mcp_tool_call_begin: isMcpEvent,
  mcp_tool_call_end: isMcpEvent,
  web_search_end: (event) => isString(event.call_id) && isString(event.query),
  view_image_tool_call: (event) => isString(event.call_id) && isString(event.path),
  image_generation_end: (event) => isString(event.call_id) && isString(event.status),
  sub_agent_activity: (event) => isString(event.event_id) && isSubAgentActivity(event),
};

const ITEM_CHECKS: Checks = {
  UserMessage: (item) =>
    isArrayOf(
      item.content,
      (part) => isObject(part) && typeof part.type === 'string' && (part.type !== 'text' || isString(part.text)),
    ),
  AgentMessage: (item) => isArrayOf(item.content, isObject),
  Reasoning: (item) => isArrayOf(item.summary_text, isString),
  CommandExecution: (item) => isCommand(item) && typeof item.status === 'string' && typeof item.source === 'string',
  FileChange: (item) =>
    typeof item.status === 'string' && isObject(item.changes) && Object.values(item.changes).every(isFileChange),
  DynamicToolCall: (item) => typeof item.tool === 'string' && typeof item.status === 'string',
  WebSearch: (item) => typeof item.query === 'string',
  ImageView: (item) => typeof item.path === 'string',
  ContextCompaction: () => true,
  EnteredReviewMode: () => true,
  ExitedReviewMode: (item) => isReview(item.review_output),
  Plan: (item) => typeof item.text === 'string',
  McpToolCall: (item) =>
    isString(item.server) &&
    isString(item.tool) &&
    isString(item.status) &&
    isOptional(item.result, (result) => isObject(result) && isOptional(result.content, Array.isArray)) &&
    isOptional(item.error, (error) => isObject(error) && isString(error.message)),
  CollabAgentToolCall: (item) =>
    isString(item.tool) &&
    isString(item.status) &&
    isString(item.sender_thread_id) &&
    isOptional(item.receiver_thread_ids, (ids) => isArrayOf(ids, isString)) &&
    isOptional(item.agents_states, isObject) &&
    (isKnownWord(item.tool, COLLAB_TOOLS) || 'unknown'),
  SubAgentActivity: isSubAgentActivity,
  ImageGeneration: (item) => isString(item.status),
  HookPrompt: (item) =>
    isArrayOf(item.fragments, (part) => isObject(part) && isString(part.text) && isString(part.hookRunId)),
  FunctionCallOutput: (item) => isString(item.name) && (isString(item.output) || isArrayOf(item.output, isObject)),
  Sleep: (item) => Number.isSafeInteger(item.duration_ms),
};

// Words that clients know; one that they do not is as good as an unknown type.
const COLLAB_TOOLS = [
  'spawn_agent',
  'send_input',
  'resume_agent',
  'wait',
  'close_agent',
  'send_message',
  'followup_task',
  'interrupt_agent',
  'list_agents',
];
const ACTIVITIES = ['started', 'interacted', 'interrupted', 'completed'];

function isQuestion({ approval_id, turn_id, call_id, digest }: Fields): boolean {
  return isString(approval_id) && isString(turn_id) && isString(call_id) && isString(digest);
}

function isSubAgentActivity({ kind, agent_thread_id, agent_path }: Fields): boolean | 'unknown' {
  if (!isString(kind) || !isString(agent_thread_id) || !isString(agent_path)) return false;
  return isKnownWord(kind, ACTIVITIES) || 'unknown';
}

function isCommandEvent(event: Fields): boolean {
  const { call_id, status, source } = event;
  return isString(call_id) && isCommand(event) && isOptional(status, isString) && isOptional(source, isString);
}

function isCommand({ command, cwd, parsed_cmd }: Fields): boolean {
  const isParsed = (part: unknown): boolean =>
    isObject(part) && isString(part.type) && isString(part.cmd) && isOptional(part.path, isString);
  return isArrayOf(command, isString) && isString(cwd) && isArrayOf(parsed_cmd, isParsed);
}

function isPatchEvent({ call_id, changes, status }: Fields): boolean {
  return (
    isString(call_id) && isOptional(status, isString) && isObject(changes) && Object.values(changes).every(isFileChange)
  );
}

function isMcpEvent({ call_id, invocation, result }: Fields): boolean {
  return (
    isString(call_id) &&
    isObject(invocation) &&
    isString(invocation.server) &&
    isString(invocation.tool) &&
    isOptional(result, isObject)
  );
}

function isReview(output: unknown): boolean {
  return isOptional(output, (review) => isObject(review) && isOptional(review.overall_explanation, isString));
}

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

function isOptional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || check(value);
}

/** Files spell words with underscores, some versions as the wire does. */
function isKnownWord(word: unknown, known: readonly string[]): boolean {
  return isString(word) && known.includes(word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
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
