// Every loaded conversation of this daemon: one owner each, started, resumed, forked and removed here. Main thread.
import path from 'node:path';
import { v7 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { ConversationSummary } from '../index/index-messages.js';
import type { Log } from '../log.js';
import type { ThreadStatus } from '../protocol/thread.js';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { RolloutLine } from '../rollout/line.js';
import { truncateAfterDroppingLastMessages } from '../rollout/truncate-history.js';
import type { InitialHistory, SessionConfigured, SessionMeta, SessionSettings } from '../session/messages.js';
import { SessionHandle } from '../session/session-handle.js';
import type { SessionPool } from '../session/session-pool.js';
import { Conversation } from './conversation.js';
import { FanOut } from './fan-out.js';
import { readGitInfo } from './git-info.js';
import type { Subscriber } from './fan-out.js';
import type { ConversationFacts } from './thread-view.js';
import type { ConversationLookup, ConversationRequest, OwnerLocks, RolloutWriters, SettingsResolver } from './seams.js';

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

interface StartPlan {
  id: string;
  history: InitialHistory;
  facts: ConversationFacts;
  meta: SessionMeta;
  settings: SessionSettings;
  unloadDelayMs: number;
  warnings: string[];
}

/**
 * Can be embedded: construct it with its parts (see src/daemon.ts) and use it without any server. All failures are
 * DaemonErrors. A conversation is in the map from the moment its start was asked for, so that ten who resume one id at
 * once get one session.
 */
export class ConversationRegistry {
  readonly #options: RegistryOptions;
  readonly #listeners = new Set<Subscriber>();
  readonly #loaded = new Map<string, Conversation>();
  readonly #starting = new Map<string, Promise<NewConversation>>();
  readonly #ending = new Map<string, Promise<void>>();
  /** Where the numbers of conversations that were unloaded go on when they are loaded again: same epoch, same count. */
  readonly #lastSeqs = new Map<string, number>();
  #closed = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Starts a conversation; nothing is on disk before its first input but its lock. */
  async newConversation(request: ConversationRequest): Promise<NewConversation> {
    const resolved = this.#options.resolveSettings(request, null);
    if (resolved.resumePath !== null) return this.resumeConversationFromRollout(resolved.resumePath, request);
    return this.#startFresh(request, { type: 'new' }, null);
  }

  /** Throws conversation_not_found when it is not loaded. */
  getConversation(conversationId: string): Conversation {
    const conversation = this.#loaded.get(conversationId);
    if (conversation === undefined) {
      throw new DaemonError('conversation_not_found', `thread not found: ${conversationId}`);
    }
    return conversation;
  }

  findLoaded(conversationId: string): Conversation | null {
    return this.#loaded.get(conversationId) ?? null;
  }

  /** Ids of all loaded conversations, sorted. */
  loadedIds(): string[] {
    return [...this.#loaded.keys()].sort();
  }

  /** The worker thread of each loaded conversation. */
  sessionThreads(): Record<string, number> {
    const started = [...this.#loaded].filter(([, { configured }]) => configured !== null);
    return Object.fromEntries(started.map(([id, { configured }]) => [id, configured!.threadId]));
  }

  /** Ends the conversation's session, closes its file and frees its lock. False when it was not loaded. */
  async removeConversation(conversationId: string): Promise<boolean> {
    const starting = this.#starting.get(conversationId);
    if (starting !== undefined) await starting.catch(() => undefined);
    const conversation = this.#loaded.get(conversationId);
    if (conversation !== undefined) {
      const ending = this.#ending;
      // A resume that comes from now on waits, then loads it again; #takeEnd puts the rest of the end in this place.
      ending.set(conversationId, ending.get(conversationId) ?? conversation.handle.end());
      await conversation.handle.end();
    }
    await this.#ending.get(conversationId);
    return conversation !== undefined;
  }

  /** By id: attaches to the loaded conversation, or loads it. `loadedNow` tells which. */
  async resumeConversation(
    conversationId: string,
    request: ConversationRequest,
  ): Promise<NewConversation & { loadedNow: boolean }> {
    while (this.#ending.has(conversationId)) await this.#ending.get(conversationId);
    const loaded = this.#loaded.get(conversationId);
    if (loaded?.configured) return { ...asNew(loaded), loadedNow: false };
    const starting = this.#starting.get(conversationId);
    if (starting !== undefined) return { ...(await starting), loadedNow: false };
    const started = this.#resumeUnloaded(conversationId, null, request);
    this.#starting.set(conversationId, started);
    try {
      return { ...(await started), loadedNow: true };
    } finally {
      this.#starting.delete(conversationId);
    }
  }

  /** Continues the conversation of a rollout: same id, same file, appended to. */
  async resumeConversationFromRollout(
    rolloutPath: string,
    request: ConversationRequest,
  ): Promise<NewConversation & { loadedNow: boolean }> {
    const summary = await this.#options.lookup.describe(rolloutPath);
    const loaded = this.#loaded.get(summary.id);
    if (loaded !== undefined && loaded.facts.path !== summary.path) {
      const message = `cannot resume thread ${summary.id} with stale path: expected \`${loaded.facts.path}\`, got \`${rolloutPath}\``;
      throw new DaemonError('stale_path', message);
    }
    return this.resumeConversation(summary.id, request);
  }

  /**
   * A new conversation that begins with another's items, less the `dropLastMessages` last user messages and all after
   * the first of them; with fewer user messages than that, a new one.
   */
  forkConversation(
    items: RolloutLine[],
    dropLastMessages: number,
    request: ConversationRequest,
    forkedFromId: string | null = null,
  ): Promise<NewConversation> {
    const kept = truncateAfterDroppingLastMessages(items, dropLastMessages);
    if (kept.type === 'new') return this.#startFresh(request, { type: 'new' }, null);
    return this.#startFresh(request, { type: 'forked', forkedFromId, items: kept.items }, forkedFromId);
  }

  /** A connection that hears what concerns everybody; ends its subscriptions too when it is removed. */
  addListener(listener: Subscriber): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: Subscriber): void {
    this.#listeners.delete(listener);
    for (const conversation of this.#loaded.values()) conversation.removeSubscriber(listener);
  }

  /** notLoaded for what is not loaded. */
  statusOf(conversationId: string): ThreadStatus {
    return this.#loaded.get(conversationId)?.status ?? { type: 'notLoaded' };
  }

  /** Ends every session; running turns end as interrupted. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting.values());
    await Promise.all(this.loadedIds().map((id) => this.removeConversation(id)));
    await Promise.all(this.#ending.values());
  }

  async #startFresh(
    request: ConversationRequest,
    history: InitialHistory,
    forkedFromId: string | null,
  ): Promise<NewConversation> {
    const { home, version, resolveSettings } = this.#options;
    const { settings, warnings, unloadDelayMs } = resolveSettings(request, null);
    const id = uuid();
    const createdAt = new Date();
    const git = request.ephemeral ? null : await readGitInfo(settings.cwd);
    const seconds = Math.floor(createdAt.getTime() / 1000);
    const facts: ConversationFacts = {
      id,
      path: request.ephemeral ? null : rolloutPathFor(home, createdAt, id),
      ephemeral: request.ephemeral,
      historyMode: 'paginated',
      preview: '',
      modelProvider: settings.provider.id,
      model: settings.model,
      reasoningEffort: settings.reasoningEffort,
      createdAt: seconds,
      updatedAt: seconds,
      cwd: settings.cwd,
      cliVersion: version,
      originator: request.originator,
      source: 'vscode',
      gitInfo: git === null ? null : toGitInfo(git),
      name: null,
      forkedFromId,
      threadSource: request.threadSource,
    };
    const meta: SessionMeta = {
      createdAt: createdAt.toISOString(),
      originator: request.originator,
      cliVersion: version,
      source: 'vscode',
      git,
    };
    const started = this.#start({ id, history, facts, meta, settings, unloadDelayMs, warnings }, false);
    this.#starting.set(id, started);
    try {
      return await started;
    } finally {
      this.#starting.delete(id);
    }
  }

  async #resumeUnloaded(
    conversationId: string,
    knownPath: string | null,
    request: ConversationRequest,
  ): Promise<NewConversation> {
    const { lookup, locks, resolveSettings, version } = this.#options;
    const rolloutPath = knownPath ?? (await lookup.find(conversationId));
    if (rolloutPath === null) {
      throw new DaemonError('rollout_not_found', `no rollout found for thread id ${conversationId}`);
    }
    const lease = await locks.acquire(conversationId);
    try {
      const summary = await lookup.describe(rolloutPath);
      const { settings, warnings, unloadDelayMs } = resolveSettings(request, summary);
      const plan: StartPlan = {
        id: conversationId,
        history: { type: 'resumed', conversationId, rolloutPath: summary.path },
        facts: factsOf(summary, settings),
        meta: { createdAt: '', originator: request.originator, cliVersion: version, source: 'vscode', git: null },
        settings,
        unloadDelayMs,
        warnings,
      };
      return await this.#start(plan, true, lease);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** `lease` is given over: it is released when the session has ended, or here on failure of a fresh start. */
  async #start(
    plan: StartPlan,
    materialized: boolean,
    lease?: Awaited<ReturnType<OwnerLocks['acquire']>>,
  ): Promise<NewConversation> {
    if (this.#closed) throw new DaemonError('shutting_down', 'the daemon is shutting down');
    const { home, epoch, pool, writers, locks, log } = this.#options;
    const { id, facts, settings } = plan;
    const owned = facts.ephemeral ? null : (lease ?? (await locks.acquire(id)));
    const journalPath = facts.ephemeral ? null : path.join(home, 'rolloutd', 'journal', `${id}.jsonl`);
    const writerPort = facts.path === null ? null : writers.open({ conversationId: id, path: facts.path, journalPath });
    const conversation = new Conversation(
      {
        facts,
        settings,
        fanOut: new FanOut(id, epoch, this.#listeners, this.#lastSeqs.get(id)),
        unloadDelayMs: plan.unloadDelayMs,
        onIdle: (idle) => void this.removeConversation(idle.id),
      },
      materialized,
    );
    const handle = new SessionHandle(
      pool,
      {
        conversationId: id,
        submitId: uuid(),
        history: plan.history,
        settings,
        meta: plan.meta,
        rolloutPath: facts.path,
        journalPath,
        writerPort,
        recordBeforePublish: this.#options.recordBeforePublish ?? true,
      },
      {
        onFrames: (part) => conversation.fanOut.publishFrames(part),
        onState: (patch) => conversation.takePatch(patch),
        onWarning: (message) => conversation.fanOut.publish('warning', { threadId: id, message }),
        onEnded: (error) => this.#takeEnd(conversation, error, owned),
      },
    );
    conversation.attachSession(handle);
    this.#loaded.set(id, conversation);
    const configured = await handle.configured.catch(async (error: unknown) => {
      await this.#ending.get(id);
      throw error;
    });
    conversation.configured = configured;
    if (facts.preview === '') facts.preview = configured.history.preview;
    log.debug('conversation loaded', { conversationId: id, history: plan.history.type, worker: configured.threadId });
    const warnings = [...plan.warnings, ...configured.history.warnings];
    return { ...asNew(conversation), warnings };
  }

  /** The lock is freed only after the writer has let go of the file: never two owners. */
  #takeEnd(conversation: Conversation, error: DaemonError | null, lease: { release(): Promise<void> } | null): void {
    const { writers, log } = this.#options;
    const { id } = conversation;
    this.#loaded.delete(id);
    if (error !== null)
      log.warn('session ended by an error', { conversationId: id, code: error.code, error: error.message });
    const ending = (async () => {
      if (lease === null) return;
      await writers.release(id);
      await lease.release();
    })()
      .catch((failure: unknown) =>
        log.error('releasing a conversation failed', { conversationId: id, error: String(failure) }),
      )
      .then(() => {
        this.#ending.delete(id);
        if (conversation.configured !== null) conversation.announceClosed(error);
        if (!conversation.facts.ephemeral) this.#lastSeqs.set(id, conversation.fanOut.seq);
      });
    this.#ending.set(id, ending);
  }

  /** The writer is gone for good: every conversation that writes fails, with its reason. */
  loseWriters(error: DaemonError): void {
    for (const conversation of this.#loaded.values()) conversation.handle.loseWriter(error);
  }

  /** A new writer thread took over from a dead one. */
  replaceWriter(conversationId: string, port: Parameters<SessionHandle['replaceWriter']>[0]): void {
    const conversation = this.#loaded.get(conversationId);
    if (conversation === undefined) port.close();
    else conversation.handle.replaceWriter(port);
  }
}

function toGitInfo(git: NonNullable<SessionMeta['git']>): ConversationFacts['gitInfo'] {
  return { sha: git.commit_hash ?? null, branch: git.branch ?? null, originUrl: git.repository_url ?? null };
}

function asNew(conversation: Conversation): NewConversation {
  return {
    conversationId: conversation.id,
    conversation,
    sessionConfigured: conversation.configured!,
    warnings: [],
  };
}

function factsOf(summary: ConversationSummary, settings: SessionSettings): ConversationFacts {
  return {
    ...toFacts(summary),
    modelProvider: settings.provider.id,
    model: settings.model,
    reasoningEffort: settings.reasoningEffort,
    cwd: settings.cwd,
  };
}

/** What the index knows of an unloaded conversation, in the form of a loaded one. */
export function toFacts(summary: ConversationSummary): ConversationFacts {
  return {
    id: summary.id,
    path: summary.path,
    ephemeral: false,
    historyMode: summary.historyMode,
    preview: summary.preview,
    modelProvider: summary.modelProvider ?? '',
    model: summary.model,
    reasoningEffort: summary.reasoningEffort,
    createdAt: summary.createdAt,
    updatedAt: summary.updatedAt,
    cwd: summary.cwd,
    cliVersion: summary.cliVersion,
    originator: summary.originator,
    source: summary.source,
    gitInfo: summary.gitInfo,
    name: summary.name,
    forkedFromId: summary.forkedFromId,
    threadSource: null,
  };
}
