// One client of the conversation: what it saw, in which order, and how late. Main thread.
import type { Violation } from '../violation.js';
import { shorten } from '../violation.js';
import type { ByteClient } from './byte-client.js';
import type { ByteLedger } from './byte-ledger.js';
import { stampOf } from './byte-ledger.js';

export interface ListenerOptions {
  name: string;
  threadId: string;
  ledger: ByteLedger;
  /** True for a client that is so far behind that its deltas may be joined. */
  isSlow: boolean;
}

interface Cursor {
  epoch: string;
  seq: number;
}

interface Joined {
  eventsCursor?: Cursor;
  reattach?: { type: string; reason: string | null };
}

/** Over all its connections. */
export class Listener {
  readonly violations: Violation[] = [];
  /** Milliseconds from the daemon's making of an event to its arrival, of each. */
  latencies: number[] = [];
  cursor: Cursor | null = null;
  /** Frames that stood for several deltas. */
  joined = 0;
  replayed = 0;
  /** Times that too much had been missed to be told. */
  resynced = 0;
  readonly #options: ListenerOptions;
  #jumps: { first: number; last: number; bytes: Buffer }[] = [];
  #isJoining = true;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Resumes where it was, if it was anywhere. Rejects when the daemon refuses. */
  async attach(client: ByteClient): Promise<void> {
    const { threadId, name } = this.#options;
    const { cursor } = this;
    let isAttached = false;
    client.onReply = ({ result }) => {
      const { eventsCursor, reattach } = (result ?? {}) as Joined;
      if (isAttached || eventsCursor === undefined) return;
      isAttached = true;
      this.#join(eventsCursor, reattach);
    };
    client.onNotification = (bytes) => {
      if (isAttached) this.#take(bytes);
    };
    const after = cursor === null ? {} : { afterEpoch: cursor.epoch, afterSeq: cursor.seq };
    await client.request('thread/resume', { threadId, excludeTurns: true, ...after });
    if (!isAttached) throw new Error(`${name}: a reply without eventsCursor`);
  }

  /** After everybody has seen everything: joined deltas are the deltas that others saw. */
  checkJoined(): void {
    for (const { first, last, bytes } of this.#jumps) {
      if (this.#options.ledger.isJoined(first, last, bytes)) continue;
      this.#report('lost', `after number ${first - 1} came ${last}`, shorten(bytes.toString('latin1')));
    }
    this.#jumps = [];
  }

  #join(eventsCursor: Cursor, reattach: Joined['reattach']): void {
    const isExpired = reattach?.type === 'resync' && reattach.reason === 'expired';
    if (this.cursor !== null && reattach?.type === 'replay') this.replayed += eventsCursor.seq - this.cursor.seq;
    else if (this.cursor !== null && isExpired) this.resynced += 1;
    else if (this.cursor !== null) this.#report('broken', `not taken up again: ${JSON.stringify(reattach)}`);
    this.#isJoining = this.cursor === null || isExpired;
    if (this.#isJoining) this.cursor = eventsCursor;
  }

  #take(bytes: Buffer): void {
    const stamp = stampOf(bytes);
    if (stamp === null || this.cursor === null) return;
    const last = this.cursor.seq;
    const { seq, emittedAtMs } = stamp;
    // What runs is told to a newcomer under the number of its reply.
    if (this.#isJoining && seq === last) return;
    this.#isJoining = false;
    if (seq <= last) this.#report('doubled', `after number ${last} came ${seq}`);
    else if (seq > last + 1) this.#jump(last + 1, seq, bytes);
    else if (!this.#options.ledger.note(seq, bytes)) this.#noteDifference(seq, bytes);
    this.cursor = { epoch: this.cursor.epoch, seq };
    this.latencies.push(Date.now() - emittedAtMs);
  }

  #jump(first: number, last: number, bytes: Buffer): void {
    if (!this.#options.isSlow) return this.#report('lost', `after number ${first - 1} came ${last}`);
    this.joined += 1;
    this.#jumps.push({ first, last, bytes: Buffer.from(bytes) });
  }

  #noteDifference(seq: number, bytes: Buffer): void {
    this.#report('order', `other bytes under number ${seq}`, shorten(bytes.toString('latin1')));
  }

  #report(kind: Violation['kind'], what: string, found = ''): void {
    const { name, threadId } = this.#options;
    this.violations.push({ kind, threadId, what: `${name}: ${what}`, found });
  }
}
