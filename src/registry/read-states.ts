// Which turn of each conversation is the first that nobody has read: noted beside the rollouts when it changes, so that it
// outlives the session and the daemon. Main thread.
import path from 'node:path';
import { v4 as uuid } from 'uuid';
import { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import type { ReadState } from '../protocol/thread.js';
import { NotesFile } from './notes-file.js';
import { NotedReadStates } from './noted-read-states.js';

export type ReadStateOperation = 'read' | 'unread';

/** Lines that count for nothing may be this many, and as many as those that count, before the file is compacted. */
const SPARE_LINES = 1_000;

/** A state that is not noted, since only its revision is new or since writing failed. */
interface Unnoted {
  readState: ReadState;
  /** Revision of the note that it follows; once that is another, somebody else has changed it and this is void. */
  after: string | null;
}

/**
 * Every change gives a new revision, each turn that ends with a result is one. The first unread turn stays the first until
 * somebody reads the conversation or takes the turn back.
 */
export class ReadStates {
  readonly #file: NotesFile;
  readonly #noted: NotedReadStates;
  readonly #unnoted = new Map<string, Unnoted>();
  readonly #log: Log;

  constructor(home: string, log: Log) {
    this.#file = new NotesFile(path.join(home, 'rolloutd', 'read-states.jsonl'));
    this.#noted = new NotedReadStates(this.#file.path);
    this.#log = log;
  }

  /** To be awaited before takeTurn() and takeBack(). Never rejects: without it they note nothing and say so in the log. */
  async prepare(): Promise<void> {
    await this.#file.prepare().catch(() => undefined);
  }

  /** Of a conversation that lies in the home, loaded or not; nothing is unread of one that is not noted. Never throws. */
  of(id: string): ReadState {
    try {
      return this.#current(id);
    } catch (error) {
      this.#log.error('the read states cannot be read', { error });
      return this.#unnoted.get(id)?.readState ?? this.#noted.get(id) ?? unreadNothing(id);
    }
  }

  /**
   * A turn has ended with a result. What is new is noted on return; where that fails the log says so, and it is
   * tried again by settle().
   */
  takeTurn(id: string, turnId: string): ReadState {
    const { firstUnread } = this.of(id);
    return this.#change(id, firstUnread ?? { type: 'turn', turnId }, firstUnread === null);
  }

  /** The first unread turn was taken back. Noted as by takeTurn(). */
  takeBack(id: string): ReadState {
    return this.#change(id, null, true);
  }

  /**
   * What somebody says who saw the state of `expectedRevision`. `tell` is called once it is noted, before anything else can
   * change it. Throws read_state_changed, rollout_write_failed: nothing has changed then.
   */
  update(
    id: string,
    operation: ReadStateOperation,
    expectedRevision: string,
    tell: (readState: ReadState) => void,
  ): Promise<ReadState> {
    return this.#file.change(() => {
      const current = this.#current(id);
      if (current.revision !== expectedRevision) throw conflict(current);
      const readState: ReadState = {
        firstUnread: operation === 'read' ? null : { type: 'threadStart' },
        revision: uuid(),
      };
      this.#note(id, readState);
      tell(readState);
      return readState;
    });
  }

  /** The session is over: what is not noted is noted now, or the log says why not. */
  settle(id: string): void {
    const before = this.#unnoted.get(id);
    if (before === undefined) return;
    // Void when somebody else has changed it.
    const readState = this.of(id);
    if (readState !== before.readState) return;
    this.#tryToNote(id, readState);
  }

  /** Takes out every line about these conversations. Throws rollout_write_failed. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#unnoted.delete(id);
    await this.#file.change(() => this.#file.drop(new Set(ids)));
  }

  #change(id: string, firstUnread: ReadState['firstUnread'], mustBeNoted: boolean): ReadState {
    const readState: ReadState = { firstUnread, revision: uuid() };
    if (mustBeNoted && this.#tryToNote(id, readState)) return readState;
    this.#unnoted.set(id, { readState, after: this.#noted.get(id)?.revision ?? null });
    return readState;
  }

  /** The noted state, or the one that followed it here. Throws what reading throws. */
  #current(id: string): ReadState {
    this.#noted.refresh();
    const noted = this.#noted.get(id) ?? null;
    const unnoted = this.#unnoted.get(id);
    if (unnoted !== undefined && unnoted.after === (noted?.revision ?? null)) return unnoted.readState;
    this.#unnoted.delete(id);
    return noted ?? unreadNothing(id);
  }

  #tryToNote(id: string, readState: ReadState): boolean {
    try {
      this.#file.changeNow(() => this.#note(id, readState));
      return true;
    } catch (error) {
      this.#log.error('a read state was not noted', { conversationId: id, error });
      return false;
    }
  }

  #note(id: string, { firstUnread, revision }: ReadState): void {
    this.#file.append({ id, firstUnread, revision, updated_at: new Date().toISOString() });
    this.#noted.refresh();
    this.#unnoted.delete(id);
    if (this.#noted.lineCount > 2 * this.#noted.size + SPARE_LINES) this.#compact();
  }

  /** What was noted stays so whether this succeeds or not. */
  #compact(): void {
    try {
      this.#file.compact();
    } catch (error) {
      this.#log.warn('the read states were not compacted', { error });
    }
  }
}

/** Of a conversation of which nothing was ever noted. */
function unreadNothing(id: string): ReadState {
  return { firstUnread: null, revision: `initial:${id}` };
}

/** Clients of the protocol know it by this reason, and take the state from it. */
function conflict(readState: ReadState): DaemonError {
  return new DaemonError('read_state_changed', 'read state changed', {
    data: { reason: 'readStateConflict', readState },
  });
}
