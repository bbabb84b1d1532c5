// One client of one conversation over all its connections: where it is, what it knows, what was wrong. Any thread.
import type { WireMessage } from '../byte-log.js';
import type { WireTurn } from '../items.js';
import type { Violation, ViolationKind } from '../violation.js';
import { shorten } from '../violation.js';
import { ConversationView } from './conversation-view.js';
import type { Cursor, EventLedger } from './event-ledger.js';

export const REATTACH_KINDS = ['replay', 'current', 'epoch_changed', 'expired', 'ahead'] as const;

/** How a reattach was answered; of resyncs, why. */
export type ReattachKind = (typeof REATTACH_KINDS)[number];

/** What the runs of all followers add up to. */
export interface FollowCounts {
  events: number;
  /** Events that were sent again because their client had missed them. */
  replayed: number;
  reattached: Record<ReattachKind, number>;
  joined: number;
}

export interface FollowerOptions {
  name: string;
  threadId: string;
  ledger: EventLedger;
  counts: FollowCounts;
  /** False when so much was missed that nobody needs to keep it. */
  isKept: (events: number, bytes: number) => boolean;
}

interface Joined {
  thread: { turns: WireTurn[] };
  eventsCursor: Cursor;
  reattach?: { type: string; reason: string | null } | null;
}

/** What a newcomer is told of what went before, under the number of its reply. */
const REPEATED = new Set(['thread/tokenUsage/updated', 'thread/goal/cleared', 'item/started']);

export function emptyCounts(): FollowCounts {
  const reattached = Object.fromEntries(REATTACH_KINDS.map((kind) => [kind, 0])) as FollowCounts['reattached'];
  return { events: 0, replayed: 0, reattached, joined: 0 };
}

/**
 * Numbers count from the reply to thread/resume or thread/start on: what a connection is told before of a conversation
 * that it did not ask for yet comes again. From there each number comes once, in order, and each event is what
 * everybody else saw under its number.
 */
export class Follower {
  readonly view = new ConversationView();
  readonly violations: Violation[] = [];
  /** The last event that was seen, or the place of the snapshot that was; null before the first reply. */
  cursor: Cursor | null = null;
  readonly #options: FollowerOptions;
  #phase: 'deaf' | 'joining' | 'following' = 'deaf';
  /** What was claimed in the resume that is not answered yet. */
  #claim: Cursor | null = null;
  #isSnapshotWhole = false;
  /** Numbers up to this one are replayed. */
  #replayEnd = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /**
   * What to ask for on the next connection. A snapshot is only whole when an event has come after it: what runs is told
   * behind the reply, and nothing says that this was all.
   */
  get claim(): Cursor | null {
    return this.#isSnapshotWhole ? this.cursor : null;
  }

  /** A new connection: what it tells of the conversation does not count yet. */
  reconnect(): void {
    this.#phase = 'deaf';
  }

  /** thread/resume is about to ask for what comes after `claim`. */
  ask(claim: Cursor | null): void {
    this.#claim = claim;
  }

  /** The result of thread/start or thread/resume. */
  takeReply(result: unknown): void {
    const { thread, eventsCursor, reattach } = result as Joined;
    if (typeof eventsCursor?.seq !== 'number')
      return this.#report('broken', 'a reply without eventsCursor', shorten(JSON.stringify(result)));
    const { counts } = this.#options;
    const claim = this.#claim;
    if (claim === null || reattach?.type === 'resync') {
      if (claim === null) counts.joined += 1;
      else this.#checkReason(claim, eventsCursor, String(reattach?.reason));
      this.view.reset(thread.turns);
      this.cursor = eventsCursor;
      this.#isSnapshotWhole = false;
      this.#phase = 'joining';
      return;
    }
    const missed = eventsCursor.seq - claim.seq;
    const expected = missed > 0 ? 'replay' : 'current';
    const isHonest = claim.epoch === eventsCursor.epoch && missed >= 0 && this.#isMine(claim);
    if (reattach?.type !== expected || reattach.reason !== null || !isHonest) {
      const told = `asked for what comes after ${placeOf(claim)}, at ${placeOf(eventsCursor)}`;
      this.#report('broken', 'a wrong answer to a reattach', JSON.stringify(reattach), told);
    }
    counts.reattached[expected] += 1;
    counts.replayed += Math.max(0, missed);
    this.#replayEnd = eventsCursor.seq;
    this.#phase = 'following';
  }

  takeNotification(message: WireMessage, text: string): void {
    const { method = '', params, seq } = message;
    const { threadId, thread } = (params ?? {}) as { threadId?: string; thread?: { id: string } };
    if ((threadId ?? thread?.id) !== this.#options.threadId || seq === undefined) return;
    if (this.#phase === 'deaf' || this.cursor === null) return;
    const { epoch, seq: last } = this.cursor;
    if (this.#phase === 'joining' && seq === last && REPEATED.has(method)) {
      this.view.apply(method, params, true);
      return;
    }
    this.#phase = 'following';
    this.#isSnapshotWhole = true;
    if (message.epoch !== epoch)
      this.#report('order', `an event of epoch ${String(message.epoch)}`, shorten(text), epoch);
    if (seq !== last + 1) {
      this.#report(
        seq > last ? 'lost' : 'doubled',
        `after number ${last} came ${seq} (${method})`,
        `${seq}`,
        `${last + 1}`,
      );
    }
    const seen = { epoch, seq };
    const other = this.#options.ledger.note(seen, text);
    if (other !== null)
      this.#report('order', `another event under number ${seq}`, shorten(text, 400), shorten(other, 400));
    this.cursor = seen;
    this.#options.counts.events += 1;
    this.view.apply(method, params);
    for (const oddity of this.view.oddities.splice(0)) this.#report('order', oddity);
  }

  /** After everything was seen by both: both know the same. */
  compareWith(other: Follower): void {
    for (const difference of this.view.differencesFrom(other.view)) this.#report('lost', difference);
  }

  /** True while there is something that a replay has to bring. */
  get isBehindReplay(): boolean {
    return this.cursor !== null && this.cursor.seq < this.#replayEnd;
  }

  #isMine(claim: Cursor): boolean {
    return claim.epoch === this.cursor?.epoch && claim.seq === this.cursor.seq;
  }

  #checkReason(claim: Cursor, now: Cursor, reason: string): void {
    const missed = now.seq - claim.seq;
    const truth = claim.epoch !== now.epoch ? 'epoch_changed' : missed < 0 ? 'ahead' : 'expired';
    const bytes = this.#options.ledger.bytesBetween(claim, now.seq);
    const isTrue = reason === truth && (truth !== 'expired' || !this.#options.isKept(missed, bytes));
    if (!isTrue) {
      const told = `asked for what comes after ${placeOf(claim)}, at ${placeOf(now)}: ${missed} events, ${bytes} bytes`;
      this.#report('lost', `a resync without a true reason`, reason, told);
    }
    this.#options.counts.reattached[truth] += 1;
  }

  #report(kind: ViolationKind, what: string, found = '', told = ''): void {
    const { name, threadId } = this.#options;
    this.violations.push({ kind, threadId, what: `${name}: ${what}`, told, found });
  }
}

function placeOf({ epoch, seq }: Cursor): string {
  return `${seq} of epoch ${epoch}`;
}
