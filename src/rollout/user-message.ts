// Tells what a user really sent from what the host put before the model in the user's name. Any thread.
import { isResponseItem } from './response-item.js';
import type { MessageItem, ResponseItem } from './response-item.js';

/** How texts of the host begin. Only for files whose writer did not say where a text came from. */
const HOST_TEXTS = [
  '<environment_context>',
  '<user_instructions>',
  '# AGENTS.md instructions',
  '<turn_aborted>',
  '<user_shell_command>',
  '<codex_internal_context',
  '<skill>',
  '<subagent_notification>',
];

/** True for a user message that a user sent, false for context, markers and everything else. */
export function isUserInput(item: ResponseItem): item is MessageItem {
  if (!isResponseItem(item, 'message') || item.role !== 'user') return false;
  const kinds = contentKinds(item);
  if (kinds !== null) return kinds.some((kind) => kind.startsWith('user.') || kind === 'unknown');
  const first = item.content.find((part) => part.type === 'input_text');
  const text = first?.type === 'input_text' && typeof first.text === 'string' ? first.text.trimStart() : '';
  return !HOST_TEXTS.some((start) => text.startsWith(start));
}

/** The same of one whose writer says so. */
export function isMarkedUserInput(item: ResponseItem): boolean {
  if (!isResponseItem(item, 'message') || item.role !== 'user') return false;
  return contentKinds(item)?.some((kind) => kind.startsWith('user.')) ?? false;
}

/** What 0.169 notes about each part: `user.text`, `environments.environment_context`, `generic.turn_aborted`... */
function contentKinds(item: MessageItem): string[] | null {
  const notes = item.internal_chat_message_metadata_passthrough as { content_item_kinds?: unknown } | null | undefined;
  const kinds = notes?.content_item_kinds;
  if (!Array.isArray(kinds) || kinds.length === 0) return null;
  return kinds.filter((kind): kind is string => typeof kind === 'string');
}
