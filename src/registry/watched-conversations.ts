// The conversations that clients look on at without loading them: opened for the first of them, closed after the last. Main thread.
import { DaemonError } from '../errors.js';
import type { ThreadOwner, ThreadStatus } from '../protocol/thread.js';
import type { ConversationLoader } from './conversation-loader.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { EventsCursor, FanOut, Place } from './fan-out.js';
import type { Subscriber } from './subscription.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { noRollout } from './missing-rollout.js';
import type { ConversationLookup, OwnerLocks, RolloutFollowers } from './seams.js';
import { toThreadOwner, WatchedConversation } from './watched-conversation.js';
import { alreadyHasWriter } from './writer-lock.js';

/** How often it is looked up who owns them. */
const OWNER_CHECK_MS = 500;

export interface WatchOptions {
  locks: OwnerLocks;
  lookup: Pick<ConversationLookup, 'find' | 'describe'>;
  followers: RolloutFollowers;
}

/** What a client joined, and where: what happens afterwards is kept for it until the fan-out's release(). */
export interface Watch extends Place {
  watched: WatchedConversation;
  /** False when it has looked on before. */
  isNew: boolean;
  status: ThreadStatus;
  owner: ThreadOwner | null;
  /** Contains all events up to `cursor`. */
  source: { path: string; end: number; liveTurnId: string | null };
}

export class WatchedConversations {
  readonly #options: WatchOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: Pick<ConversationLoader, 'fanOutAt' | 'leaveAt'>;
  /** Those that are being opened, or open. */
  readonly #opened = new Map<string, Promise<WatchedConversation>>();
  readonly #open = new Map<string, WatchedConversation>();
  #isChecking = false;
  #isClosed = false;

  constructor(
    options: WatchOptions,
    slots: ConversationSlots,
    loader: Pick<ConversationLoader, 'fanOutAt' | 'leaveAt'>,
  ) {
    this.#options = options;
    this.#slots = slots;
    this.#loader = loader;
  }

  find(id: string): WatchedConversation | null {
    return this.#open.get(id) ?? null;
  }

  /** Why it cannot be changed: another process owns what clients look on at. Null for all others. */
  refusalOf(id: string): DaemonError | null {
    const owner = this.find(id)?.owner ?? null;
    return owner === null ? null : alreadyHasWriter(id, owner, { readOnlyPossible: true });
  }

  /** Throws that, if there is a reason. */
  refuseChange(id: string): void {
    const refusal = this.refusalOf(id);
    if (refusal !== null) throw refusal;
  }

