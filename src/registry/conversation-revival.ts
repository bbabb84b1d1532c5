// Conversations whose session died under them: each gets another one from its rollout at once, clients and numbers stay. Main thread.
import type { DaemonError, DaemonErrorCode } from '../errors.js';
import type { Log } from '../log.js';
import type { ThreadItem, TurnError } from '../protocol/thread.js';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { InitialHistory } from '../session/messages.js';
import type { ConversationLoader } from './conversation-loader.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { Conversation } from './conversation.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { laterThan } from './later-than.js';
import type { ConversationLookup } from './seams.js';
import { readToldItems } from './told-items.js';
import type { ToldItems } from './told-items.js';

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
  ['rollout_write_failed', { counts: false }],
]);

/** Deaths of one conversation within so long a time after which it is given up. */
const MAX_DEATHS = 3;
const DEATH_WINDOW_MS = 60_000;

export class ConversationRevival {
  readonly #options: RevivalOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: ConversationLoader;
  /** When the sessions of a conversation died, by the monotonic clock. */
  readonly #deaths = new Map<string, number[]>();
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
    const cause = error === null ? undefined : REVIVED.get(error.code);
    if (error === null || cause === undefined || this.#isClosed || !conversation.isConfigured) return false;
    if (conversation.facts.path === null || !(conversation.materialized || lost.begun !== null)) return false;
    if (cause.counts && this.#countDeath(conversation.id) > MAX_DEATHS) return false;
    return this.#slots.replace(lost, () => this.#revive(lost, error));
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
    const { log } = this.#options;
    const { conversation } = lost;
    conversation.announceStatus({ type: 'systemError' });
    let loaded: LoadedConversation;
    try {
      // Its file is closed by then.
      await lost.released;
      loaded = await this.#load(lost);
    } catch (failure) {
      log.error('a conversation whose session died could not be loaded again', { conversationId: lost.id, failure });
      conversation.announceClosed(error);
      throw failure;
    }
    try {
      await this.#endTurn(conversation, loaded.conversation, error);
    } catch (failure) {
      log.error('the end of a lost turn could not be recorded', { conversationId: lost.id, failure });
      conversation.announceLostTurn(error);
    }
    return loaded;
  }

  async #load(lost: LoadedConversation): Promise<LoadedConversation> {
    const { version } = this.#options;
    const { conversation, lease } = lost;
    const { facts, settings, fanOut, unloadDelayMs } = conversation;
    let found: { path: string; history: InitialHistory };
    try {
      found = await this.#find(lost);
    } catch (failure) {
      await lease?.release();
      throw failure;
    }
    const originator = facts.originator ?? 'unknown';
    const createdAt = new Date(facts.createdAt * 1000).toISOString();
    const meta = { createdAt, originator, cliVersion: version, source: 'vscode', git: null };
    const loaded = await this.#loader.load({
      history: found.history,
      facts: { ...facts, path: found.path },
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

  /** The turn that ran is told as the file has it from then on: as failed, unless it had ended there. */
  async #endTurn(lost: Conversation, revived: Conversation, error: DaemonError): Promise<void> {
    const { lookup } = this.#options;
    const { activeTurnId: turnId, facts, fanOut } = lost;
    if (turnId === null) return revived.announceStatus({ type: 'idle' });
    const told = readToldItems(fanOut.keptFrames(), turnId);
    const turnError = toTurnError(error);
    await revived.carryOut({ type: 'endLostTurn', turn: { turnId, error: turnError, toldItems: told.open } });
    const turn = await lookup.lastTurn(facts.id, facts.path!);
    if (turn?.id !== turnId) return lost.announceLostTurn(error);
    for (const item of turn.items) if (isUnended(item, told)) this.#announceItem(revived, turnId, item);
    if (turn.status === 'failed')
      fanOut.publish('error', { error: turnError, willRetry: false, threadId: revived.id, turnId });
    else revived.announceStatus({ type: 'idle' });
    if (turn.status !== 'interrupted') revived.takePatch({ unreadTurnId: turnId });
    const shown = turn.status === 'failed' ? { ...turn, error: turnError } : turn;
    const wire = { ...shown, items: [], itemsView: 'notLoaded' };
    fanOut.publish('turn/completed', { threadId: revived.id, turn: wire });
  }

  #announceItem({ id, fanOut }: Conversation, turnId: string, item: ThreadItem): void {
    const completedAtMs = item.completedAtMs ?? Date.now();
    fanOut.publish('item/completed', { item, threadId: id, turnId, contentTokenCount: null, completedAtMs });
  }
}

/** Told to have begun and not to have ended; what was cut short had not ended either. */
function isUnended(item: ThreadItem, { open, ended }: ToldItems): boolean {
  if (open.some(({ id }) => id === item.id)) return true;
  return 'partial' in item && item.partial === true && !ended.has(item.id);
}

function toTurnError({ code, message }: DaemonError): TurnError {
  return { message, codexErrorInfo: 'other', additionalDetails: code, misalignment: null };
}
