// One loaded conversation: its session, its clients, what is known of it, when it may be unloaded. Main thread.
import type { DaemonError } from '../errors.js';
import type { ReadState, Thread, ThreadStatus } from '../protocol/thread.js';
import type { SessionConfigured, SessionSettings, SessionSnapshot, SessionStatePatch } from '../session/messages.js';
import type { ReplyHandler, SessionHandle, SessionRequest } from '../session/session-handle.js';
import { settingFacts } from './conversation-facts.js';
import type { EventsCursor, FanOut, Place } from './fan-out.js';
import type { Subscriber } from './subscription.js';
import { interruptedTurn, toTurnError } from './interrupted-turn.js';
import type { ReadStates } from './read-states.js';
import type { ConversationFacts } from './thread-view.js';
import { toThread } from './thread-view.js';

export interface ConversationOptions {
  facts: ConversationFacts;
  settings: SessionSettings;
  fanOut: FanOut;
  readStates: ReadStates;
  /** Milliseconds without subscribers and without a turn after which `onIdle` is called; 0 never. */
  unloadDelayMs: number;
  onIdle: (conversation: Conversation) => void;
}

/** A snapshot, and where somebody joined that subscribed with it. */
export interface JoinedAt extends Place {
  snapshot: SessionSnapshot;
}

export class Conversation {
  readonly id: string;
  readonly fanOut: FanOut;
  readonly facts: ConversationFacts;
  /** Effective settings, as the last turn left them. */
  settings: SessionSettings;
  materialized: boolean;
  #handle: SessionHandle | null = null;
  #configured: SessionConfigured | null = null;
  /** Resolves once its session has ended, for whatever reason. */
  readonly over: Promise<void>;
  #resolveOver!: () => void;
  #isOver = false;
  /** Clients that are about to join: they keep it from being unloaded. */
  #joining = 0;
  #status: ThreadStatus = { type: 'idle' };
  #activeTurnId: string | null = null;
  readonly #options: ConversationOptions;
  #unloadTimer: NodeJS.Timeout | null = null;

