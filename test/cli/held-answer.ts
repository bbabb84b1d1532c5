// A model whose answer to `hold` stops in the middle until the test lets it end. Main thread.
import type { ModelReply } from '../support/model-reply.js';
import type { ModelServer } from '../support/model-server.js';

export const FIRST_WORDS = 'so far ';
export const LAST_WORDS = 'and to the end';

/** Ends the answer that was begun last. */
export type LetEnd = () => void;

/** Everything else is answered as always. */
export function holdAnswers(model: ModelServer): LetEnd {
  let held: { reply: ModelReply; itemId: string } | null = null;
  model.script(async ({ lastUserText }, reply) => {
    if (lastUserText !== 'hold') return false;
    reply.create();
    held = { reply, itemId: reply.startMessage() };
    reply.delta(FIRST_WORDS);
    await reply.closed;
    return undefined;
  });
  return () => {
    if (held === null) throw new Error('nothing is held');
    const { reply, itemId } = held;
    reply.delta(LAST_WORDS);
    reply.endMessage(itemId, FIRST_WORDS + LAST_WORDS);
    reply.complete();
  };
}
