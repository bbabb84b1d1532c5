// Every loaded conversation of this daemon: one owner each, started, resumed, forked and removed here. Main thread.
import { v7 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { RolloutLine } from '../rollout/line.js';
import { truncateAfterDroppingLastMessages } from '../rollout/truncate-history.js';
import type { InitialHistory, SessionConfigured } from '../session/messages.js';
import type { SessionHandle } from '../session/session-handle.js';
import type { SessionPool } from '../session/session-pool.js';
import { freshFacts, resumedFacts } from './conversation-facts.js';
import { ConversationLoader } from './conversation-loader.js';
import type { LoadedConversation } from './conversation-loader.js';
import type { Conversation } from './conversation.js';
import type { Subscriber } from './fan-out.js';
import { readGitInfo } from './git-info.js';
import type {
  ConversationLookup,
  ConversationRequest,
  OwnerLocks,
  ResolvedSettings,
  RolloutWriters,
  SettingsResolver,
} from './seams.js';

export interface RegistryOptions {
  home: string;
  version: string;
  /** Names this life of the daemon in every notification. */
  epoch: string;
  pool: SessionPool;
  writers: RolloutWriters;
  locks: OwnerLocks;
  lookup: ConversationLookup;
  resolveSettings: SettingsResolver;
  log: Log;
  /** False publishes before recording: only the test of the oracle wants that. */
  recordBeforePublish?: boolean;
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

/** `loadedNow` is false for one that attached to a conversation already loaded or just being loaded. */
export type ResumedConversation = NewConversation & { loadedNow: boolean };

/** Where a conversation stands. One that is in none of these states is not loaded. */
type Slot =
  | { state: 'starting'; started: Promise<NewConversation> }
  | { state: 'loaded'; loaded: LoadedConversation }
  | { state: 'ending'; released: Promise<void> };

/**
 * Can be embedded: see createRegistry in src/daemon.ts. All failures are DaemonErrors. A conversation has its slot from
 * the moment its start was asked for until its lock is free again, so that ten who resume one id at once get one
 * session, and nobody gets one that is about to end.
 */
export class ConversationRegistry {
  readonly #options: RegistryOptions;
  readonly #listeners = new Set<Subscriber>();
  readonly #slots = new Map<string, Slot>();
  readonly #loader: ConversationLoader;
  #closed = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#loader = new ConversationLoader({
      ...options,
      recordBeforePublish: options.recordBeforePublish ?? true,
      listeners: this.#listeners,
      onSessionOver: (loaded) => this.#markEnding(loaded),
      onIdle: (conversation) => {
        void this.removeConversation(conversation.id);
      },
    });
  }

  /** Starts a conversation; nothing is on disk before its first input but its lock. */
  async newConversation(request: ConversationRequest): Promise<NewConversation> {
    const resolved = this.#options.resolveSettings(request, null);
    if (resolved.resumePath !== null) return this.resumeConversationFromRollout(resolved.resumePath, request);
    return this.#startFresh(request, resolved, { type: 'new' });
  }

  /** Throws conversation_not_found when it is not loaded. */
  getConversation(conversationId: string): Conversation {
    const conversation = this.findLoaded(conversationId);
    if (conversation !== null) return conversation;
    throw new DaemonError('conversation_not_found', `thread not found: ${conversationId}`);
  }

  findLoaded(conversationId: string): Conversation | null {
    const slot = this.#slots.get(conversationId);
    return slot?.state === 'loaded' ? slot.loaded.conversation : null;
  }

  /** Ids of all loaded conversations, sorted. */
  loadedIds(): string[] {
    return this.#loaded()
      .map(({ conversation }) => conversation.id)
      .sort();
  }

  /** The worker thread of each loaded conversation. */
  sessionThreads(): Record<string, number> {
    return Object.fromEntries(
      this.#loaded().map(({ conversation }) => [conversation.id, conversation.configured.threadId]),
    );
  }

  /** Ends the conversation's session, closes its file and frees its lock. False when it was not loaded. */
  async removeConversation(conversationId: string): Promise<boolean> {
    const slot = this.#slots.get(conversationId);
    if (slot === undefined) return false;
    if (slot.state === 'ending') {
      await slot.released;
      return false;
    }
    if (slot.state === 'starting') {
      await slot.started.catch(() => undefined);
      return this.removeConversation(conversationId);
    }
    this.#markEnding(slot.loaded);
    await slot.loaded.end();
    return true;
  }

  /** By id: attaches to the loaded conversation, or loads it. */
  resumeConversation(conversationId: string, request: ConversationRequest): Promise<ResumedConversation> {
    return this.#resume(conversationId, null, request);
  }

  /** Continues the conversation of a rollout: same id, same file, appended to. Throws stale_path when another is loaded. */
  async resumeConversationFromRollout(rolloutPath: string, request: ConversationRequest): Promise<ResumedConversation> {
    const summary = await this.#options.lookup.describe(rolloutPath);
    const resumed = await this.#resume(summary.id, summary.path, request);
    const { path } = resumed.conversation.facts;
    if (path === summary.path) return resumed;
    const message = `cannot resume thread ${summary.id} with stale path: expected \`${path}\`, got \`${rolloutPath}\``;
    throw new DaemonError('stale_path', message);
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
    const resolved = this.#options.resolveSettings(request, null);
    const kept = truncateAfterDroppingLastMessages(items, dropLastMessages);
    const history: InitialHistory =
      kept.type === 'new' ? { type: 'new' } : { type: 'forked', forkedFromId, items: kept.items };
    return this.#startFresh(request, resolved, history);
  }

  /** A connection that hears what concerns everybody; ends its subscriptions too when it is removed. */
  addListener(listener: Subscriber): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: Subscriber): void {
    this.#listeners.delete(listener);
    for (const { conversation } of this.#loaded()) conversation.removeSubscriber(listener);
  }

  /** The writer is gone for good: every conversation that writes fails, with its reason. */
  loseWriters(error: DaemonError): void {
    this.#loader.loseWriters(error);
  }

  /** A new writer thread took over from a dead one. */
  replaceWriter(conversationId: string, port: Parameters<SessionHandle['replaceWriter']>[0]): void {
    this.#loader.replaceWriter(conversationId, port);
  }

  /** Ends every session; running turns end as interrupted. A session that does not answer is left after some seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#slots.keys()].map((id) => this.removeConversation(id)));
  }

  async #startFresh(
    request: ConversationRequest,
    { settings, warnings, unloadDelayMs }: ResolvedSettings,
    history: InitialHistory,
  ): Promise<NewConversation> {
    const { home, version, locks } = this.#options;
    const id = uuid();
    return this.#start(id, warnings, async () => {
      const createdAt = new Date();
      const path = request.ephemeral ? null : rolloutPathFor(home, createdAt, id);
      const git = path === null ? null : await readGitInfo(settings.cwd);
      const forkedFromId = history.type === 'forked' ? history.forkedFromId : null;
      const facts = freshFacts({ id, path, forkedFromId, createdAt, version, git }, settings, request);
      const { originator } = request;
      const meta = { createdAt: createdAt.toISOString(), originator, cliVersion: version, source: 'vscode', git };
      const lease = path === null ? null : await locks.acquire(id);
      return this.#loader.load({ history, facts, meta, settings, unloadDelayMs, lease });
    });
  }

  async #resume(
    conversationId: string,
    rolloutPath: string | null,
    request: ConversationRequest,
  ): Promise<ResumedConversation> {
    const slot = this.#slots.get(conversationId);
    switch (slot?.state) {
      case 'loaded':
        return { ...asNew(slot.loaded.conversation, []), loadedNow: false };
      case 'starting':
        return { ...(await slot.started), loadedNow: false };
      case 'ending':
        await slot.released;
        return this.#resume(conversationId, rolloutPath, request);
      case undefined: {
        const warnings: string[] = [];
        const started = await this.#start(conversationId, warnings, () =>
          this.#loadRollout(conversationId, rolloutPath, request, warnings),
        );
        return { ...started, loadedNow: true };
      }
    }
  }

  /** The lock comes first: what is read afterwards is what will be appended to. */
  async #loadRollout(
    conversationId: string,
    rolloutPath: string | null,
    request: ConversationRequest,
    warnings: string[],
  ): Promise<LoadedConversation> {
    const { lookup, locks, resolveSettings, version } = this.#options;
    const lease = await locks.acquire(conversationId);
    let plan;
    try {
      const found = rolloutPath ?? (await lookup.find(conversationId));
      if (found === null) {
        throw new DaemonError('rollout_not_found', `no rollout found for thread id ${conversationId}`);
      }
      const summary = await lookup.describe(found);
      if (summary.archived) {
        throw new DaemonError('conversation_archived', `session ${conversationId} is archived: unarchive it first`);
      }
      const { settings, unloadDelayMs, warnings: odd } = resolveSettings(request, summary);
      warnings.push(...odd);
      const { originator } = request;
      plan = {
        history: { type: 'resumed' as const, conversationId, rolloutPath: summary.path },
        facts: resumedFacts(summary, settings),
        meta: { createdAt: '', originator, cliVersion: version, source: 'vscode', git: null },
        settings,
        unloadDelayMs,
        lease,
      };
    } catch (error) {
      await lease.release();
      throw error;
    }
    return this.#loader.load(plan);
  }

  /** Holds the slot from the first moment; the slot is free again when the start failed. */
  #start(id: string, warnings: string[], load: () => Promise<LoadedConversation>): Promise<NewConversation> {
    if (this.#closed) return Promise.reject(new DaemonError('shutting_down', 'the daemon is shutting down'));
    const begin = async (): Promise<NewConversation> => {
      try {
        const loaded = await load();
        const { conversation } = loaded;
        // A session may end in the very moment in which it got ready.
        if (conversation.isOver) throw new DaemonError('session_failed', 'the session has ended');
        this.#slots.set(id, { state: 'loaded', loaded });
        return asNew(conversation, [...warnings, ...conversation.configured.history.warnings]);
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

  /** From now on nobody finds it, and whoever wants it waits until its lock is free. */
  #markEnding(loaded: LoadedConversation): void {
    const { id } = loaded.conversation;
    const slot = this.#slots.get(id);
    if (slot?.state !== 'loaded' || slot.loaded !== loaded) return;
    const ending: Slot = { state: 'ending', released: loaded.released };
    this.#slots.set(id, ending);
    void loaded.released.then(() => {
      if (this.#slots.get(id) === ending) this.#slots.delete(id);
    });
  }

  #loaded(): LoadedConversation[] {
    return [...this.#slots.values()].flatMap((slot) => (slot.state === 'loaded' ? [slot.loaded] : []));
  }
}

function asNew(conversation: Conversation, warnings: string[]): NewConversation {
  const { id, configured } = conversation;
  return { conversationId: id, conversation, sessionConfigured: configured, warnings };
}
