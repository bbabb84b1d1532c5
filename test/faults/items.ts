// The one view of items and turns in which the oracle compares the wire, thread/read and the file. Any thread.

/** `open`: nothing says that the turn ended; it has to read as interrupted. */
export type TurnState = 'completed' | 'interrupted' | 'failed' | 'inProgress' | 'open';

export interface WireItem {
  type: string;
  id: string;
  text?: string;
  content?: unknown[];
  summary?: string[];
}

export interface WireTurn {
  id: string;
  status: TurnState;
  items: WireItem[];
  error?: { additionalDetails?: string | null } | null;
}

/** An item's own words, whatever its kind. */
export function itemText(item: WireItem): string {
  switch (item.type) {
    case 'agentMessage':
      return item.text ?? '';
    case 'userMessage':
      return userText(item.content ?? []);
    case 'reasoning':
      return [...(item.summary ?? []), ...((item.content ?? []) as string[])].join('\n');
    default:
      return '';
  }
}

/** The text parts of a user's input, joined. */
export function userText(content: readonly unknown[]): string {
  return (content as { type: string; text?: string }[])
    .map(({ type, text }) => (type === 'text' || type === 'input_text' ? (text ?? '') : ''))
    .join('');
}
