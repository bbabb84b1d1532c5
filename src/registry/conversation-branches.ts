// Forks and reverts: conversations that go on from part of a history that is there already. Main thread.
import { v7 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { CutPoint, CutResult } from '../index/index-messages.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { PartialItem } from '../rollout/journal.js';
import { rolloutPathFor } from '../rollout/file-name.js';
import type { RolloutRange } from '../rollout/lineage.js';
import type { ContinuedHistory, InitialHistory, SessionSnapshot } from '../session/messages.js';
import type { ConversationLoader, LoadPlan } from './conversation-loader.js';
import type { ConversationNotes } from './conversation-notes.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { Conversation } from './conversation.js';
import type { FreshStart } from './fresh-start.js';
import { readGitInfo } from './git-info.js';
import { laterThan } from './later-than.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { isArchived, noRollout } from './missing-rollout.js';
import { toRecordedSettings } from './recorded-settings.js';
import type {
  ConversationLookup,
  ConversationRequest,
  OwnerLease,
  RecordedSettings,
  SettingsResolver,
} from './seams.js';

export interface BranchOptions {
  home: string;
  version: string;
  lookup: ConversationLookup;
  resolveSettings: SettingsResolver;
}

/** A fork that is loaded, and recorded unless it is ephemeral. */
export interface Fork {
  loaded: LoadedConversation;
  /** The last file of what it took over, up to where it was cut; null when nothing was. */
  kept: { path: string; end: number } | null;
  warnings: string[];
}

/** What is to be forked: a rollout, and as much of it as counts. */
interface ForkSource {
  id: string;
  path: string;
  name: string | null;
  settings: RecordedSettings;
  /** null when it is not loaded. */
  live: { snapshot: SessionSnapshot } | null;
}

export class ConversationBranches {
  readonly #options: BranchOptions;
  readonly #slots: ConversationSlots;
  readonly #loader: ConversationLoader;
  readonly #fresh: FreshStart;
  readonly #notes: ConversationNotes;

  constructor(
    options: BranchOptions,
    parts: { slots: ConversationSlots; loader: ConversationLoader; fresh: FreshStart; notes: ConversationNotes },
  ) {
    this.#options = options;
    this.#slots = parts.slots;
    this.#loader = parts.loader;
    this.#fresh = parts.fresh;
    this.#notes = parts.notes;
  }

  /**
   * A new conversation with the history of `of` up to `at`: by reference, in legacy mode by copy. A turn that runs in the
   * source ends in the fork as interrupted, with what it has said so far; the source is not touched. Throws
   * rollout_not_found, conversation_archived, turn_not_found, lineage_broken.
   */
  async fork(of: { id: string } | { path: string }, at: CutPoint, request: ConversationRequest): Promise<Fork> {
    const { lookup } = this.#options;
    const described = 'path' in of ? (await lookup.describe(of.path)).summary : null;
    const id = described?.id ?? (of as { id: string }).id;
    return this.#slots.share(id, async (loaded) => {
      if (loaded !== null) return this.#forkFrom(await this.#liveSource(loaded.conversation), at, request);
      const path = described?.path ?? (await lookup.find(id));
      if (path === null) throw noRollout(id);
      const summary = described ?? (await lookup.describe(path)).summary;
      if (summary.archived) throw isArchived(id);
      return this.#forkFrom({ id: summary.id, path, name: summary.name, settings: summary, live: null }, at, request);
    });
  }

  async #forkFrom(source: ForkSource, at: CutPoint, request: ConversationRequest): Promise<Fork> {
    const end = source.live === null ? {} : { end: source.live.snapshot.rolloutSize };
    const cut = await this.#options.lookup.cut({ path: source.path, at, ...end });
    const resolved = await this.#options.resolveSettings(request, source.settings);
    const history = toForkHistory(source, cut);
    const asked = { ...request, historyMode: cut.historyMode };
    const loaded = await this.#fresh.begin(asked, resolved, history, { preview: '', name: source.name });
    const { conversation } = loaded;
    const fork = { loaded, kept: cut.kept.at(-1) ?? null, warnings: resolved.warnings };
    if (request.ephemeral) return fork;
    try {
      await conversation.carryOut({ type: 'materialize' });
    } catch (error) {
      await loaded.end();
      throw error;
    }
    if (source.name === null) return fork;
    try {
      await this.#notes.setName(conversation.id, source.name);
    } catch (error) {
      // The fork is there, with or without its name.
      conversation.facts.name = null;
      fork.warnings = [...fork.warnings, `the fork could not be named: ${(error as Error).message}`];
    }
    return fork;
  }

  async #liveSource(conversation: Conversation): Promise<ForkSource> {
    const { facts, id } = conversation;
    if (facts.path === null) throw noRollout(id);
    if (!conversation.materialized) await conversation.carryOut({ type: 'materialize' });
    const snapshot = await conversation.takeSnapshot();
    const settings = toRecordedSettings(conversation.settings);
    return { id, path: facts.path, name: facts.name, settings, live: { snapshot } };
  }

  /**
   * Takes back `beforeTurnId` and all turns after it: the conversation goes on in a new file, which refers to what it
   * keeps. Running turns are interrupted first. Its clients stay. Throws conversation_not_found when it is not loaded,
   * unsupported_for_thread, turn_not_found: nothing has changed then.
   */
  revert(id: string, beforeTurnId: string): Promise<Conversation> {
    return this.#slots.hold(id, async (former) => {
      if (former === null) throw new DaemonError('conversation_not_found', `thread not found: ${id}`);
      const { conversation } = former;
      const { facts } = conversation;
      if (facts.historyMode === 'legacy' || facts.path === null) {
        throw new DaemonError('unsupported_for_thread', 'thread/revert only supports paginated threads');
      }
      const snapshot = await conversation.takeSnapshot();
      const at: CutPoint = { type: 'before', turnId: beforeTurnId };
      const { base, kept } = await this.#options.lookup.cut({ path: facts.path, end: snapshot.rolloutSize, at });
      const unreadIsKept = await this.#keepsUnread(conversation, kept, snapshot.rolloutSize);
      if (conversation.activeTurnId !== null) await conversation.carryOut({ type: 'interruptTurn', turnId: '' });
      const history: ContinuedHistory = {
        type: 'continued',
        forkedFromId: facts.forkedFromId,
        base: toBaseLine(base),
        sources: kept,
        partialItems: [],
      };
      const lease = await former.endKeepingLease();
      const loaded = await this.#beginSegment(conversation, history, lease);
      if (!unreadIsKept(loaded.conversation)) loaded.conversation.dropUnreadTurn();
      return { result: loaded.conversation, loaded };
    });
  }

  /**
   * Whether a revert that keeps `kept` leaves the first unread turn: of the one that is so now. One that becomes the first
   * only afterwards is taken back with the others.
   */
  async #keepsUnread(
    conversation: Conversation,
    kept: readonly RolloutRange[],
    end: number,
  ): Promise<(now: Conversation) => boolean> {
    const turnId = unreadTurnOf(conversation);
    const isKept = turnId !== null && (await this.#isWithin(conversation.facts.path!, turnId, kept, end));
    return (now) => isKept && unreadTurnOf(now) === turnId;
  }

  async #isWithin(path: string, turnId: string, kept: readonly RolloutRange[], end: number): Promise<boolean> {
    try {
      const before = await this.#options.lookup.cut({ path, end, at: { type: 'before', turnId } });
      if (before.kept.length !== kept.length) return before.kept.length < kept.length;
      return (before.kept.at(-1)?.end ?? 0) < (kept.at(-1)?.end ?? 0);
    } catch (error) {
      if (error instanceof DaemonError && error.code === 'turn_not_found') return false;
      throw error;
    }
  }

  async #beginSegment(
    former: Conversation,
    history: ContinuedHistory,
    lease: OwnerLease | null,
  ): Promise<LoadedConversation> {
    const { home, version } = this.#options;
    const { id, facts, settings, fanOut, unloadDelayMs } = former;
    const createdAt = laterThan(facts.path);
    const seconds = Math.floor(createdAt.getTime() / 1000);
    const path = rolloutPathFor(home, createdAt, id, uuid());
    const git = await readGitInfo(settings.cwd);
    const plan = {
      history,
      facts: { ...facts, path, createdAt: seconds, updatedAt: seconds, preview: '' },
      meta: {
        createdAt: createdAt.toISOString(),
        originator: facts.originator ?? 'unknown',
        cliVersion: version,
        source: 'vscode',
        git,
      },
      settings,
      unloadDelayMs,
      lease,
      fanOut,
    } satisfies LoadPlan;
    const loaded = await this.#loader.load(plan).catch((error: unknown) => {
      // Its former session went in silence, and none came that could tell.
      former.announceClosed(null);
      throw error;
    });
    try {
      await loaded.conversation.carryOut({ type: 'materialize' });
    } catch (error) {
      await loaded.end();
      throw error;
    }
    // One that keeps no words is known by its former ones until it has others.
    loaded.conversation.facts.preview ||= facts.preview;
    loaded.conversation.dropDeparted();
    return loaded;
  }
}

