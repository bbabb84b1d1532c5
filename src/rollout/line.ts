// The lines of a rollout file, as versions 0.34 to 0.169 of the format write them. Types only, any thread.
import type { ApprovalRequestedEvent, ApprovalResolvedEvent } from './approval-events.js';
import type { ResponseItem } from './response-item.js';

/** Turns are read from item_completed lines (paginated) or from message events (legacy). */
export type HistoryMode = 'paginated' | 'legacy';

interface LineBase {
  /** ISO 8601, UTC, milliseconds. Empty when the writer left it out. */
  timestamp: string;
  /** Counts the lines of a paginated file from 0; a file that continues another goes on counting. */
  ordinal?: number;
  /** Bookkeeping of the writer beside a response_item. */
  metadata?: unknown;
}

/** One line. Types that this version does not know never become a RolloutLine: see parseLine. */
export type RolloutLine =
  | (LineBase & { type: 'session_meta'; payload: SessionMetaPayload })
  | (LineBase & { type: 'response_item'; payload: ResponseItem })
  | (LineBase & { type: 'event_msg'; payload: EventPayload })
  | (LineBase & { type: 'turn_context'; payload: TurnContextPayload })
  | (LineBase & { type: 'world_state'; payload: WorldStatePayload })
  | (LineBase & { type: 'compacted'; payload: CompactedPayload })
  | (LineBase & { type: 'token_usage_record'; payload: TokenUsageRecordPayload });

/** Who, where and when. The first one of a file counts; a legacy fork carries its source's as a second. */
export interface SessionMetaPayload {
  id: string;
  /** The tree of conversations this one belongs to; its own id for a root. */
  session_id?: string;
  timestamp: string;
  cwd: string;
  originator: string;
  cli_version: string;
  /** A word, or an object for sub-agents and custom hosts; absent before 0.45. */
  source?: unknown;
  thread_source?: string | null;
  model_provider?: string | null;
  /** Before 0.98. */
  instructions?: string | null;
  base_instructions?: { text: string; provenance?: unknown } | null;
  history_mode?: HistoryMode;
  runtime_workspace_roots?: string[];
  context_window?: { window_id: string } | null;
  git?: { commit_hash?: string; branch?: string; repository_url?: string } | null;
  forked_from_id?: string | null;
  forked_from_ordinal_exclusive?: number;
  /** Of a sub-agent: whose work it does. */
  parent_thread_id?: string | null;
  /** The lines before this file's first lie in another file, up to this point. */
  history_base?: { thread_id: string; end_ordinal_exclusive: number; end_byte_offset: number } | null;
  dynamic_tools?: unknown[];
  multi_agent_version?: string | null;
  account_scoped?: boolean;
}

/** The settings a turn ran with. */
export interface TurnContextPayload {
  /** Absent before 0.98. */
  turn_id?: string;
  root_turn_id?: string | null;
  cwd: string;
  model: string;
  /** A word, or an object of gates; see toThreadSettings. */
  approval_policy?: unknown;
  /** `{type}`, or `{mode}` before 0.63. */
  sandbox_policy?: unknown;
  permission_profile?: unknown;
  approvals_reviewer?: string;
  effort?: string | null;
  summary?: string | null;
  collaboration_mode?: unknown;
  workspace_roots?: string[];
  [field: string]: unknown;
}

/** What the model was told of its surroundings; the first is `full`, later ones hold what changed. */
export interface WorldStatePayload {
  full: boolean;
  state: Record<string, unknown>;
}

export interface CompactedPayload {
  /** The summary. */
  message: string;
  /** What the model sees from here on instead of everything before; absent in files of older versions. */
  replacement_history?: ResponseItem[] | null;
  [field: string]: unknown;
}

export interface RolloutTokenUsage {
  input_tokens: number;
  cached_input_tokens: number;
  /** Absent before 0.169. */
  cache_write_input_tokens?: number;
  output_tokens: number;
  reasoning_output_tokens: number;
  total_tokens: number;
}

/** Usage of one response of the model. */
export interface TokenUsageRecordPayload {
  thread_id: string;
  turn_id: string;
  session_id: string;
  root_turn_id: string;
  response_id: string;
  usage: RolloutTokenUsage;
  turn_token_usage: RolloutTokenUsage;
  thread_token_usage: RolloutTokenUsage;
}

export interface TokenUsageInfo {
  total_token_usage: RolloutTokenUsage;
  last_token_usage: RolloutTokenUsage;
  last_usage_includes_reasoning?: boolean;
  model_context_window?: number | null;
}

