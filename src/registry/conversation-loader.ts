// One conversation from its session's start to the moment its lock is free again. Main thread.
import { statSync } from 'node:fs';
import { v7 as uuid } from 'uuid';
import type { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import type { NotificationName } from '../protocol/notification-names.js';
import { journalPathFor } from '../rollout/file-name.js';
import type { InitialHistory, SessionMeta, SessionSettings } from '../session/messages.js';
import { SessionHandle } from '../session/session-handle.js';
import type { WorkerWatch } from '../session/worker-watch.js';
import type { SessionPool } from '../session/session-pool.js';
import { Conversation } from './conversation.js';
import { FanOut } from './fan-out.js';
import type { Subscriber } from './subscription.js';
import { LoadedConversation } from './loaded-conversation.js';
import type { ReadStates } from './read-states.js';
import { ReplayBudget } from './replay-budget.js';
import { ReplayRing } from './replay-ring.js';
import type { PendingRequests } from './pending-requests.js';
import type { ProcessGroups } from './process-groups.js';
import type { OwnerLease, RolloutWriters } from './seams.js';
import type { ConversationFacts } from './thread-view.js';

/** What all conversations together keep for clients that come back, if one alone is not allowed more. */
const ALL_REPLAY_BYTES = 64 * 1024 * 1024;

export interface LoaderOptions {
  home: string;
  epoch: string;
  /** What a conversation may keep for clients that come back. */
  replayBytes: number;
  pool: SessionPool;
  writers: RolloutWriters;
  readStates: ReadStates;
  log: Log;
  recordBeforePublish: boolean;
  /** All connections there are; the set stays the caller's. */
  listeners: ReadonlySet<Subscriber>;
  watch: WorkerWatch;
  requests: PendingRequests;
  processes: ProcessGroups;
  /**
   * A session is over; its file is being let go, and its lock unless true is returned: it is somebody else's then. Called
   * at once, also for a session that never got ready.
   */
  onSessionOver: (loaded: LoadedConversation, error: DaemonError | null) => boolean;
  onIdle: (conversation: Conversation) => void;
}

/** A rollout up to a byte, the end of a line. */
export interface FilePlace {
  path: string;
  end: number;
}

export interface LoadPlan {
  history: InitialHistory;
  facts: ConversationFacts;
  meta: SessionMeta;
  settings: SessionSettings;
  unloadDelayMs: number;
  /** The conversation's lock; null for an ephemeral one. The loader releases it, whatever happens. */
  lease: OwnerLease | null;
  /** That of a session whose place this one takes: its subscribers stay, its numbers go on. */
  fanOut?: FanOut;
}

export class ConversationLoader {
  readonly #options: LoaderOptions;
  /** Sessions that exist, ready or not: the writer's news concern them all. */
  readonly #live = new Map<string, LoadedConversation>();
  /** A conversation that is loaded again, or told of while it is not, goes on counting: same epoch, same count. */
  readonly #rings = new Map<string, ReplayRing>();
  readonly #budget: ReplayBudget;
  /** Rollouts as sessions left them; somebody else may write to one before it is loaded again. */
  readonly #leftAs = new Map<string, string | null>();

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#budget = new ReplayBudget(Math.max(ALL_REPLAY_BYTES, options.replayBytes));
  }

  /** Resolves when the session is configured. Rejects with its DaemonError once everything is released again. */
  async load(plan: LoadPlan): Promise<LoadedConversation> {
    const { home, writers, readStates, watch, processes, log } = this.#options;
    const { facts, settings, lease } = plan;
    const { id } = facts;
    const journalPath = facts.path === null ? null : journalPathFor(home, id);
    if (facts.path !== null) await readStates.prepare();
    let writerPort;
    try {
      writerPort = facts.path === null ? null : writers.open({ conversationId: id, path: facts.path, journalPath });
    } catch (error) {
      await lease?.release();
      throw error;
    }
    const conversation = new Conversation(
      {
        facts,
        settings,
        fanOut: plan.fanOut ?? this.#newFanOut(id),
        readStates,
        unloadDelayMs: plan.unloadDelayMs,
        onIdle: this.#options.onIdle,
      },
      plan.history.type === 'resumed',
    );
    const requests = this.#options.requests.ofSession(id, conversation.fanOut, (requestKey, answer, by) =>
      handle.answerServerRequest(requestKey, answer, by),
    );
    const handle: SessionHandle = new SessionHandle(
      this.#options.pool,
      {
        conversationId: id,
        home,
        submitId: uuid(),
        history: plan.history,
        settings,
        meta: plan.meta,
        rolloutPath: facts.path,
        journalPath,
        recordBeforePublish: this.#options.recordBeforePublish,
      },
      {
        onFrames: (part) => conversation.fanOut.publishFrames(part),
        onState: (patch) => conversation.takePatch(patch),
        onPong: (memory) => watch.noteAnswer(handle, memory),
        onWarning: (message) => conversation.fanOut.publish('warning', { threadId: id, message }),
        onProcess: (report) => processes.note(id, report),
        onServerRequest: (part) => requests.open(part),
        onServerRequestResolved: (requestKey, answered) => requests.close(requestKey, answered),
        onEnded: (error) => {
          requests.closeAll();
          void this.#release(loaded, error);
        },
      },
    );
    const loaded = new LoadedConversation(conversation, handle, {
      begun: plan.history.type === 'new' ? plan.history : null,
      lease,
    });
    // Not by the pool: a port whose writer dies while the session waits for its thread could not be handed over there.
    if (writerPort !== null) handle.replaceWriter(writerPort);
    watch.add(handle);
    if (plan.fanOut === undefined) this.#breakOffIfOther(id, () => stateOf(facts.path));
    this.#live.set(id, loaded);
    try {
      conversation.attachSession(handle, await handle.configured);
    } catch (error) {
      await loaded.released;
      throw error;
    }
    const { threadId: worker } = conversation.configured;
    log.debug('conversation loaded', { conversationId: id, history: plan.history.type, worker });
    return loaded;
  }

  /** Tells everybody who listens of what befell a conversation, loaded or not. */
  announce(id: string, method: NotificationName, params: unknown): void {
    const fanOut = this.#live.get(id)?.conversation.fanOut ?? this.#newFanOut(id);
    fanOut.publish(method, params);
    if (method !== 'thread/deleted') return;
    // Nothing of it is to be given to anybody any more.
    this.#rings.get(id)?.clear();
    this.#rings.delete(id);
    this.#leftAs.delete(id);
  }

  /** For clients of a conversation that is not loaded here, read up to this place: its numbers go on when it is. */
  fanOutAt(id: string, { path, end }: FilePlace): FanOut {
    const fanOut = this.#newFanOut(id);
    this.#breakOffIfOther(id, () => `${path} ${end}`);
    return fanOut;
  }

  /** Nobody looks on any more; null when it is not known how the file was left. */
  leaveAt(id: string, place: FilePlace | null): void {
    this.#leftAs.set(id, place === null ? null : `${place.path} ${place.end}`);
  }

  /** The writer is gone for good: every conversation that writes fails, with its reason. */
  loseWriters(error: DaemonError): void {
    for (const { handle } of this.#live.values()) handle.loseWriter(error);
  }

  /** A new writer thread took over from a dead one. */
  replaceWriter(conversationId: string, port: Parameters<SessionHandle['replaceWriter']>[0]): void {
    const loaded = this.#live.get(conversationId);
    if (loaded === undefined) port.close();
    else loaded.handle.replaceWriter(port);
  }

  #newFanOut(id: string): FanOut {
    const { epoch, listeners, replayBytes } = this.#options;
    const ring = this.#rings.get(id) ?? new ReplayRing(replayBytes, this.#budget);
    this.#rings.set(id, ring);
    return new FanOut(id, epoch, listeners, ring);
  }

  /** Events that another program has caused meanwhile are in no ring. */
  #breakOffIfOther(id: string, state: () => string | null): void {
    const left = this.#leftAs.get(id);
    if (left !== undefined && left !== state()) this.#rings.get(id)?.breakOff();
  }

  /** The lock is freed only after the writer has let go of the file: never two owners. */
  async #release(loaded: LoadedConversation, error: DaemonError | null): Promise<void> {
    const { writers, readStates, watch, processes, log, onSessionOver } = this.#options;
    const { conversation, handle, lease } = loaded;
    watch.remove(handle);
    const { id } = conversation;
    if (this.#live.get(id) === loaded) this.#live.delete(id);
    if (error !== null) log.warn('session ended by an error', { conversationId: id, code: error.code, error });
    // From here on nobody joins it, though its lock is not free yet.
    conversation.markOver();
    const isTakenOver = onSessionOver(loaded, error);
    let leaseIsOurs = !isTakenOver;
    readStates.settle(id);
    try {
      // Before anybody else may have the conversation: its commands write where the next ones would.
      const { survivors } = await processes.endConversation(id);
      if (survivors.length > 0) log.warn('processes that could not be ended', { conversationId: id, survivors });
      if (lease !== null) await writers.release(id);
      this.#leftAs.set(id, stateOf(conversation.facts.path));
      leaseIsOurs = !isTakenOver && loaded.takeLeaseBack(error);
      if (leaseIsOurs) await lease?.release();
    } catch (failure) {
      log.error('releasing a conversation failed', { conversationId: id, error: failure });
    }
    if (leaseIsOurs && conversation.isConfigured) conversation.announceClosed(error);
    loaded.markReleased();
  }
}

/** Tells whether a rollout is still the file that it was; null for none. */
function stateOf(path: string | null): string | null {
  if (path === null) return null;
  try {
    return `${path} ${statSync(path).size}`;
  } catch {
    // There is none, or its folder cannot be looked into: its session says why, if it has to be read.
    return null;
  }
}