function unreadTurnOf({ readState }: Conversation): string | null {
  const first = readState?.firstUnread ?? null;
  return first?.type === 'turn' ? first.turnId : null;
}

function toForkHistory(source: ForkSource, cut: CutResult): InitialHistory {
  // Of a running turn its session knows more than the journal.
  const running = source.live === null ? null : toPartialItems(source.live.snapshot);
  const partialItems = running ?? cut.partialItems;
  if (cut.historyMode === 'legacy') {
    const kept = cut.kept.at(-1) ?? { path: source.path, end: 0 };
    return { type: 'copied', forkedFromId: source.id, source: kept, partialItems };
  }
  return {
    type: 'continued',
    forkedFromId: source.id,
    base: toBaseLine(cut.base),
    sources: cut.kept,
    partialItems,
  };
}

function toBaseLine(base: CutResult['base']): ContinuedHistory['base'] {
  if (base === null) return null;
  const { threadId, endOrdinalExclusive, endByteOffset } = base;
  return { thread_id: threadId, end_ordinal_exclusive: endOrdinalExclusive, end_byte_offset: endByteOffset };
}

/** What runs in the source and is in no file yet; null when no turn runs. */
function toPartialItems({ activeTurnId, runningItems }: SessionSnapshot): PartialItem[] | null {
  if (activeTurnId === null) return null;
  return runningItems.flatMap((item) => toPartialItem(activeTurnId, item));
}

function toPartialItem(turnId: string, item: ThreadItem): PartialItem[] {
  const startedAtMs = item.startedAtMs ?? Date.now();
  if (item.type === 'agentMessage') {
    return [{ type: 'agentMessage', turnId, id: item.id, startedAtMs, phase: item.phase, text: item.text }];
  }
  if (item.type === 'commandExecution' || item.type === 'fileChange') {
    const text = item.type === 'fileChange' ? '' : (item.aggregatedOutput ?? '');
    return [{ type: 'tool', turnId, id: item.id, startedAtMs, phase: null, core: null, text }];
  }
  if (item.type !== 'reasoning') return [];
  const { id, summary, content } = item;
  return [{ type: 'reasoning', turnId, id, startedAtMs, phase: null, summary, content }];
}
