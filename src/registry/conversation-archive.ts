// Conversations that leave the list: archived, taken back, deleted with or without their forks. Main thread.
import { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import type { Dependent } from '../index/index-messages.js';
import {
  beginDeletion,
  endDeletion,
  moveConversationFiles,
  pathsToDelete,
  readUnfinishedDeletions,
  removePlannedFiles,
} from './conversation-files.js';
import type { DeletionPlan } from './conversation-files.js';
import type { ConversationNotes } from './conversation-notes.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { LoadedConversation } from './loaded-conversation.js';
import { noRollout } from './missing-rollout.js';
import type { ReadStates } from './read-states.js';
import type { ConversationLookup, OwnerLease, OwnerLocks } from './seams.js';

export interface ArchiveOptions {
  home: string;
  locks: OwnerLocks;
  lookup: ConversationLookup;
  log: Log;
}

/** A running turn is interrupted, and a loaded conversation unloaded; its clients learn that it is not loaded any more. */
export class ConversationArchive {
  readonly #options: ArchiveOptions;
  readonly #slots: ConversationSlots;
  readonly #notes: ConversationNotes;
  readonly #readStates: ReadStates;

  constructor(
    options: ArchiveOptions,
    parts: { slots: ConversationSlots; notes: ConversationNotes; readStates: ReadStates },
  ) {
    this.#options = options;
    this.#slots = parts.slots;
    this.#notes = parts.notes;
    this.#readStates = parts.readStates;
  }

  /** Throws rollout_not_found for what is not there or archived already, already_has_writer. */
  archive(id: string): Promise<void> {
    const { lookup } = this.#options;
    return this.#slots.hold(id, async (loaded) => {
      if (loaded?.conversation.facts.ephemeral === true) throw noRollout(id);
      if (loaded?.conversation.materialized === false) await loaded.conversation.carryOut({ type: 'materialize' });
      const files = await lookup.files(id);
      if (files.at(-1)?.archived !== false) throw noRollout(id);
      const lease = await this.#takeOver(id, loaded);
      try {
        await moveConversationFiles(files, 'archive');
      } finally {
        await lease?.release();
      }
      return { result: undefined, loaded: null };
    });
  }

  /** Throws rollout_not_found for what is not in the archive, already_has_writer. */
  unarchive(id: string): Promise<void> {
    const { lookup, locks } = this.#options;
    return this.#slots.hold(id, async (loaded) => {
      if (loaded !== null) {
        throw new DaemonError('already_has_writer', `thread ${id} already has an active writer`);
      }
      const files = await lookup.files(id);
      if (files.at(-1)?.archived !== true) {
        throw new DaemonError('rollout_not_found', `no archived rollout found for thread id ${id}`);
      }
      const lease = await locks.acquire(id);
      try {
        await moveConversationFiles(files, 'sessions');
      } finally {
        await lease.release();
      }
      return { result: undefined, loaded: null };
    });
  }

  /**
   * Removes the conversation, and with `cascade` all that was forked from it, however far. Resolves to their ids,
   * each behind those that depended on it. Throws forks_depend_on_it, rollout_not_found and already_has_writer before anything changed.
   */
  delete(id: string, cascade: boolean): Promise<string[]> {
    return this.#holdWithForks(id, cascade, new Map());
  }

  /** What a former daemon did not finish deleting. Conversations that somebody owns are left for the next time. */
  async finishDeletions(): Promise<void> {
    const { home, locks, log } = this.#options;
    for (const plan of await readUnfinishedDeletions(home)) {
      const leases = await this.#acquireAll(plan.ids, locks).catch(() => null);
      if (leases === null) continue;
      try {
        await this.#remove(plan);
      } catch (error) {
        log.error('a deletion could not be finished', { ids: plan.ids, error });
      } finally {
        for (const lease of leases) await lease.release();
      }
    }
  }

  /** From the root outwards, so that two deletions never wait for each other. */
  #holdWithForks(id: string, cascade: boolean, held: Map<string, LoadedConversation | null>): Promise<string[]> {
    return this.#slots.hold(id, async (loaded) => {
      held.set(id, loaded);
      const fork = await this.#findForkOutside(held);
      if (fork === null) return { result: await this.#deleteHeld(held), loaded: null };
      if (!cascade) throw await this.#refuse(id);
      return { result: await this.#holdWithForks(fork, cascade, held), loaded: null };
    });
  }

  async #findForkOutside(held: ReadonlyMap<string, unknown>): Promise<string | null> {
    for (const id of held.keys()) {
      const forks = await this.#options.lookup.dependents(id);
      const outside = forks.find((fork) => !held.has(fork.id));
      if (outside !== undefined) return outside.id;
    }
    return null;
  }

  async #refuse(id: string): Promise<DaemonError> {
    const forks: Dependent[] = await this.#options.lookup.dependents(id);
    const names = forks.map((fork) => (fork.name === null ? fork.id : `${fork.id} (${fork.name})`)).join(', ');
    const message = `cannot delete thread ${id}: forked history still references it: ${names}`;
    return new DaemonError('forks_depend_on_it', message, { data: { forks } });
  }

  async #deleteHeld(held: ReadonlyMap<string, LoadedConversation | null>): Promise<string[]> {
    const { home, lookup, locks } = this.#options;
    const ids: string[] = [];
    for (const [id, loaded] of held) {
      const isThere = loaded?.conversation.facts.ephemeral === false || (await lookup.files(id)).length > 0;
      if (isThere) ids.push(id);
      // A fork that somebody else has deleted meanwhile stands in no way.
      else if (ids.length === 0) throw noRollout(id);
    }
    // What somebody else owns is found out before any session ends.
    const unloaded = ids.filter((id) => held.get(id) === null);
    const leases = await this.#acquireAll(unloaded, locks);
    try {
      for (const id of ids) {
        const loaded = held.get(id) ?? null;
        const lease = loaded === null ? null : await this.#takeOver(id, loaded);
        if (lease !== null) leases.push(lease);
      }
      // Only now nobody writes any more, and no file comes into being.
      const paths = await Promise.all(ids.map(async (id) => pathsToDelete(home, id, await lookup.files(id))));
      const plan = { ids, paths: paths.flat() };
      await beginDeletion(home, plan);
      await this.#remove(plan);
    } finally {
      for (const lease of leases) await lease.release();
    }
    return ids.toReversed();
  }

  /** What is gone is gone: notes that cannot be dropped now are dropped at the next start. */
  async #remove(plan: DeletionPlan): Promise<void> {
    const { home, log } = this.#options;
    await removePlannedFiles(home, plan);
    try {
      await this.#notes.forget(plan.ids);
      await this.#readStates.forget(plan.ids);
      await endDeletion(home, plan);
    } catch (error) {
      log.warn('notes of a deleted conversation are dropped at the next start', { ids: plan.ids, error });
    }
  }

  async #acquireAll(ids: readonly string[], locks: OwnerLocks): Promise<OwnerLease[]> {
    const leases: OwnerLease[] = [];
    try {
      for (const id of ids) leases.push(await locks.acquire(id));
      return leases;
    } catch (error) {
      for (const lease of leases) await lease.release();
      throw error;
    }
  }

  async #takeOver(id: string, loaded: LoadedConversation | null): Promise<OwnerLease | null> {
    if (loaded === null) return this.#options.locks.acquire(id);
    const lease = await loaded.endKeepingLease();
    loaded.conversation.announceNotLoaded();
    return lease;
  }
}
