// Conversations whose session died under them: each gets another one from its rollout at once, clients and numbers stay. Main thread.
import { DaemonError } from '../errors.js';
import type { DaemonErrorCode } from '../errors.js';
import type { Log } from '../log.js';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { InitialHistory } from '../session/messages.js';
import type { ConversationLoader } from './conversation-loader.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { LostTurn } from './lost-turn.js';
import { laterThan } from './later-than.js';
import type { ConversationLookup } from './seams.js';

export interface RevivalOptions {
  home: string;
  version: string;
  lookup: ConversationLookup;
  log: Log;
}

/** Causes that another session may not meet again, and whether one that meets them often takes others along. */
const REVIVED: ReadonlyMap<DaemonErrorCode, { counts: boolean }> = new Map([
  ['worker_lost', { counts: true }],
  ['session_failed', { counts: true }],
  ['index_lost', { counts: true }],
  ['rollout_write_failed', { counts: false }],
]);

/** Deaths of one conversation within so long a time after which it is given up. */
const MAX_DEATHS = 10;
const DEATH_WINDOW_MS = 60_000;

export class ConversationRevival {
  readonly #options: RevivalOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: ConversationLoader;
  /** When the sessions of a conversation died, by the monotonic clock. */
  readonly #deaths = new Map<string, number[]>();
  readonly #reviving = new Set<string>();
  #isClosed = false;

  constructor(options: RevivalOptions, slots: ConversationSlots, loader: ConversationLoader) {
    this.#options = options;
    this.#slots = slots;
    this.#loader = loader;
  }

  /** From now on what dies stays dead. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * To be asked at once when a session is over. True when the conversation is loaded again: its lock is kept then, and
   * whoever wants it waits for the new session. Else, or when that fails, it is closed with `error`.
   */
  takeOver(lost: LoadedConversation, error: DaemonError | null): boolean {
    const { conversation } = lost;
    // It died on the way: whoever brings it back sees that.
    if (this.#reviving.has(lost.id)) return true;
    if (error === null || !this.#mayRevive(lost.id, error) || !conversation.isConfigured) return false;
    if (conversation.facts.path === null || !(conversation.materialized || lost.begun !== null)) return false;
    return this.#slots.replace(lost, () => this.#revive(lost, error));
  }

  #mayRevive(id: string, { code }: DaemonError): boolean {
    const cause = REVIVED.get(code);
    if (this.#isClosed || cause === undefined) return false;
    return !(cause.counts || this.#reviving.has(id)) || this.#countDeath(id) <= MAX_DEATHS;
  }

  #countDeath(id: string): number {
    const now = performance.now();
    for (const [each, times] of this.#deaths) {
      if (now - times.at(-1)! > DEATH_WINDOW_MS) this.#deaths.delete(each);
    }
    const recent = (this.#deaths.get(id) ?? []).filter((time) => now - time <= DEATH_WINDOW_MS);
    recent.push(now);
    this.#deaths.set(id, recent);
    return recent.length;
  }

  async #revive(lost: LoadedConversation, error: DaemonError): Promise<LoadedConversation> {
    const { id, conversation, lease } = lost;
    const turn = new LostTurn(conversation, error, this.#options.lookup);
    this.#reviving.add(id);
    conversation.announceStatus({ type: 'systemError' });
    // Its file is closed by then.
    await lost.released;
    try {
      for (;;) {
        try {
          return await this.#attempt(lost, turn);
        } catch (failure) {
          const cause = DaemonError.from(failure, 'session_failed');
          if (this.#mayRevive(id, cause)) continue;
          this.#options.log.error('a conversation whose session died could not be loaded again', { id, failure });
          await lease?.release();
          conversation.announceClosed(error);
          throw failure;
        }
      }
    } finally {
      this.#reviving.delete(id);
    }
  }

  /** Rejects with why the new session died as well, once its file is closed. */
  async #attempt(lost: LoadedConversation, turn: LostTurn): Promise<LoadedConversation> {
    const loaded = await this.#load(lost);
    const { conversation } = loaded;
    try {
      await turn.end(conversation);
      if (!conversation.isOver) return loaded;
    } catch (failure) {
      // One that cannot be written to may still be read.
      if (!conversation.isOver) await loaded.end();
      await loaded.released;
      throw failure;
    }
    await loaded.released;
    throw new DaemonError('session_failed', 'the session has ended');
  }

  async #load(lost: LoadedConversation): Promise<LoadedConversation> {
    const { version } = this.#options;
    const { conversation, lease } = lost;
    const { facts, settings, fanOut, unloadDelayMs } = conversation;
    const { path, history } = await this.#find(lost);
    const originator = facts.originator ?? 'unknown';
    const createdAt = new Date(facts.createdAt * 1000).toISOString();
    const meta = { createdAt, originator, cliVersion: version, source: 'vscode', git: null };
    const loaded = await this.#loader.load({
      history,
      facts: { ...facts, path },
      meta,
      settings,
      unloadDelayMs,
      lease,
      fanOut,
    });
    loaded.conversation.dropDeparted();
    return loaded;
  }

  /** One that had no file, as far as it was told, begins one: behind what was left of an attempt. */
  async #find({ conversation, begun }: LoadedConversation): Promise<{ path: string; history: InitialHistory }> {
    const { lookup, home } = this.#options;
    const { id, facts, materialized } = conversation;
    const path = facts.path!;
    const left = materialized ? path : await lookup.find(id);
    if (left === null) return { path, history: begun! };
    try {
      const { sources } = await lookup.describe(left);
      return { path: left, history: { type: 'resumed', conversationId: id, rolloutPath: left, sources } };
    } catch (error) {
      if (materialized) throw error;
      return { path: rolloutPathFor(home, laterThan(left), id), history: begun! };
    }
  }
}
