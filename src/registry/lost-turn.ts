// The turn in which a session died: ended by the session that took its place, then told to clients. Main thread.
import { DaemonError } from '../errors.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { Conversation } from './conversation.js';
import { toTurnError } from './interrupted-turn.js';
import type { ConversationLookup } from './seams.js';
import { readToldItems } from './told-items.js';
import type { ToldItems } from './told-items.js';

export class LostTurn {
  readonly #lost: Conversation;
  readonly #error: DaemonError;
  readonly #lookup: ConversationLookup;
  #isTold = false;

  /** `lost` is the conversation as it was when its session died, of `error`. */
  constructor(lost: Conversation, error: DaemonError, lookup: ConversationLookup) {
    this.#lost = lost;
    this.#error = error;
    this.#lookup = lookup;
  }

  /**
   * Tells the turn as the file has it from then on: as failed, unless it had ended there. Once is enough. Rejects with what
   * kept the session from recording it; where that was the file, the turn is told as interrupted, which is how it reads.
   */
  async end(revived: Conversation): Promise<void> {
    const { activeTurnId: turnId } = this.#lost;
    if (turnId === null) return revived.announceStatus({ type: 'idle' });
    if (this.#isTold) return;
    try {
      await this.#end(revived, turnId);
    } catch (failure) {
      const isUnwritten = failure instanceof DaemonError && failure.code === 'rollout_write_failed';
      if (isUnwritten) this.#lost.announceLostTurn(this.#error);
      throw failure;
    }
  }

  async #end(revived: Conversation, turnId: string): Promise<void> {
    const { id, facts, fanOut } = this.#lost;
    const error = toTurnError(this.#error);
    const told = readToldItems(fanOut.keptFrames(), turnId);
    await revived.carryOut({ type: 'endLostTurn', turn: { turnId, error, toldItems: told.open } });
    const turn = await this.#lookup.lastTurn(id, facts.path!);
    this.#isTold = true;
    if (turn?.id !== turnId) return this.#lost.announceLostTurn(this.#error);
    for (const item of turn.items) if (isUnended(item, told)) announceEnd(revived, turnId, item);
    const isFailed = turn.status === 'failed';
    if (isFailed) fanOut.publish('error', { error, willRetry: false, threadId: id, turnId });
    else revived.announceStatus({ type: 'idle' });
    if (turn.status !== 'interrupted') revived.takePatch({ unreadTurnId: turnId });
    const shown = isFailed ? { ...turn, error } : turn;
    fanOut.publish('turn/completed', { threadId: id, turn: { ...shown, items: [], itemsView: 'notLoaded' } });
  }
}

function announceEnd({ id, fanOut }: Conversation, turnId: string, item: ThreadItem): void {
  const completedAtMs = item.completedAtMs ?? Date.now();
  fanOut.publish('item/completed', { item, threadId: id, turnId, contentTokenCount: null, completedAtMs });
}

/** Told to have begun and not to have ended; what was cut short had not ended either. */
function isUnended(item: ThreadItem, { open, ended }: ToldItems): boolean {
  if (open.some(({ id }) => id === item.id)) return true;
  return 'partial' in item && item.partial === true && !ended.has(item.id);
}
