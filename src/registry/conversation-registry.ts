// Every loaded conversation of this daemon: one owner each, started, resumed, forked, changed and removed here. Main thread.
import { DaemonError } from '../errors.js';
import type { CutPoint } from '../index/index-messages.js';
import type { Log } from '../log.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { RolloutLine } from '../rollout/line.js';
import { truncateAfterDroppingLastMessages } from '../rollout/truncate-history.js';
import type { InitialHistory, SessionConfigured } from '../session/messages.js';
import type { SessionHandle } from '../session/session-handle.js';
import type { SessionPool } from '../session/session-pool.js';
import type { WorkerWatch } from '../session/worker-watch.js';
import { ConversationArchive } from './conversation-archive.js';
import { ConversationBranches } from './conversation-branches.js';
import { ConversationLoader } from './conversation-loader.js';
import { ConversationNotes } from './conversation-notes.js';
import { ConversationRevival } from './conversation-revival.js';
import { ConversationRemarks } from './conversation-remarks.js';
import { ConversationResume } from './conversation-resume.js';
import type { Resumed } from './conversation-resume.js';
import { ConversationSlots } from './conversation-slots.js';
import { unloadConversation } from './conversation-unload.js';
import type { Conversation } from './conversation.js';
import type { EventsCursor } from './fan-out.js';
import type { Subscriber } from './subscription.js';
import { FreshStart } from './fresh-start.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { PendingRequests } from './pending-requests.js';
import { ProcessGroups } from './process-groups.js';
import { ReadStates } from './read-states.js';
import type {
  ConversationLookup,
  ConversationRequest,
  OwnerLocks,
  RolloutFollowers,
  RolloutWriters,
  SettingsResolver,
} from './seams.js';
import { WatchedConversations } from './watched-conversations.js';
import type { Watch } from './watched-conversations.js';

export interface RegistryOptions {
  home: string;
  version: string;
  /** Names this life of the daemon in every notification. */
  epoch: string;
  /** Bytes of notifications that a conversation keeps for clients that come back. */
  replayBytes: number;
  pool: SessionPool;
  watch: WorkerWatch;
  writers: RolloutWriters;
  locks: OwnerLocks;
  lookup: ConversationLookup;
  followers: RolloutFollowers;
  resolveSettings: SettingsResolver;
  log: Log;
  /** False publishes before recording: only the test of the oracle wants that. */
  recordBeforePublish?: boolean;
}

/** A session has this long to end when the daemon stops: less than it has when it alone is unloaded. */
const CLOSE_LIMIT_MS = 2_800;

export interface RegistryActivity {
  /** Connections. */
  clients: number;
  loadedThreads: number;
  runningTurns: number;
  /** No turn runs or begins, and nobody waits for a session or changes a conversation. */
  isQuiet: boolean;
}

/** A conversation that was just started, resumed or forked. */
export interface NewConversation {
  conversationId: string;
  conversation: Conversation;
  /** The session's first message. */
  sessionConfigured: SessionConfigured;
  /** What was odd about the configuration or the rollout; for the person at the client. */
  warnings: string[];
}

export interface ResumedConversation extends NewConversation {
  /** False for one that attached to a conversation already loaded or just being loaded. */
  loadedNow: boolean;
  /** Fields of the request that were not heeded, because others are at work with what is. */
  ignoredOverrides: string[];
}

export interface ForkedConversation extends NewConversation {
  /** The last file of what it took over, up to where it was cut; null when nothing was. */
  kept: { path: string; end: number } | null;
}

