// The kinds of line that turns are made of. Any thread.
import { ITEM_EVENTS } from './legacy-items.js';
import type { HistoryMode } from './line.js';
import type { LineKind } from './line-kinds.js';

const KINDS_OF_BOTH: readonly LineKind[] = [
  'session_meta',
  'event_msg/task_started',
  'event_msg/task_complete',
  'event_msg/turn_aborted',
  'event_msg/item_completed',
  'event_msg/token_count',
  'event_msg/thread_rolled_back',
];

const LEGACY_KINDS: readonly LineKind[] = [
  'event_msg/error',
  ...[...ITEM_EVENTS].map((type): LineKind => `event_msg/${type}`),
];

/** What items are made of that no event tells of. */
const CALL_KINDS: readonly LineKind[] = [
  'turn_context',
  'response_item/message',
  'response_item/function_call',
  'response_item/function_call_output',
  'response_item/custom_tool_call',
  'response_item/custom_tool_call_output',
  'response_item/local_shell_call',
  'response_item/web_search_call',
  'response_item/tool_search_call',
  'response_item/tool_search_output',
  'response_item/image_generation_call',
];

/**
 * The kinds of line that a TurnProjection looks at in files of this mode, with items or without; the others may be left
 * out. Paginated files hold each item whole: what the model saw, most of their bytes, is not among them.
 */
export function turnLineKinds(mode: HistoryMode, { withItems = true } = {}): ReadonlySet<LineKind> {
  if (mode === 'paginated') return new Set(KINDS_OF_BOTH);
  return new Set([...KINDS_OF_BOTH, ...LEGACY_KINDS, ...(withItems ? CALL_KINDS : [])]);
}
