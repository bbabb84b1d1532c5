// Who is at work on which conversation: starting it, having it loaded, ending it, or holding it for a change. Main thread.
import { DaemonError } from '../errors.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { settlesWithin } from './settles-within.js';

/** Where a conversation stands. One that is in none of these states is not loaded. */
type Slot =
  | { state: 'starting'; started: Promise<LoadedConversation> }
  | { state: 'loaded'; loaded: LoadedConversation }
  /** `released` never rejects. */
  | { state: 'ending'; released: Promise<void> }
  /** `loaded` is there for who looks at it, speaks to it or leaves it, as long as its session lives. */
  | { state: 'held'; released: Promise<void>; loaded: LoadedConversation | null };

/** What is left when a held conversation is let go: its result, and the conversation if one is loaded now. */
export interface Held<Result> {
  result: Result;
  loaded: LoadedConversation | null;
}

/**
 * A conversation has its slot from the moment its start was asked for until its lock is free again, so that ten who
 * resume one id at once get one session, nobody gets one that is about to end, and files move only under nobody's hands.
 */
export class ConversationSlots {
  readonly #slots = new Map<string, Slot>();
  /** Those who read a conversation's files, which must stay until they are done. */
  readonly #readers = new Map<string, Set<Promise<unknown>>>();

