// Finds words of a user that were recorded for the model while the line that shows them was lost: a write that came no
// further. Nobody was told that they were taken, so the model is not to hear them either. Session worker.
import type { RolloutLine } from '../rollout/line.js';
import { isMarkedUserInput } from '../rollout/user-message.js';

/** Lines are to be taken in the order of the history. */
export class UnseenWords {
  #line: RolloutLine | null = null;

  /** The line to be left out, if this one shows that there is one: its turn was closed and nothing else was in between. */
  take(line: RolloutLine): RolloutLine | null {
    if (line.type === 'response_item') {
      if (isMarkedUserInput(line.payload)) this.#line = line;
      else if (!isMarker(line)) this.#line = null;
      return null;
    }
    if (line.type !== 'event_msg') return null;
    const { type } = line.payload;
    return type === 'turn_aborted' || type === 'task_complete' ? this.takeEnd() : (this.#line = null);
  }

  /** The same when there are no more lines. */
  takeEnd(): RolloutLine | null {
    const line = this.#line;
    this.#line = null;
    return line;
  }
}

function isMarker({ payload }: RolloutLine & { type: 'response_item' }): boolean {
  return JSON.stringify(payload.internal_chat_message_metadata_passthrough ?? null).includes('generic.turn_aborted');
}
