// Conversations that are taken up again: joined when they are loaded, else loaded from the file that is theirs now. Main thread.
import { DaemonError } from '../errors.js';
import { resumedFacts } from './conversation-facts.js';
import type { ConversationLoader } from './conversation-loader.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { isArchived, noRollout } from './missing-rollout.js';
import { applyToLoaded } from './resume-overrides.js';
import type { ConversationLookup, ConversationRequest, OwnerLease, OwnerLocks, SettingsResolver } from './seams.js';
import type { WatchedConversations } from './watched-conversations.js';

export interface ResumeOptions {
  version: string;
  locks: OwnerLocks;
  lookup: ConversationLookup;
  resolveSettings: SettingsResolver;
}

export interface Resumed {
  loaded: LoadedConversation;
  /** False for one that attached to a conversation already loaded or just being loaded. */
  loadedNow: boolean;
  warnings: string[];
  /** Fields of the request that were not heeded, because others are at work with what is. */
  ignoredOverrides: string[];
}

/** The file that an id leads to is that of another conversation: so its first line says, and so it is known. */
class OtherId extends Error {
  readonly id: string;
  readonly path: string;

  constructor(id: string, path: string) {
    super(`the rollout is that of ${id}`);
    this.id = id;
    this.path = path;
  }
}

export class ConversationResume {
  readonly #options: ResumeOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: ConversationLoader;
  readonly #watches: WatchedConversations;

  constructor(
    options: ResumeOptions,
    slots: ConversationSlots,
    loader: ConversationLoader,
    watches: WatchedConversations,
  ) {
    this.#options = options;
    this.#slots = slots;
    this.#loader = loader;
    this.#watches = watches;
  }

  /** Throws rollout_not_found, conversation_archived, already_has_writer, and what settings and files have to say. */
  byId(id: string, request: ConversationRequest): Promise<Resumed> {
    return this.#resume(id, null, request);
  }

  /**
   * The same by a rollout's path. Throws stale_path when the conversation is loaded from another file or has gone on in
   * one, before anything changed, and when the path leads nowhere and `meantId` is loaded.
   */
  async byPath(rolloutPath: string, request: ConversationRequest, meantId: string | null): Promise<Resumed> {
    const { summary } = await this.#options.lookup.describe(rolloutPath).catch((error: unknown) => {
      const isGone = error instanceof DaemonError && error.code === 'rollout_not_found';
      const meantPath = isGone && meantId !== null ? this.#loadedPath(meantId) : null;
      throw meantPath === null ? error : stalePath(meantId!, rolloutPath, meantPath);
    });
    const loadedPath = this.#loadedPath(summary.id);
    if (loadedPath !== null && loadedPath !== summary.path) throw stalePath(summary.id, rolloutPath, loadedPath);
    const resumed = await this.#resume(summary.id, summary.path, request);
    const { path } = resumed.loaded.conversation.facts;
    if (path === summary.path) return resumed;
    throw stalePath(summary.id, rolloutPath, path);
  }

  async #resume(id: string, rolloutPath: string | null, request: ConversationRequest): Promise<Resumed> {
    const warnings: string[] = [];
    const load = () => this.#load(id, rolloutPath, request, warnings);
    const opened = await this.#slots.open(id, load).catch((error: unknown) => {
      if (error instanceof OtherId) return error;
      throw error;
    });
    if (opened instanceof OtherId) return this.#resume(opened.id, opened.path, request);
    if (!opened.loadedNow) return this.join(opened.loaded, request);
    const { loaded, loadedNow } = opened;
    return { loaded, loadedNow, warnings, ignoredOverrides: [] };
  }

  /** One that is loaded already. */
  async join(loaded: LoadedConversation, request: ConversationRequest): Promise<Resumed> {
    const { conversation } = loaded;
    const { model } = conversation.settings;
    const { resolveSettings } = this.#options;
    const ignoredOverrides = await conversation.keepWhile(applyToLoaded(conversation, request, resolveSettings));
    const warnings = warnOfOtherModel(model, conversation.settings.model);
    return { loaded, loadedNow: false, warnings, ignoredOverrides };
  }

  /** The lock comes first: what is read afterwards is what will be appended to. */
  async #load(
    id: string,
    rolloutPath: string | null,
    request: ConversationRequest,
    warnings: string[],
  ): Promise<LoadedConversation> {
    const { lookup, resolveSettings, version } = this.#options;
    const lease = await this.#acquire(id, rolloutPath);
    let plan;
    try {
      const current = await lookup.find(id);
      const found = rolloutPath ?? current;
      if (found === null) throw noRollout(id);
      const { summary, sources } = await lookup.describe(found);
      if (summary.id !== id) throw new OtherId(summary.id, summary.path);
      if (summary.archived) throw isArchived(id);
      // What was written to a former file of a reverted conversation nobody would find again.
      if (current !== null && current !== summary.path) throw stalePath(id, summary.path, current);
      const { settings, unloadDelayMs, warnings: odd } = await resolveSettings(request, summary);
      await lookup.restore(summary.path);
      warnings.push(...odd, ...warnOfOtherModel(summary.model, settings.model));
      const { originator } = request;
      plan = {
        history: { type: 'resumed' as const, conversationId: id, rolloutPath: summary.path, sources },
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
    return this.#watches.handOver(id, (fanOut) => this.#loader.load(fanOut === null ? plan : { ...plan, fanOut }));
  }

  /** A refusal says whether whoever asked may look on instead. */
  async #acquire(id: string, rolloutPath: string | null): Promise<OwnerLease> {
    const { lookup, locks } = this.#options;
    try {
      return await locks.acquire(id);
    } catch (error) {
      if (!(error instanceof DaemonError) || error.code !== 'already_has_writer') throw error;
      const readOnlyPossible = (rolloutPath ?? (await lookup.find(id))) !== null;
      const data = { ...(error.data as object), readOnlyPossible };
      throw new DaemonError(error.code, error.message, { data, cause: error });
    }
  }

  #loadedPath(id: string): string | null {
    return this.#slots.find(id)?.conversation.facts.path ?? null;
  }
}

function stalePath(id: string, got: string, active: string | null): DaemonError {
  const message = `cannot resume running thread ${id} with stale path: requested \`${got}\`, active \`${active}\``;
  return new DaemonError('stale_path', message);
}

function warnOfOtherModel(recorded: string | null, now: string): string[] {
  if (recorded === null || recorded === now) return [];
  return [`this conversation was recorded with the model \`${recorded}\` and goes on with \`${now}\``];
}