  ids(): string[] {
    return [...this.#slots.keys()];
  }

  /** True when none is being started, ended, changed or read. */
  get isSettled(): boolean {
    return this.#readers.size === 0 && [...this.#slots.values()].every(({ state }) => state === 'loaded');
  }

  /** Those that somebody holds for a change are among them, as long as their session lives. */
  loaded(): LoadedConversation[] {
    return this.ids().flatMap((id) => this.find(id) ?? []);
  }

  /** The loaded conversation, held or not; null when its session is over or only begins. */
  find(id: string): LoadedConversation | null {
    const slot = this.#slots.get(id);
    const loaded = slot?.state === 'loaded' || slot?.state === 'held' ? slot.loaded : null;
    return loaded?.conversation.isOver === false ? loaded : null;
  }

  /** Takes a free slot at once; it is free again when `load` fails. */
  start(id: string, load: () => Promise<LoadedConversation>): Promise<LoadedConversation> {
    const begin = async (): Promise<LoadedConversation> => {
      try {
        const loaded = await load();
        // A session may end in the very moment in which it got ready.
        if (loaded.conversation.isOver) {
          await loaded.released;
          throw new DaemonError('session_failed', 'the session has ended');
        }
        this.#slots.set(id, { state: 'loaded', loaded });
        return loaded;
      } catch (error) {
        this.#slots.delete(id);
        throw error;
      }
    };
    const started = begin();
    started.catch(() => undefined);
    this.#slots.set(id, { state: 'starting', started });
    return started;
  }

  /**
   * Puts what `load` brings in the place of a loaded conversation whose session is over; it is being started until then.
   * False, and nothing is done, when that one is not loaded any more, or held.
   */
  replace(former: LoadedConversation, load: () => Promise<LoadedConversation>): boolean {
    const { id } = former.conversation;
    const slot = this.#slots.get(id);
    if (slot?.state !== 'loaded' || slot.loaded !== former) return false;
    void this.start(id, load);
    return true;
  }

  /** The loaded conversation, or one that is being loaded, or else the one that `load` brings. */
  async open(
    id: string,
    load: () => Promise<LoadedConversation>,
  ): Promise<{ loaded: LoadedConversation; loadedNow: boolean }> {
    for (;;) {
      const slot = this.#slots.get(id);
      if (slot === undefined) return { loaded: await this.start(id, load), loadedNow: true };
      if (slot.state === 'loaded') return { loaded: slot.loaded, loadedNow: false };
      if (slot.state === 'starting') return { loaded: await slot.started, loadedNow: false };
      await slot.released;
    }
  }

  /** Waits until nobody is starting, ending or holding it; then it is marked as ending at once. Null when not loaded. */
  async beginEnding(id: string): Promise<LoadedConversation | null> {
    for (let wait = this.#obstacle(id); wait !== null; wait = this.#obstacle(id)) await wait;
    const slot = this.#slots.get(id);
    if (slot?.state !== 'loaded') return null;
    this.markEnding(slot.loaded);
    return slot.loaded;
  }

  /**
   * Ends every session that there is or that is being started. Resolves when all have ended or the time is over, to the ids
   * of those that have not, sorted. Never rejects.
   */
  async endAll(limitMs: number): Promise<string[]> {
    const left = new Set(this.ids());
    const ended = Array.from(left, async (id) => {
      const loaded = await this.beginEnding(id);
      await loaded?.end();
      left.delete(id);
    });
    await settlesWithin(Promise.allSettled(ended), limitMs);
    return [...left].sort();
  }

  /** From now on nobody finds it, and whoever wants it waits until its lock is free. */
  markEnding(loaded: LoadedConversation): void {
    const { id } = loaded.conversation;
    const slot = this.#slots.get(id);
    if (slot?.state !== 'loaded' || slot.loaded !== loaded) return;
    const ending: Slot = { state: 'ending', released: loaded.released };
    this.#slots.set(id, ending);
    void loaded.released.then(() => {
      if (this.#slots.get(id) === ending) this.#slots.delete(id);
    });
  }

  /**
   * Runs `action` while nobody else can start, resume, end or hold the conversation; it is given the loaded one, if there
   * is one. When it fails, a session that still lives stays loaded.
   */
  async hold<Result>(
    id: string,
    action: (loaded: LoadedConversation | null) => Promise<Held<Result>>,
  ): Promise<Result> {
    for (let wait = this.#obstacleToHolding(id); wait !== null; wait = this.#obstacleToHolding(id)) await wait;
    const loaded = this.#loadedNow(id);
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#slots.set(id, { state: 'held', released, loaded });
    let left = loaded;
    try {
      const held = await action(loaded);
      left = held.loaded;
      return held.result;
    } finally {
      if (left?.conversation.isOver === true) await left.released;
      if (left === null || left.conversation.isOver) this.#slots.delete(id);
      else this.#slots.set(id, { state: 'loaded', loaded: left });
      release();
    }
  }

  /** The loaded conversation, once nobody is starting, ending or holding it; null when it is not loaded then. */
  async settled(id: string): Promise<LoadedConversation | null> {
    for (let wait = this.#obstacle(id); wait !== null; wait = this.#obstacle(id)) await wait;
    return this.#loadedNow(id);
  }

  /** Runs `action` while nobody can hold the conversation: its files stay where they are. */
  async share<Result>(id: string, action: (loaded: LoadedConversation | null) => Promise<Result>): Promise<Result> {
    for (let wait = this.#obstacle(id); wait !== null; wait = this.#obstacle(id)) await wait;
    const running = action(this.#loadedNow(id));
    const readers = this.#readers.get(id) ?? new Set();
    readers.add(running);
    this.#readers.set(id, readers);
    try {
      return await running;
    } finally {
      readers.delete(running);
      if (readers.size === 0) this.#readers.delete(id);
    }
  }

  #loadedNow(id: string): LoadedConversation | null {
    const slot = this.#slots.get(id);
    return slot?.state === 'loaded' ? slot.loaded : null;
  }

  /** What is to be awaited before anything can be done with it; null when it is loaded or free at this moment. */
  #obstacle(id: string): Promise<unknown> | null {
    const slot = this.#slots.get(id);
    if (slot === undefined || slot.state === 'loaded') return null;
    return slot.state === 'starting' ? slot.started.catch(() => undefined) : slot.released;
  }

  #obstacleToHolding(id: string): Promise<unknown> | null {
    const readers = this.#readers.get(id);
    return this.#obstacle(id) ?? (readers === undefined ? null : Promise.allSettled(readers));
  }
}
