// Finds in the lines of a conversation which messages clients gave ids to, so that a retry is known after a restart too.
// Only its own count: a fork does not know the ids of its source. Session worker.
import type { EventPayload, RolloutLine } from '../rollout/line.js';
import { historyModeOf } from '../rollout/read-rollout.js';
import { digestInput, digestLegacyEvent } from './input-digest.js';
import { SentMessages } from './sent-messages.js';

/** Lines are to be taken in the order of the history. */
export class RecordedMessages {
  readonly #conversationId: string;
  readonly #sent = new SentMessages();
  /** Whether user_message lines, which name no conversation, are this one's. */
  #areOwn = false;
  #copiesUpToHere = false;
  #turnIsOpen = false;

  constructor(conversationId: string) {
    this.#conversationId = conversationId;
  }

  /** True when the lines so far are a copy of another conversation's, and nothing says that it is over. */
  get endsInCopy(): boolean {
    return this.#copiesUpToHere;
  }

  beginFile(): void {
    this.#areOwn = this.#copiesUpToHere = false;
  }

  /** `isFirstMeta`: the line says whose file it is. */
  take(line: RolloutLine, isFirstMeta: boolean): void {
    if (line.type === 'event_msg') return this.#takeEvent(line.payload);
    if (line.type !== 'session_meta' || !isFirstMeta || line.payload.id !== this.#conversationId) return;
    // A legacy fork begins with its source's lines; the first that names the fork itself ends them.
    this.#copiesUpToHere = typeof line.payload.forked_from_id === 'string' && historyModeOf(line.payload) === 'legacy';
    this.#areOwn = !this.#copiesUpToHere;
  }

  finish(): SentMessages {
    this.#sent.interruptOpenTurns();
    return this.#sent;
  }

  #takeEvent(event: EventPayload): void {
    const sent = this.#sent;
    switch (event.type) {
      case 'thread_settings_applied':
        if (!this.#copiesUpToHere || event.thread_id !== this.#conversationId) break;
        this.#copiesUpToHere = false;
        this.#areOwn = true;
        break;
      case 'task_started':
        sent.startTurn(event.turn_id);
        this.#turnIsOpen = true;
        break;
      case 'task_complete':
        sent.endTurn(event.turn_id ?? null, event.error ? 'failed' : 'completed');
        this.#turnIsOpen = false;
        break;
      case 'turn_aborted':
        // What follows without a start of its own is shown in this turn.
        sent.endTurn(event.turn_id ?? null, 'interrupted');
        break;
      case 'item_completed':
        if (event.item.type !== 'UserMessage' || event.thread_id !== this.#conversationId) break;
        // Some writers name turns in items that they mark nowhere else.
        sent.startTurn(event.turn_id);
        if (event.item.client_id) sent.add(event.item.client_id, digestInput(event.item.content));
        break;
      case 'user_message':
        if (!this.#turnIsOpen) sent.startTurn(null);
        else if (this.#areOwn && event.client_id) sent.add(event.client_id, digestLegacyEvent(event));
        break;
      case 'thread_rolled_back':
        sent.dropTurns(event.num_turns);
        this.#turnIsOpen = false;
        break;
      default:
        break;
    }
  }
}
