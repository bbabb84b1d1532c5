// A conversation together with the session that runs it and the lock that makes it ours. Main thread.
import { DaemonError } from '../errors.js';
import type { InitialHistory } from '../session/messages.js';
import type { SessionHandle } from '../session/session-handle.js';
import type { Conversation } from './conversation.js';
import type { OwnerLease } from './seams.js';
import { settlesWithin } from './settles-within.js';

/** Milliseconds that a session has to end when it is asked to; then its ending is no longer waited for. */
const END_GRACE_MS = 4_000;

type NewHistory = InitialHistory & { type: 'new' };

export class LoadedConversation {
  readonly conversation: Conversation;
  readonly handle: SessionHandle;
  /** Set when it was begun from nothing: until it has a file it can be begun like that again. */
  readonly begun: NewHistory | null;
  /** null for an ephemeral conversation. */
  readonly lease: OwnerLease | null;
  /** Resolves once the session is over, its file closed and its lock free (or kept by whoever asked). Never rejects. */
  readonly released: Promise<void>;
  #markReleased!: () => void;
  #leaseIsKept = false;
  #leaseIsGone = false;

  constructor(
    conversation: Conversation,
    handle: SessionHandle,
    { begun, lease }: { begun: NewHistory | null; lease: OwnerLease | null },
  ) {
    this.conversation = conversation;
    this.handle = handle;
    this.begun = begun;
    this.lease = lease;
    this.released = new Promise((resolve) => {
      this.#markReleased = resolve;
    });
  }

  get id(): string {
    return this.conversation.id;
  }

  /**
   * Decides, once, whose the lock is now that the session is over: false when somebody keeps it. A session that ended by
   * an error leaves it to nobody.
   */
  takeLeaseBack(error: DaemonError | null): boolean {
    this.#leaseIsGone ||= error !== null || !this.#leaseIsKept;
    return this.#leaseIsGone;
  }

  markReleased(): void {
    this.#markReleased();
  }

  /** Asks the session to end; resolves when all is released, or after the grace period when it does not answer. */
  async end(): Promise<void> {
    await this.#endWithin(END_GRACE_MS);
  }

  /**
   * Ends the session without letting go of the lock, which is the caller's from now on. Clients are not told that it is
   * closed. Throws session_failed when the session does not end, or ended by an error: the lock is then freed as always.
   */
  async endKeepingLease(): Promise<OwnerLease | null> {
    this.#leaseIsKept = true;
    const ended = await this.#endWithin(END_GRACE_MS);
    if (ended && !this.#leaseIsGone) return this.lease;
    this.#leaseIsKept = false;
    throw new DaemonError('session_failed', ended ? 'the session has ended' : 'the session does not end');
  }

  /** False when the time was over first. */
  #endWithin(milliseconds: number): Promise<boolean> {
    this.handle.requestEnd();
    return settlesWithin(this.released, milliseconds);
  }
}
