// What is said of a conversation beside its rollout: its name, its repository, what of it is unread. Main thread.
import { DaemonError } from '../errors.js';
import type { GitInfo, ReadState } from '../protocol/thread.js';
import type { ConversationNotes } from './conversation-notes.js';
import type { ConversationSlots } from './conversation-slots.js';
import type { Conversation } from './conversation.js';
import { noConversation, noRollout } from './missing-rollout.js';
import type { ReadStateOperation, ReadStates } from './read-states.js';
import type { ConversationLookup } from './seams.js';

export interface RemarkParts {
  slots: ConversationSlots;
  notes: ConversationNotes;
  readStates: ReadStates;
  lookup: ConversationLookup;
  /** Tells the clients of a conversation, if it has any, that its read state is another one. */
  onReadState: (id: string, readState: ReadState) => void;
}

/** Of conversations that are loaded or not. */
export class ConversationRemarks {
  readonly #parts: RemarkParts;

  constructor(parts: RemarkParts) {
    this.#parts = parts;
  }

  /** Throws rollout_not_found, unsupported_for_thread for an ephemeral one. */
  async setName(id: string, name: string): Promise<void> {
    const loaded = await this.#prepare(id);
    await this.#parts.notes.setName(id, name);
    if (loaded !== null) loaded.facts.name = name;
  }

  /** The same for what is known of its repository; fields that are absent stay as they are. */
  async changeGitInfo(id: string, patch: Partial<GitInfo>): Promise<void> {
    const loaded = await this.#prepare(id);
    const known = loaded === null ? await this.#recordedGitInfo(id) : loaded.facts.gitInfo;
    const gitInfo = { sha: null, branch: null, originUrl: null, ...known, ...patch };
    await this.#parts.notes.setGitInfo(id, gitInfo);
    if (loaded !== null) loaded.facts.gitInfo = gitInfo;
  }

  /** Of a conversation with a file. */
  readStateOf(id: string): ReadState {
    return this.#parts.readStates.of(id);
  }

  /**
   * Its clients are told before this resolves. Throws conversation_not_loaded when there is none, unsupported_for_thread for
   * an ephemeral one, history_not_materialized for one without a file, read_state_changed.
   */
  changeReadState(id: string, operation: ReadStateOperation, expectedRevision: string): Promise<ReadState> {
    const { slots, lookup, readStates, onReadState } = this.#parts;
    return slots.share(id, async (loaded) => {
      if (loaded === null && (await lookup.find(id)) === null) throw noConversation(id);
      if (loaded !== null && loaded.conversation.readState === null) {
        const code = loaded.conversation.facts.ephemeral ? 'unsupported_for_thread' : 'history_not_materialized';
        throw new DaemonError(code, 'thread read state unavailable');
      }
      return readStates.update(id, operation, expectedRevision, (readState) => onReadState(id, readState));
    });
  }

  /** A conversation that has no file yet gets one: a note about nothing would be lost. */
  async #prepare(id: string): Promise<Conversation | null> {
    const { slots, lookup } = this.#parts;
    const loaded = await slots.settled(id);
    if (loaded === null) {
      if ((await lookup.find(id)) === null) throw noRollout(id);
      return null;
    }
    const { conversation } = loaded;
    if (conversation.facts.ephemeral) {
      const message = `ephemeral thread does not support metadata updates: ${id}`;
      throw new DaemonError('unsupported_for_thread', message);
    }
    if (!conversation.materialized) await conversation.carryOut({ type: 'materialize' });
    return conversation;
  }

  async #recordedGitInfo(id: string): Promise<GitInfo | null> {
    const { lookup } = this.#parts;
    const path = await lookup.find(id);
    return path === null ? null : (await lookup.describe(path)).summary.gitInfo;
  }
}
