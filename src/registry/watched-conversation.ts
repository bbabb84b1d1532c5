// One conversation that clients look on at while another process owns it, or nobody: no lock, no session. Main thread.
import type { FollowedPlace, FollowNews } from '../index/index-messages.js';
import type { RecordedEvent } from '../index/recorded-news.js';
import type { ThreadOwner, ThreadStatus } from '../protocol/thread.js';
import type { FanOut } from './fan-out.js';
import { interruptedTurn } from './interrupted-turn.js';
import type { FollowedRolloutHandle } from './seams.js';
import type { ConversationOwner } from './writer-lock.js';

export class WatchedConversation {
  readonly id: string;
  readonly fanOut: FanOut;
  #owner: ConversationOwner | null;
  #place: FollowedPlace;
  /** The turn that runs, as far as can be known. */
  #liveTurnId: string | null;
  /** When it was heard of, in Unix milliseconds. */
  #liveSince = 0;
  /** Turns that clients were told to be over because their process is. */
  readonly #buried = new Set<string>();
  #following: FollowedRolloutHandle | null = null;

  constructor(id: string, fanOut: FanOut, owner: ConversationOwner | null, place: FollowedPlace) {
    this.id = id;
    this.fanOut = fanOut;
    this.#owner = owner;
    this.#place = place;
    // A turn that is open in a file which its owner has not written to was broken off before it came.
    const isWritten = owner !== null && place.writtenAtMs >= owner.lock.mtimeMs;
    this.#liveTurnId = isWritten ? place.openTurnId : null;
  }

  /** As last looked up; null when nobody has it. */
  get owner(): ConversationOwner | null {
    return this.#owner;
  }

  /** How far it was read at the last event that was published, and the turn that runs there. */
  get source(): { path: string; end: number; liveTurnId: string | null } {
    const { path, end } = this.#place;
    return { path, end, liveTurnId: this.#liveTurnId };
  }

  get status(): ThreadStatus {
    if (this.#owner === null) return { type: 'notLoaded' };
    return this.#liveTurnId === null ? { type: 'idle' } : { type: 'active', activeFlags: [] };
  }

  /** The news that it will get come from here; closed by close(). */
  attach(following: FollowedRolloutHandle): void {
    this.#following = following;
  }

  take(news: Exclude<FollowNews, { type: 'gone' }>): void {
    this.#place = news.place;
    if (news.type === 'replaced') {
      this.fanOut.publish('thread/reverted', { threadId: this.id });
      this.#changeStatus(() => (this.#liveTurnId = null));
      return;
    }
    for (const event of news.events) this.#publish(event);
  }

  /** Told when it is another process than before. */
  setOwner(owner: ConversationOwner | null): void {
    const before = this.#owner;
    if (before === owner) return;
    // It is that of the new owner, if it began since that came.
    if (owner === null || this.#liveSince < owner.lock.mtimeMs) this.#buryTurn();
    this.#changeStatus(() => (this.#owner = owner));
    this.announceOwner(toThreadOwner(owner));
  }

  announceOwner(owner: ThreadOwner | null): void {
    this.fanOut.publish('thread/owner/changed', { threadId: this.id, owner });
  }

  /** All that its file holds at this moment is published when this resolves. Never rejects. */
  async catchUp(): Promise<void> {
    // What cannot be read now the next reader finds.
    await this.#following?.catchUp().catch(() => undefined);
  }

  /** There is nothing to look at any more: clients are told, and their subscriptions end. */
  end(): void {
    this.close();
    this.#buryTurn();
    this.#owner = null;
    this.fanOut.publish('thread/status/changed', { threadId: this.id, status: this.status });
    this.fanOut.publish('thread/closed', { threadId: this.id });
  }

  close(): void {
    this.#following?.close();
    this.#following = null;
  }

  #publish({ method, params }: RecordedEvent): void {
    const turnId = (params['turn'] as { id: string } | undefined)?.id ?? null;
    if (method === 'turn/started') {
      if (turnId !== this.#liveTurnId) this.#buryTurn();
      this.#changeStatus(() => (this.#liveTurnId = turnId));
      this.#liveSince = Date.now();
    }
    if (method === 'turn/completed') {
      if (turnId === this.#liveTurnId) this.#changeStatus(() => (this.#liveTurnId = null));
      if (turnId !== null && this.#buried.delete(turnId)) return;
    }
    this.fanOut.publish(method, params);
  }

  /** Whoever ran it is gone: nobody will record its end soon. */
  #buryTurn(): void {
    const turnId = this.#liveTurnId;
    if (turnId === null) return;
    this.#buried.add(turnId);
    this.#changeStatus(() => (this.#liveTurnId = null));
    this.fanOut.publish('turn/completed', { threadId: this.id, turn: interruptedTurn(turnId, null) });
  }

  #changeStatus(change: () => void): void {
    const before = this.status.type;
    change();
    const { status } = this;
    if (status.type !== before) this.fanOut.publish('thread/status/changed', { threadId: this.id, status });
  }
}

/** As clients are told. */
export function toThreadOwner(owner: ConversationOwner | null): ThreadOwner | null {
  return owner === null ? null : { pid: owner.pid, command: owner.command };
}