/** `codex_error_info` is a snake_case word or an object with one such key. */
export interface EventError {
  message: string;
  codex_error_info?: unknown;
}

/** Payloads of event_msg lines that this version reads or writes. Times without `_ms` are Unix seconds. */
export type EventPayload =
  | {
      type: 'task_started';
      turn_id: string;
      root_turn_id?: string | null;
      started_at?: number | null;
      model_context_window?: number | null;
      collaboration_mode_kind?: string;
      turn_attribution?: unknown;
    }
  | {
      type: 'task_complete';
      turn_id?: string | null;
      root_turn_id?: string | null;
      last_agent_message?: string | null;
      error?: EventError | null;
      started_at?: number | null;
      completed_at?: number | null;
      duration_ms?: number | null;
      time_to_first_token_ms?: number | null;
    }
  | {
      type: 'turn_aborted';
      turn_id?: string | null;
      root_turn_id?: string | null;
      reason?: string;
      started_at?: number | null;
      completed_at?: number | null;
      duration_ms?: number | null;
    }
  | {
      type: 'item_completed';
      thread_id: string;
      turn_id: string;
      item: CoreItem;
      started_at_ms?: number | null;
      completed_at_ms?: number | null;
    }
  | { type: 'token_count'; info?: TokenUsageInfo | null; rate_limits?: unknown }
  | {
      type: 'user_message';
      message: string;
      /** `plain` marks a person's words; only 0.34 to 0.45 name a kind. */
      kind?: string;
      client_id?: string | null;
      images?: string[] | null;
      local_images?: string[] | null;
      audio?: string[] | null;
      local_audio?: string[] | null;
      text_elements?: CoreTextElement[] | null;
    }
  | { type: 'agent_message'; message: string; phase?: string | null; memory_citation?: unknown }
  | { type: 'agent_reasoning'; text: string }
  | { type: 'agent_reasoning_raw_content'; text: string }
  | { type: 'thread_settings_applied'; thread_id: string; thread_settings: Record<string, unknown> }
  | { type: 'thread_rolled_back'; num_turns: number }
  | { type: 'error'; message: string; codex_error_info?: unknown }
  | ApprovalRequestedEvent
  | ApprovalResolvedEvent
  | LegacyMarkEvent
  | LegacyToolEvent;

export type EventOfType<T extends EventPayload['type']> = Extract<EventPayload, { type: T }>;

/** Of legacy files. Only 0.169 says which turn they belong to, and gives them ids. */
export type LegacyMarkEvent =
  | { type: 'context_compacted' }
  | { type: 'entered_review_mode'; user_facing_hint?: string | null; turn_id?: string; item_id?: string }
  | {
      type: 'exited_review_mode';
      review_output?: { overall_explanation?: string } | null;
      turn_id?: string;
      item_id?: string;
    };

/**
 * What some legacy files tell of commands, patches and tools besides the model's calls. Codex kept the ends alone, and
 * which of them depends on its version.
 */
export type LegacyToolEvent =
  | ({ type: 'exec_command_begin' | 'exec_command_end'; status?: string; source?: string | null } & ToolEventBase &
      Omit<CoreItemOfType<'CommandExecution'>, 'type' | 'id' | 'status' | 'source'>)
  | ({
      type: 'patch_apply_begin' | 'patch_apply_end';
      changes: Record<string, CoreFileChange>;
      status?: string;
      success?: boolean;
    } & ToolEventBase)
  | ({
      type: 'mcp_tool_call_begin' | 'mcp_tool_call_end';
      invocation: { server: string; tool: string; arguments?: unknown };
      duration?: CoreDuration | null;
      result?: { Ok?: McpToolResult; Err?: unknown } | null;
    } & ToolEventBase)
  | ({ type: 'web_search_end'; query: string; action?: Record<string, unknown> | null } & ToolEventBase)
  | ({ type: 'view_image_tool_call'; path: string } & ToolEventBase)
  | ({ type: 'image_generation_end' } & ToolEventBase & Omit<CoreItemOfType<'ImageGeneration'>, 'type' | 'id'>)
  | ({ type: 'sub_agent_activity'; event_id: string; occurred_at_ms?: number | null } & Omit<
      CoreItemOfType<'SubAgentActivity'>,
      'type' | 'id'
    >);

interface ToolEventBase {
  /** The model's call. */
  call_id: string;
  turn_id?: string | null;
}