/** Can be embedded: see createRegistry in src/daemon.ts. All failures are DaemonErrors. */
export class ConversationRegistry {
  readonly #options: RegistryOptions;
  readonly #listeners = new Set<Subscriber>();
  readonly #slots = new ConversationSlots();
  readonly #loader: ConversationLoader;
  readonly #revival: ConversationRevival;
  /** What is said of a conversation beside its rollout. */
  readonly remarks: ConversationRemarks;
  readonly #fresh: FreshStart;
  readonly #resume: ConversationResume;
  readonly #branches: ConversationBranches;
  readonly #archive: ConversationArchive;
  #isStopping = false;
  #closing: Promise<string[]> | null = null;
  /** What clients are asked. */
  readonly requests = new PendingRequests();
  /** What the daemon's commands have started, by conversation, or by whoever else runs them. */
  readonly processes: ProcessGroups;
  /** Those that clients look on at because they are not loaded here. */
  readonly watches: WatchedConversations;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const slots = this.#slots;
    this.processes = new ProcessGroups(options.home);
    const readStates = new ReadStates(options.home, options.log);
    const notes = new ConversationNotes(options.home);
    this.#loader = new ConversationLoader({
      ...options,
      readStates,
      recordBeforePublish: options.recordBeforePublish ?? true,
      listeners: this.#listeners,
      requests: this.requests,
      processes: this.processes,
      onSessionOver: (loaded, error) => {
        if (this.#revival.takeOver(loaded, error)) return true;
        slots.markEnding(loaded);
        return false;
      },
      onIdle: (conversation) => {
        void this.removeConversation(conversation.id);
      },
    });
    this.#revival = new ConversationRevival(options, slots, this.#loader);
    this.#fresh = new FreshStart(options, slots, this.#loader);
    this.watches = new WatchedConversations(options, slots, this.#loader);
    this.remarks = new ConversationRemarks({
      ...{ slots, notes, readStates, lookup: options.lookup },
      onReadState: (threadId, readState) => {
        const heard = this.findLoaded(threadId) ?? this.watches.find(threadId);
        heard?.fanOut.publish('thread/readState/changed', { threadId, readState });
      },
    });
    this.#resume = new ConversationResume(options, slots, this.#loader, this.watches);
    this.#archive = new ConversationArchive(options, { slots, notes, readStates });
    this.#branches = new ConversationBranches(options, {
      slots,
      loader: this.#loader,
      fresh: this.#fresh,
      notes,
    });
  }

  /** To be awaited before anything is asked for: ends what a former daemon left half done. Never rejects. */
  async recover(): Promise<void> {
    const { found, survivors } = await this.processes.endOrphans();
    if (found > 0) this.#options.log.warn('ended processes that a former daemon had left', { found, survivors });
    await this.#archive.finishDeletions().catch((error: unknown) => {
      this.#options.log.error('a deletion could not be finished', { error: String(error) });
    });
  }

  /** Starts a conversation; nothing is on disk before its first input but its lock. */
  async newConversation(request: ConversationRequest): Promise<NewConversation> {
    this.refuseWhenStopping();
    const resolved = await this.#options.resolveSettings(request, null);
    if (resolved.resumePath !== null) return this.resumeConversationFromRollout(resolved.resumePath, request);
    const history: InitialHistory = { type: 'new', mode: request.historyMode ?? 'paginated' };
    return asNew(await this.#fresh.begin(request, resolved, history), resolved.warnings);
  }

  /**
   * Throws conversation_not_found when it is not loaded, shutting_down when it was unloaded because the daemon stops,
   * already_has_writer when clients look on at what another process owns.
   */
  getConversation(conversationId: string): Conversation {
    const conversation = this.findLoaded(conversationId);
    if (conversation !== null) return conversation;
    throw this.#notLoaded(conversationId);
  }

  /** The same, after a while for one that is just being loaded: one whose session died, for example. */
  async awaitConversation(conversationId: string): Promise<Conversation> {
    const conversation = await this.settle(conversationId);
    if (conversation !== null) return conversation;
    throw this.#notLoaded(conversationId);
  }

  /** The loaded conversation, once nobody is loading, ending or holding it; null when it is not loaded then. */
  async settle(conversationId: string): Promise<Conversation | null> {
    return (await this.#slots.settled(conversationId))?.conversation ?? null;
  }

  findLoaded(conversationId: string): Conversation | null {
    return this.#slots.find(conversationId)?.conversation ?? null;
  }

  /** Ids of all loaded conversations, sorted. */
  loadedIds(): string[] {
    return this.#slots
      .loaded()
      .map(({ conversation }) => conversation.id)
      .sort();
  }

  /** The worker thread of each loaded conversation. */
  sessionThreads(): Record<string, number> {
    return Object.fromEntries(
      this.#slots.loaded().map(({ conversation }) => [conversation.id, conversation.configured.threadId]),
    );
  }

  /** Ends the conversation's session, closes its file and frees its lock. False when it was not loaded. */
  async removeConversation(conversationId: string): Promise<boolean> {
    const loaded = await this.#slots.beginEnding(conversationId);
    await loaded?.end();
    return loaded !== null;
  }

  /** For all its clients, at once. See unloadConversation(). */
  unloadConversation(conversationId: string, interrupt: boolean): Promise<void> {
    const remove = (id: string): Promise<boolean> => this.removeConversation(id);
    return unloadConversation(conversationId, interrupt, { slots: this.#slots, lookup: this.#options.lookup, remove });
  }

  /** Lets a client look on at it without loading it; where it is loaded here, this is a resume. See WatchedConversations. */
  async watchConversation(
    of: { id: string } | { path: string },
    request: ConversationRequest,
    subscriber: Subscriber,
    after: EventsCursor | null = null,
  ): Promise<Watch | ResumedConversation> {
    this.refuseWhenStopping();
    const joined = await this.watches.watch(of, subscriber, after);
    return 'watched' in joined ? joined : asResumed(await this.#resume.join(joined, request));
  }

  /** Ends a client's subscription; null when the conversation is neither loaded nor looked on at. */
  unsubscribe(conversationId: string, subscriber: Subscriber): boolean | null {
    const loaded = this.findLoaded(conversationId);
    return loaded === null ? this.watches.unsubscribe(conversationId, subscriber) : loaded.removeSubscriber(subscriber);
  }

  /** By id: attaches to the loaded conversation, or loads it. See ConversationResume. */
  async resumeConversation(conversationId: string, request: ConversationRequest): Promise<ResumedConversation> {
    this.refuseWhenStopping();
    return asResumed(await this.#resume.byId(conversationId, request));
  }

  /**
   * Continues the conversation of a rollout: same id, same file, appended to. Throws stale_path when it is loaded from
   * another file or has gone on in one, and when the path leads nowhere and `meantId` is loaded.
   */
  async resumeConversationFromRollout(
    rolloutPath: string,
    request: ConversationRequest,
    meantId: string | null = null,
  ): Promise<ResumedConversation> {
    this.refuseWhenStopping();
    return asResumed(await this.#resume.byPath(rolloutPath, request, meantId));
  }

  /**
   * A new conversation that begins with another's items, less the `dropLastMessages` last user messages and all after
   * the first of them; with fewer user messages than that, a new one.
   */
  async forkConversation(
    items: RolloutLine[],
    dropLastMessages: number,
    request: ConversationRequest,
    forkedFromId: string | null = null,
  ): Promise<NewConversation> {
    this.refuseWhenStopping();
    const resolved = await this.#options.resolveSettings(request, null);
    const kept = truncateAfterDroppingLastMessages(items, dropLastMessages);
    const history: InitialHistory =
      kept.type === 'new' ? { type: 'new', mode: 'paginated' } : { type: 'forked', forkedFromId, items: kept.items };
    return asNew(await this.#fresh.begin(request, resolved, history), resolved.warnings);
  }

  /** A new conversation with another's history up to `at`, recorded unless it is ephemeral. See ConversationBranches. */
  async branchConversation(
    of: { id: string } | { path: string },
    at: CutPoint,
    request: ConversationRequest,
  ): Promise<ForkedConversation> {
    this.refuseWhenStopping();
    const { loaded, kept, warnings } = await this.#branches.fork(of, at, request);
    return { ...asNew(loaded, warnings), kept };
  }

  /** Takes a turn and all after it back. See ConversationBranches. */
  async revertConversation(conversationId: string, beforeTurnId: string): Promise<Conversation> {
    this.watches.refuseChange(conversationId);
    return this.#branches.revert(conversationId, beforeTurnId);
  }

  archiveConversation(conversationId: string): Promise<void> {
    return this.#archive.archive(conversationId);
  }

  unarchiveConversation(conversationId: string): Promise<void> {
    return this.#archive.unarchive(conversationId);
  }

  /** Resolves to the ids of all that was deleted. See ConversationArchive. */
  deleteConversation(conversationId: string, cascade: boolean): Promise<string[]> {
    return this.#archive.delete(conversationId, cascade);
  }

  /** Tells everybody who listens of what befell a conversation, loaded or not. */
  announce(conversationId: string, method: NotificationName, params: unknown): void {
    this.#loader.announce(conversationId, method, params);
  }

  /** A connection that hears what concerns everybody; ends its subscriptions too when it is removed. */
  addListener(listener: Subscriber): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: Subscriber): void {
    this.#listeners.delete(listener);
    for (const { conversation } of this.#slots.loaded()) conversation.removeSubscriber(listener);
    this.watches.drop(listener);
  }

  /** The writer is gone for good: every conversation that writes fails, with its reason. */
  loseWriters(error: DaemonError): void {
    this.#loader.loseWriters(error);
  }

  /** A new writer thread took over from a dead one. */
  replaceWriter(conversationId: string, port: Parameters<SessionHandle['replaceWriter']>[0]): void {
    this.#loader.replaceWriter(conversationId, port);
  }

  /** What is at work at this moment. */
  activity(): RegistryActivity {
    const loaded = this.#slots.loaded().map(({ conversation }) => conversation);
    return {
      clients: this.#listeners.size,
      loadedThreads: loaded.length,
      runningTurns: loaded.filter(({ activeTurnId }) => activeTurnId !== null).length,
      isQuiet: this.#slots.isSettled && loaded.every(({ isQuiet }) => isQuiet),
    };
  }

  /** From now on no conversation is loaded and no turn begun (shutting_down); what runs goes on. */
  stopBeginning(): void {
    this.#isStopping = true;
  }

  /** Throws shutting_down once nothing new may begin. */
  refuseWhenStopping(): void {
    if (this.#isStopping) throw new DaemonError('shutting_down', 'the daemon is shutting down');
  }

  /**
   * Ends every session; running turns end as interrupted. Resolves when all have ended or the time is over, to the ids of
   * those that have not; may be called twice. Never rejects.
   */
  close(limitMs = CLOSE_LIMIT_MS): Promise<string[]> {
    this.stopBeginning();
    this.#revival.close();
    this.watches.close();
    return (this.#closing ??= this.#endAll(limitMs));
  }

  /** Commands are ended beside: also those of a session that does not end. */
  async #endAll(limitMs: number): Promise<string[]> {
    const left = this.#slots.endAll(limitMs);
    const { survivors } = await this.processes.endAll();
    if (survivors.length > 0) this.#options.log.warn('processes that could not be ended', { survivors });
    return left;
  }

  /** What the daemon unloads because it stops, clients find again when it is back. */
  #notLoaded(id: string): DaemonError {
    if (this.#isStopping) return new DaemonError('shutting_down', 'the daemon is shutting down');
    return this.watches.refusalOf(id) ?? new DaemonError('conversation_not_found', `thread not found: ${id}`);
  }
}

function asNew({ conversation }: LoadedConversation, warnings: string[]): NewConversation {
  const { id, configured } = conversation;
  const all = [...warnings, ...configured.history.warnings];
  return { conversationId: id, conversation, sessionConfigured: configured, warnings: all };
}

function asResumed({ loaded, warnings, loadedNow, ignoredOverrides }: Resumed): ResumedConversation {
  return { ...asNew(loaded, warnings), loadedNow, ignoredOverrides };
}
