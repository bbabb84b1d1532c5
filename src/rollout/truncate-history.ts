// Cuts a conversation back to before one of its last user messages, for forks. Any thread.
import type { RolloutLine } from './line.js';
import { isUserInput } from './user-message.js';

export type TruncatedHistory = { type: 'new' } | { type: 'forked'; items: RolloutLine[] };

/**
 * Drops everything from the n-th user message counted from the end; the turn that this message started goes with it
 * whole. 0 keeps all. New when there are fewer than n user messages, or none is left. Throws a RangeError on a negative
 * or fractional n. The lines are not copied.
 */
export function truncateAfterDroppingLastMessages(items: readonly RolloutLine[], n: number): TruncatedHistory {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`cannot drop ${n} messages`);
  if (n === 0) return items.length === 0 ? { type: 'new' } : { type: 'forked', items: [...items] };
  const userMessages = items.flatMap((line, index) => (isUserMessage(line) ? [index] : []));
  // What precedes the first user message is context that a new conversation makes for itself.
  if (userMessages.length <= n) return { type: 'new' };
  const message = userMessages.at(-n)!;
  const previousMessage = userMessages.at(-n - 1)!;
  return { type: 'forked', items: items.slice(0, startOfTurn(items, message, previousMessage)) };
}

function isUserMessage(line: RolloutLine): boolean {
  return line.type === 'response_item' && isUserInput(line.payload);
}

/** Where the turn began that `message` is the first of; a message sent into a running turn leaves that turn's rest. */
function startOfTurn(items: readonly RolloutLine[], message: number, previousMessage: number): number {
  for (let index = message - 1; index > previousMessage; index -= 1) {
    const line = items[index]!;
    if (line.type !== 'event_msg') continue;
    if (line.payload.type === 'task_started') return index;
    // The message opened its turn without a mark, as old versions have it.
    if (line.payload.type === 'task_complete' || line.payload.type === 'turn_aborted') return message;
  }
  return message;
}