export interface McpToolResult {
  content?: unknown[];
  structuredContent?: unknown;
  _meta?: unknown;
  isError?: boolean;
}

export interface CoreTextElement {
  byte_range: { start: number; end: number };
  placeholder?: string | null;
}

/** A part of what a user sent. Other types may occur. */
export type CoreUserInput =
  | { type: 'text'; text: string; text_elements?: CoreTextElement[] | null }
  | { type: 'image'; image_url?: string; file_id?: string; detail?: string | null }
  | { type: 'local_image'; path: string; detail?: string | null }
  | { type: 'audio'; audio_url?: string; file_id?: string }
  | { type: 'local_audio'; path: string }
  | { type: 'skill'; name: string; path: string }
  | { type: 'mention'; name: string; path: string };

export interface CoreDuration {
  secs: number;
  nanos: number;
}

export type CoreFileChange =
  | { type: 'add'; content: string }
  | { type: 'delete'; content: string }
  | { type: 'update'; unified_diff: string; move_path?: string | null };

/** An item of a turn as item_completed holds it. */
export type CoreItem =
  | { type: 'UserMessage'; id: string; client_id?: string | null; content: CoreUserInput[] }
  | {
      type: 'AgentMessage';
      id: string;
      content: { type: 'Text'; text: string }[];
      phase?: string | null;
      /** Ours alone: the item was cut short and holds what had come by then. */
      partial?: boolean;
    }
  | { type: 'Reasoning'; id: string; summary_text: string[]; raw_content?: string[]; partial?: boolean }
  | {
      type: 'CommandExecution';
      id: string;
      process_id?: string | null;
      command: string[];
      /** A file: URL. */
      cwd: string;
      parsed_cmd: { type: string; cmd: string; name?: string; query?: string | null; path?: string | null }[];
      source: string;
      status: string;
      aggregated_output?: string | null;
      exit_code?: number | null;
      duration?: CoreDuration | null;
    }
  | {
      type: 'FileChange';
      id: string;
      /** By absolute path. */
      changes: Record<string, CoreFileChange>;
      status: string;
      stdout?: string;
      stderr?: string;
    }
  | {
      type: 'DynamicToolCall';
      id: string;
      namespace?: string | null;
      tool: string;
      arguments: unknown;
      status: string;
      content_items?: unknown[] | null;
      success?: boolean | null;
      duration?: CoreDuration | null;
    }
  | { type: 'WebSearch'; id: string; query: string; action?: Record<string, unknown> | null; results?: unknown[] }
  | { type: 'ImageView'; id: string; path: string }
  | { type: 'ContextCompaction'; id: string }
  | { type: 'EnteredReviewMode'; id: string; target?: unknown; user_facing_hint?: string | null }
  | { type: 'ExitedReviewMode'; id: string; review_output?: { overall_explanation?: string } | null }
  | { type: 'Plan'; id: string; text: string }
  | {
      type: 'McpToolCall';
      id: string;
      server: string;
      tool: string;
      arguments?: unknown;
      status: string;
      result?: McpToolResult | null;
      error?: { message: string } | null;
      duration?: CoreDuration | null;
      connectorId?: string;
      linkId?: string;
      appName?: string;
      actionName?: string;
      mcpAppResourceUri?: string;
      mcpAppUi?: unknown;
      pluginId?: string;
      readOnlyHint?: boolean;
    }
  | {
      type: 'CollabAgentToolCall';
      id: string;
      tool: string;
      status: string;
      sender_thread_id: string;
      receiver_thread_ids?: string[];
      prompt?: string | null;
      model?: string | null;
      reasoning_effort?: string | null;
      /** A word, or an object of one whose value is a message: `{completed: "done"}`. */
      agents_states?: Record<string, unknown>;
    }
  | {
      type: 'SubAgentActivity';
      id: string;
      kind: string;
      agent_thread_id: string;
      agent_path: string;
      model?: string | null;
      reasoning_effort?: string | null;
    }
  | {
      type: 'ImageGeneration';
      id: string;
      status: string;
      result?: string;
      revised_prompt?: string | null;
      saved_path?: string | null;
    }
  | { type: 'HookPrompt'; id: string; fragments: { text: string; hookRunId: string }[] }
  | { type: 'FunctionCallOutput'; id: string; name: string; namespace?: string | null; output: string | unknown[] }
  | { type: 'Sleep'; id: string; duration_ms: number };

export type CoreItemOfType<T extends CoreItem['type']> = Extract<CoreItem, { type: T }>;