  /**
   * Subscribes without taking the lock. Resolves to the loaded conversation, without subscribing, where it is loaded here.
   * Throws rollout_not_found, and what reading a rollout throws.
   */
  async watch(
    of: { id: string } | { path: string },
    subscriber: Subscriber,
    after: EventsCursor | null,
  ): Promise<Watch | LoadedConversation> {
    const named = 'path' in of ? (await this.#options.lookup.describe(of.path)).summary : null;
    const id = named?.id ?? (of as { id: string }).id;
    for (;;) {
      const loaded = await this.#slots.settled(id);
      if (loaded !== null) return loaded;
      const watched = await (this.#opened.get(id) ?? this.#begin(id, named?.path ?? null));
      // Somebody may have taken it over meanwhile, or all have left it.
      if (this.#open.get(id) === watched) return joinAt(watched, subscriber, after);
      if (this.#isClosed) throw new DaemonError('shutting_down', 'the daemon is shutting down');
    }
  }

  /** Null when nobody looks on at it, else whether this one did. */
  unsubscribe(id: string, subscriber: Subscriber): boolean | null {
    const watched = this.find(id);
    if (watched === null) return null;
    const was = watched.fanOut.remove(subscriber);
    if (watched.fanOut.subscriberCount === 0) this.#close(watched);
    return was;
  }

  /** The subscriber is gone. */
  drop(subscriber: Subscriber): void {
    for (const id of this.#open.keys()) this.unsubscribe(id, subscriber);
  }

  /**
   * Runs `load`, which loads the conversation of which we have the lock: with the clients that look on, if there are any,
   * which have then been told all that its former owner wrote.
   */
  async handOver(
    id: string,
    load: (fanOut: FanOut | null) => Promise<LoadedConversation>,
  ): Promise<LoadedConversation> {
    const watched = (await this.#opened.get(id)?.catch(() => null)) ?? null;
    if (watched === null || this.#open.get(id) !== watched) return load(null);
    this.#forget(watched);
    await watched.catchUp();
    watched.close();
    watched.setOwner(null);
    try {
      const loaded = await load(watched.fanOut);
      loaded.conversation.dropDeparted();
      watched.announceOwner({ pid: process.pid, command: process.title });
      return loaded;
    } catch (error) {
      watched.end();
      this.#loader.leaveAt(id, watched.source);
      throw error;
    }
  }

  /** Clients are not told. */
  close(): void {
    this.#isClosed = true;
    for (const watched of this.#open.values()) this.#close(watched);
  }

  #begin(id: string, path: string | null): Promise<WatchedConversation> {
    const opened = this.#follow(id, path);
    this.#opened.set(id, opened);
    opened.catch(() => this.#opened.delete(id));
    return opened;
  }

  async #follow(id: string, named: string | null): Promise<WatchedConversation> {
    const { locks, lookup, followers } = this.#options;
    const path = named ?? (await lookup.find(id));
    if (path === null) throw noRollout(id);
    const owner = await locks.ownerOf(id);
    // News that come before the answer.
    const early: (() => void)[] = [];
    let watched: WatchedConversation | null = null;
    const whenOpen = (action: (open: WatchedConversation) => void): void => {
      if (watched === null) early.push(() => action(watched!));
      else action(watched);
    };
    const { place, following } = await followers.follow(
      { conversationId: id, path },
      (news) =>
        whenOpen((open) => {
          if (news.type === 'gone') this.#end(open);
          else open.take(news);
        }),
      () => whenOpen((open) => this.#end(open)),
    );
    watched = new WatchedConversation(id, this.#loader.fanOutAt(id, place), owner, place);
    watched.attach(following);
    if (this.#isClosed) {
      watched.close();
      throw new DaemonError('shutting_down', 'the daemon is shutting down');
    }
    this.#open.set(id, watched);
    for (const action of early) action();
    if (!this.#isChecking) this.#checkSoon();
    return watched;
  }

  #close(watched: WatchedConversation): void {
    this.#forget(watched);
    watched.close();
    this.#loader.leaveAt(watched.id, watched.source);
  }

  /** It cannot be looked on at any more. */
  #end(watched: WatchedConversation): void {
    this.#forget(watched);
    watched.end();
    this.#loader.leaveAt(watched.id, null);
  }

  #forget(watched: WatchedConversation): void {
    const { id } = watched;
    if (this.#open.get(id) !== watched) return;
    this.#open.delete(id);
    this.#opened.delete(id);
  }

  #checkSoon(): void {
    this.#isChecking = this.#open.size > 0;
    if (!this.#isChecking) return;
    setTimeout(() => void this.#checkOwners().then(() => this.#checkSoon()), OWNER_CHECK_MS).unref();
  }

  async #checkOwners(): Promise<void> {
    for (const watched of this.#open.values()) {
      // Where the locks cannot be used at this moment, what was known stays.
      await this.#checkOwner(watched).catch(() => undefined);
    }
  }

  async #checkOwner(watched: WatchedConversation): Promise<void> {
    const { locks } = this.#options;
    const { id } = watched;
    let owner = await locks.ownerOf(id, watched.owner);
    while (owner !== watched.owner) {
      // What the former owner wrote last comes before its end, what the next one writes after its beginning.
      await watched.catchUp();
      const still = await locks.ownerOf(id, owner);
      if (this.#open.get(id) !== watched) return;
      if (still === owner) return watched.setOwner(owner);
      owner = still;
    }
  }
}

function joinAt(watched: WatchedConversation, subscriber: Subscriber, after: EventsCursor | null): Watch {
  const { fanOut, status, source } = watched;
  const isNew = !fanOut.has(subscriber);
  return { watched, isNew, status, owner: toThreadOwner(watched.owner), source, ...fanOut.join(subscriber, after) };
}
