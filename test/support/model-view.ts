// What a model was given of a conversation, in short: one string an item, without what the host says. Any thread.

interface InputItem {
  type?: string;
  role?: string;
  content?: unknown;
  name?: string;
  call_id?: string;
  output?: unknown;
}

/** Enough to tell outputs apart. */
const OUTPUT_LENGTH = 60;
const IMAGE_TAG = /^<\/?image\b[^>]*>$/;

/**
 * Messages of users and of the model, thoughts, calls and outputs, in order. Instructions and context are left out: each
 * host words them in its own way. So are images, and the tags around them: Codex sends none to a model of which it knows that it cannot see.
 */
export function viewOfModel(input: readonly object[]): string[] {
  return (input as readonly InputItem[]).flatMap((item) => {
    if (item.role !== undefined) return viewOfMessage(item);
    const { type = '', name = '', call_id = '' } = item;
    if (type.endsWith('_output')) return [`output ${call_id}: ${textOf(item.output).slice(0, OUTPUT_LENGTH)}`];
    return [[type, name, call_id].filter((word) => word !== '').join(' ')];
  });
}

function viewOfMessage({ role, content }: InputItem): string[] {
  const text = textOf(content);
  const isOfHost = role === 'developer' || (role === 'user' && /^(<|# AGENTS\.md)/.test(text));
  return isOfHost ? [] : [`${role}: ${text}`];
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return (content as { text?: string }[])
    .flatMap(({ text }) => (text === undefined || IMAGE_TAG.test(text) ? [] : text))
    .join('|');
}
