// The few words that stand for a conversation in lists. Any thread.
import type { CoreUserInput, RolloutLine } from './line.js';

/** IDE extensions of old put their context before this line; only what follows is the user's. */
const REQUEST_HEADING = '## My request for Codex:';

/** What stands for a message without words. */
const IMAGE_PREVIEW = '[Image]';

/** The preview this line gives a conversation that has none yet; null when it is no message of a user. May be empty. */
export function previewOfLine(line: RolloutLine): string | null {
  if (line.type !== 'event_msg') return null;
  const event = line.payload;
  if (event.type === 'item_completed' && event.item.type === 'UserMessage') return previewOfInput(event.item.content);
  if (event.type !== 'user_message' || (event.kind !== undefined && event.kind !== 'plain')) return null;
  const images = (event.images?.length ?? 0) + (event.local_images?.length ?? 0);
  return previewOfText(event.message, images > 0);
}

/** The preview of a message: its text without blanks at either end, or a stand-in for images alone. */
export function previewOfInput(content: readonly CoreUserInput[]): string {
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const hasImage = content.some((part) => part.type === 'image' || part.type === 'local_image');
  return previewOfText(text, hasImage);
}

function previewOfText(text: string, hasImage: boolean): string {
  const heading = text.indexOf(REQUEST_HEADING);
  const request = (heading === -1 ? text : text.slice(heading + REQUEST_HEADING.length)).trim();
  return request === '' && hasImage ? IMAGE_PREVIEW : request;
}
