// What the model was given of a conversation, against what thread/read shows of it. Any thread.
import { createHash } from 'node:crypto';
import type { FoundThread } from './found.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';

/** As the model program tells it: all texts of users, and hashes of all texts of assistants, in order. */
export interface ModelHistory {
  users: string[];
  assistants: string[];
}

export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** What the model was given with the input of `found`'s last turn: all inputs, all answers before, in their order. */
export function checkModelHistory(threadId: string, history: ModelHistory, found: FoundThread): Violation[] {
  const violations: Violation[] = [];
  const shown = found.userTexts.map(({ text }) => text);
  // What the daemon itself puts into the history, such as the working folder, bears no mark.
  const users = history.users.filter((text) => text.startsWith('#'));
  if (users.join('\n') !== shown.join('\n')) {
    const what = "the users' words in the model's request are not those of the conversation";
    violations.push({
      kind: 'lost',
      threadId,
      what,
      told: shorten(shown.join(' | '), 600),
      found: shorten(users.join(' | '), 600),
    });
  }
  const answers = [...found.items.values()]
    .filter(({ type, text }) => type === 'agentMessage' && text !== '')
    .slice(0, -1);
  const missing = answers.filter(({ text }) => !history.assistants.includes(hashText(text)));
  for (const { text } of missing) {
    const what = `the answer ${shorten(text, 60)} is not in the model's request`;
    violations.push({
      kind: 'lost',
      threadId,
      what,
      told: shorten(text),
      found: `${history.assistants.length} answers`,
    });
  }
  return violations;
}