  constructor(options: ConversationOptions, materialized: boolean) {
    this.#options = options;
    this.over = new Promise((resolve) => (this.#resolveOver = resolve));
    this.id = options.facts.id;
    this.facts = options.facts;
    this.settings = options.settings;
    this.fanOut = options.fanOut;
    this.materialized = materialized;
  }

  get status(): ThreadStatus {
    return this.#status;
  }

  /** null where there is nothing that could be read later: no file. */
  get readState(): ReadState | null {
    return this.facts.ephemeral || !this.materialized ? null : this.#options.readStates.of(this.id);
  }

  /** The session is ready. */
  attachSession(handle: SessionHandle, configured: SessionConfigured): void {
    this.#handle = handle;
    this.#configured = configured;
    if (this.facts.preview === '') this.facts.preview = configured.history.preview;
    this.facts.historyMode = configured.history.mode;
    this.#considerUnload();
  }

  get isConfigured(): boolean {
    return this.#configured !== null;
  }

  /** True once its session has ended, for whatever reason. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The session's first message. */
  get configured(): SessionConfigured {
    if (this.#configured === null) throw new Error(`conversation ${this.id} has no session yet`);
    return this.#configured;
  }

  get handle(): SessionHandle {
    if (this.#handle === null) throw new Error(`conversation ${this.id} has no session yet`);
    return this.#handle;
  }

  /** The answer comes through the handler, in order with the notifications around it. */
  request(request: SessionRequest, handler: ReplyHandler): void {
    this.handle.request(request, handler);
  }

  /** The same for whoever needs no more than that it was done. */
  carryOut(request: SessionRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.handle.request(request, { onResult: () => resolve(), onError: reject });
    });
  }

  get unloadDelayMs(): number {
    return this.#options.unloadDelayMs;
  }

  get activeTurnId(): string | null {
    return this.#activeTurnId;
  }

  /** No turn runs, and nobody waits for an answer of the session. */
  get isQuiet(): boolean {
    return this.#activeTurnId === null && this.#joining === 0 && this.#handle?.isAtWork === false;
  }

  takeSnapshot(): Promise<SessionSnapshot> {
    return new Promise((resolve, reject) => {
      this.handle.takeSnapshot({ onSnapshot: resolve, onError: reject });
    });
  }

  /**
   * Subscribes from exactly the point at which the snapshot was made: what happens afterwards is kept until the fan-out's
   * catchUp() or replay(). The caller must call one of them, or removeSubscriber(). `after` is the last event that it has.
   */
  subscribeAtSnapshot(subscriber: Subscriber, after: EventsCursor | null = null): Promise<JoinedAt> {
    this.#joining += 1;
    this.#considerUnload();
    return new Promise((resolve, reject) => {
      this.handle.takeSnapshot({
        onSnapshot: (snapshot) => {
          this.#joining -= 1;
          const place = this.fanOut.join(subscriber, after, true);
          this.#considerUnload();
          resolve({ snapshot, ...place });
        },
        onError: (error) => {
          this.#joining -= 1;
          this.#considerUnload();
          reject(error);
        },
      });
    });
  }

  /** Stays loaded until `work` is done. */
  async keepWhile<Result>(work: Promise<Result>): Promise<Result> {
    this.#joining += 1;
    this.#considerUnload();
    try {
      return await work;
    } finally {
      this.#joining -= 1;
      this.#considerUnload();
    }
  }

  /** Ends the subscriptions of connections that are gone. */
  dropDeparted(): void {
    this.fanOut.dropDeparted();
    this.#considerUnload();
  }

  addSubscriber(subscriber: Subscriber): void {
    this.fanOut.add(subscriber, true);
    this.#considerUnload();
  }

  /** True when it had been subscribed. */
  removeSubscriber(subscriber: Subscriber): boolean {
    const removed = this.fanOut.remove(subscriber);
    this.#considerUnload();
    return removed;
  }

  takePatch(patch: SessionStatePatch): void {
    const { facts } = this;
    if (patch.status !== undefined) this.#status = patch.status;
    if (patch.activeTurnId !== undefined) this.#activeTurnId = patch.activeTurnId;
    // What keeps nothing is not to be found again by its first words.
    if (patch.preview !== undefined && !facts.ephemeral) facts.preview = patch.preview;
    if (patch.updatedAt !== undefined) facts.updatedAt = patch.updatedAt;
    if (patch.materialized !== undefined) this.materialized = patch.materialized;
    if (patch.settings !== undefined) {
      this.settings = { ...this.settings, ...patch.settings };
      Object.assign(facts, settingFacts(this.settings));
    }
    if (patch.unreadTurnId !== undefined) this.#takeUnread(patch.unreadTurnId);
    this.#considerUnload();
  }

  /** The first unread turn was taken back. What somebody marked as unread stays so. */
  dropUnreadTurn(): void {
    if (this.readState?.firstUnread?.type !== 'turn') return;
    this.#announceReadState(this.#options.readStates.takeBack(this.id));
  }

  /** The session is over and another one takes its place, or its files are about to move: no client is told. */
  markOver(): void {
    this.#isOver = true;
    this.#resolveOver();
    this.#cancelUnload();
  }

  /**
   * The session is over: clients learn that the conversation is not loaded any more. A turn that its session could not
   * end itself, because its worker died, ends as interrupted, which is how it will read; `error` tells why.
   */
  announceClosed(error: DaemonError | null): void {
    this.markOver();
    if (error !== null) this.announceLostTurn(error);
    this.announceNotLoaded();
    this.fanOut.publish('thread/closed', { threadId: this.id });
  }

  announceNotLoaded(): void {
    this.announceStatus({ type: 'notLoaded' });
  }

  announceStatus(status: ThreadStatus): void {
    this.#status = status;
    this.fanOut.publish('thread/status/changed', { threadId: this.id, status });
  }

  /** The running turn, if there is one, was lost with its session, and reads as interrupted. */
  announceLostTurn(cause: DaemonError): void {
    const turnId = this.#activeTurnId;
    if (turnId === null) return;
    const error = toTurnError(cause);
    this.#activeTurnId = null;
    this.announceStatus({ type: 'systemError' });
    this.fanOut.publish('error', { error, willRetry: false, threadId: this.id, turnId });
    this.fanOut.publish('turn/completed', { threadId: this.id, turn: interruptedTurn(turnId, error) });
  }

  toThread(): Thread {
    return toThread(this.facts, this.#status);
  }

  #takeUnread(turnId: string): void {
    if (!this.facts.ephemeral) this.#announceReadState(this.#options.readStates.takeTurn(this.id, turnId));
  }

  #announceReadState(readState: ReadState): void {
    this.fanOut.publish('thread/readState/changed', { threadId: this.id, readState });
  }

  #considerUnload(): void {
    const isWanted = this.fanOut.subscriberCount > 0 || this.#joining > 0 || this.#activeTurnId !== null;
    const idle = !isWanted && !this.#isOver && this.#handle !== null;
    if (!idle) return this.#cancelUnload();
    if (this.#unloadTimer !== null || this.#options.unloadDelayMs === 0) return;
    this.#unloadTimer = setTimeout(() => {
      this.#unloadTimer = null;
      this.#options.onIdle(this);
    }, this.#options.unloadDelayMs);
    this.#unloadTimer.unref();
  }

  #cancelUnload(): void {
    if (this.#unloadTimer !== null) clearTimeout(this.#unloadTimer);
    this.#unloadTimer = null;
  }
}
