// What the model has seen and said, as rollout lines of type `response_item` hold it. Types and guards, any thread.

/** A part of a message. Other types occur in files of newer writers; keep them as they are. */
export type ContentItem =
  | { type: 'input_text'; text: string }
  | { type: 'output_text'; text: string; annotations?: unknown[] | null; logprobs?: unknown[] | null }
  | { type: 'input_image'; image_url?: string; file_id?: string; detail?: string | null }
  | { type: 'input_audio'; audio_url?: string; file_id?: string };

/** What a tool's output holds when it is more than plain text. */
export type OutputContentItem =
  | { type: 'input_text'; text: string }
  | { type: 'input_image'; image_url?: string; file_id?: string; detail?: string | null }
  | { type: 'input_audio'; audio_url?: string; file_id?: string }
  | { type: 'encrypted_content'; encrypted_content: string };

export type MessageRole = 'user' | 'assistant' | 'developer' | 'system';

/** Fields any item may carry; the two of metadata are bookkeeping of whoever wrote the line and are never sent. */
interface ItemBase {
  id?: string | null;
  internal_chat_message_metadata_passthrough?: unknown;
  metadata?: unknown;
}

export interface MessageItem extends ItemBase {
  type: 'message';
  role: MessageRole;
  content: ContentItem[];
  /** commentary, partial_answer or final_answer; absent means unknown. */
  phase?: string | null;
  /** `incomplete` marks a message that was cut short. */
  status?: string | null;
}

export interface ReasoningItem extends ItemBase {
  type: 'reasoning';
  summary: { type: 'summary_text'; text: string }[];
  /** Raw reasoning, from providers that show it. */
  content?: { type: 'reasoning_text' | 'text'; text: string }[] | null;
  /** Opaque; only the provider that made it can use it. */
  encrypted_content?: string | null;
}

export interface FunctionCallItem extends ItemBase {
  type: 'function_call';
  call_id: string;
  name: string;
  namespace?: string | null;
  /** JSON text as the model wrote it: it may not parse. */
  arguments: string;
  status?: string | null;
}

export interface FunctionCallOutputItem extends ItemBase {
  type: 'function_call_output';
  /** Absent when nobody called: the host told the model something of its own accord. */
  call_id?: string | null;
  name?: string | null;
  namespace?: string | null;
  output: string | OutputContentItem[];
}

export interface CustomToolCallItem extends ItemBase {
  type: 'custom_tool_call';
  call_id: string;
  name: string;
  namespace?: string | null;
  /** Free text, for instance a patch. */
  input: string;
  status?: string | null;
}

export interface CustomToolCallOutputItem extends ItemBase {
  type: 'custom_tool_call_output';
  call_id: string;
  name?: string | null;
  output: string | OutputContentItem[];
}

export interface LocalShellCallItem extends ItemBase {
  type: 'local_shell_call';
  call_id?: string | null;
  status: string;
  action: {
    type: 'exec';
    command: string[];
    timeout_ms?: number | null;
    working_directory?: string | null;
    env?: Record<string, string> | null;
    user?: string | null;
  };
}

export interface WebSearchCallItem extends ItemBase {
  type: 'web_search_call';
  status?: string | null;
  action?: {
    type: string;
    query?: string | null;
    queries?: string[] | null;
    url?: string | null;
    pattern?: string | null;
  } | null;
}

/** A provider's own summary of what came before, opaque to everybody else. */
export interface CompactionItem extends ItemBase {
  type: 'compaction';
  encrypted_content: string;
}

export type KnownResponseItem =
  | MessageItem
  | ReasoningItem
  | FunctionCallItem
  | FunctionCallOutputItem
  | CustomToolCallItem
  | CustomToolCallOutputItem
  | LocalShellCallItem
  | WebSearchCallItem
  | CompactionItem;

/** A type this version does not know: kept, written and sent as it is. */
export interface UnknownResponseItem {
  type: string;
  [field: string]: unknown;
}

/**
 * One item of a conversation as the model sees it. Because of the unknown ones, comparing `type` alone does not narrow:
 * use isResponseItem.
 */
export type ResponseItem = KnownResponseItem | UnknownResponseItem;

type ItemOfType<T extends KnownResponseItem['type']> = Extract<KnownResponseItem, { type: T }>;

/** Narrows by type. The other fields are trusted, not checked: whoever reads a file validates its lines. */
export function isResponseItem<T extends KnownResponseItem['type']>(
  item: ResponseItem,
  type: T,
): item is ItemOfType<T> {
  return item.type === type;
}
