// Where a conversation's notifications go out: numbered once, made into bytes once, given to all who listen. Main thread.
import { setImmediate as nextTick } from 'node:timers/promises';
import {
  isNumbered,
  NOTIFICATION_METHODS,
  notificationAudience,
  notificationIndex,
} from '../protocol/notification-names.js';
import type { TokenUsage } from '../protocol/thread.js';
import type { NotificationName } from '../protocol/notification-names.js';
import { frameText } from '../session/frame-text.js';
import type { Frames, KeptFrame, ReplayRing } from './replay-ring.js';
import { Subscription } from './subscription.js';
import type { OutgoingFrame, Subscriber } from './subscription.js';

/** Frames of a replay that leave at once, and their characters; in between, others get their turn. */
const SLICE_FRAMES = 512;
const SLICE_LENGTH = 256 * 1024;

/** A place in the events of a conversation. */
export interface EventsCursor {
  epoch: string;
  seq: number;
}

/** What a client that comes back with its last event has missed. */
export type Reattach =
  /** `frames` are those after event `after`, none when it is current. */
  | { type: 'replay' | 'current'; after: number; frames: Iterable<KeptFrame> }
  | { type: 'resync'; reason: 'epoch_changed' | 'expired' | 'ahead' };

/** Where somebody joined the events of a conversation. */
export interface Place {
  /** The last event that it is shown otherwise. */
  cursor: EventsCursor;
  /** Null when it did not say what it has. */
  reattach: Reattach | null;
}

/** What was used, and in which turn. */
export interface TurnUsage {
  turnId: string;
  usage: TokenUsage;
}

/**
 * Numbers every notification that names its conversation, from 1 and without gaps, in the order of its events; `epoch` tells
 * one life of the daemon from another. Those of audience `all` reach every listener, the others the subscribers.
 */
export class FanOut {
  readonly #threadId: string;
  readonly #epoch: string;
  readonly #listeners: ReadonlySet<Subscriber>;
  readonly #subscribers = new Map<Subscriber, Subscription>();
  /** Server requests that wait for an answer, by id, the oldest first. */
  readonly #questions = new Map<number, OutgoingFrame>();
  readonly #ring: ReplayRing;

  /**
   * `listeners` are all connections there are, subscribed or not; the set stays the caller's. `ring` is shared by all
   * that ever number events of this conversation in this epoch.
   */
  constructor(threadId: string, epoch: string, listeners: ReadonlySet<Subscriber>, ring: ReplayRing) {
    this.#threadId = threadId;
    this.#epoch = epoch;
    this.#listeners = listeners;
    this.#ring = ring;
  }

  /** Number of the last event. */
  get seq(): number {
    return this.#ring.last;
  }

  /** The place of the last event. */
  get cursor(): EventsCursor {
    return { epoch: this.#epoch, seq: this.seq };
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  has(subscriber: Subscriber): boolean {
    return this.#subscribers.has(subscriber);
  }

  /** `mayAnswer`: it is asked, too, from now on; see tellQuestions() for what is open already. */
  add(subscriber: Subscriber, mayAnswer = false): void {
    if (!this.#subscribers.has(subscriber)) this.#subscribers.set(subscriber, new Subscription(subscriber, this.seq));
    if (mayAnswer) this.#subscribers.get(subscriber)!.mayAnswer = true;
  }

  /** Whether it is subscribed, and not only looking on. */
  mayAnswer(subscriber: Subscriber): boolean {
    return this.#subscribers.get(subscriber)?.mayAnswer === true;
  }

  /** A server request: to all who may answer, and to those who join before it is closed. */
  openQuestion(id: number, frame: OutgoingFrame): void {
    this.#questions.set(id, frame);
    for (const subscription of this.#subscribers.values()) if (subscription.mayAnswer) subscription.take(frame);
  }

  closeQuestion(id: number): void {
    this.#questions.delete(id);
    this.publish('serverRequest/resolved', { threadId: this.#threadId, requestId: id });
  }

  /** To one that may answer: everything that is open, behind what is kept back for it. */
  tellQuestions(subscriber: Subscriber): void {
    const subscription = this.#subscribers.get(subscriber);
    if (subscription?.mayAnswer !== true) return;
    for (const frame of this.#questions.values()) subscription.take(frame);
  }

  /** True when it had been subscribed. */
  remove(subscriber: Subscriber): boolean {
    return this.#subscribers.delete(subscriber);
  }

  /** Ends the subscriptions of connections that are gone. */
  dropDeparted(): void {
    for (const subscriber of this.#subscribers.keys()) {
      if (!this.#listeners.has(subscriber)) this.#subscribers.delete(subscriber);
    }
  }

  /** Subscribes, and keeps what comes from now on until release(): the place of a snapshot in the order of events. */
  hold(subscriber: Subscriber): void {
    this.add(subscriber);
    this.#subscribers.get(subscriber)!.hold();
  }

  /**
   * The same, and what the place is; `after` is the last event that it has, or null when it does not say. What is asked at
   * this moment it is told again right before what is kept, unless it has it and says what it has.
   */
  join(subscriber: Subscriber, after: EventsCursor | null, mayAnswer = false): Place {
    const { cursor } = this;
    const reattach = after === null ? null : this.missedSince(after, subscriber);
    const hasQuestions = after !== null && this.mayAnswer(subscriber);
    this.hold(subscriber);
    this.add(subscriber, mayAnswer);
    if (!hasQuestions) this.tellQuestions(subscriber);
    return { cursor, reattach };
  }

  /**
   * After the reply to one that joined there: what the reply does not show (usage, and running items with their text so far,
   * as notification texts), then all that happened since, in order.
   */
  catchUp(
    subscriber: Subscriber,
    { seq }: EventsCursor,
    usage: TurnUsage | null,
    runningItemFrames: string[] = [],
  ): void {
    if (usage !== null) this.tellUsage(subscriber, usage, seq);
    this.#tellAside(subscriber, 'thread/goal/cleared', {}, seq);
    for (const text of runningItemFrames) this.sendAside(subscriber, 'item/started', text, seq);
    this.release(subscriber);
  }

  /** To one subscriber: what was used up to event `seq`, and in which turn. */
  tellUsage(subscriber: Subscriber, { turnId, usage }: TurnUsage, seq: number): void {
    this.#tellAside(subscriber, 'thread/tokenUsage/updated', { turnId, tokenUsage: usage }, seq);
  }

  /** Delivers what was held, in order, and lets the rest flow; later, when it is held for something else too. */
  release(subscriber: Subscriber): void {
    this.#subscribers.get(subscriber)?.release();
  }

  /**
   * What a client that has everything up to `after` is still to be given to have everything up to now. To one that is
   * subscribed already nothing is given twice.
   */
  missedSince(after: EventsCursor, subscriber: Subscriber): Reattach {
    if (after.epoch !== this.#epoch) return { type: 'resync', reason: 'epoch_changed' };
    if (after.seq > this.seq) return { type: 'resync', reason: 'ahead' };
    const { since } = this.#subscribers.get(subscriber) ?? {};
    if (since !== undefined && after.seq >= since) return { type: 'current', after: after.seq, frames: [] };
    const frames = this.#ring.framesAfter(after.seq, since);
    if (frames === null) return { type: 'resync', reason: 'expired' };
    return { type: after.seq === this.seq ? 'current' : 'replay', after: after.seq, frames };
  }

  /**
   * Delivers what was missed to a subscriber that is held, as fast as it takes it, then releases it. Ends early when it
   * leaves. Never rejects.
   */
  async replay(subscriber: Subscriber, { after, frames }: Exclude<Reattach, { type: 'resync' }>): Promise<void> {
    const subscription = this.#subscribers.get(subscriber);
    if (subscription === undefined) return;
    subscription.since = Math.min(subscription.since, after);
    let slice = { frames: 0, length: 0 };
    for (const { method, text, seq } of frames) {
      this.sendAside(subscriber, method, text, seq);
      slice.frames += 1;
      slice.length += text.length;
      if (slice.frames < SLICE_FRAMES && slice.length < SLICE_LENGTH) continue;
      slice = { frames: 0, length: 0 };
      await nextTick();
      await subscription.whenReady();
      if (this.#subscribers.get(subscriber) !== subscription) return;
    }
    subscription.release();
  }

  /** Numbered events, as far back as they are known. */
  keptFrames(): Iterable<KeptFrame> {
    return this.#ring.keptFrames();
  }

  /** Frames as a session made them: texts without their closing brace. */
  publishFrames(frames: Frames): void {
    const { text, ends, methods } = frames;
    let { seq } = this;
    this.#ring.append(frames);
    let start = 0;
    for (let index = 0; index < ends.length; index += 1) {
      const end = ends[index]!;
      const method = NOTIFICATION_METHODS[methods[index]!]!;
      const numbered = isNumbered(method);
      if (numbered) seq += 1;
      if (this.#isHeard(method)) {
        const openText = text.slice(start, end);
        this.#send(method, numbered ? this.#finishFrame(openText, seq) : Buffer.from(`${openText}}`));
      }
      start = end;
    }
  }

  /** A notification that the main thread makes itself. */
  publish(method: NotificationName, params: unknown): void {
    const text = frameText(method, params);
    this.publishFrames({ type: 'frames', text, ends: [text.length], methods: [notificationIndex(method)] });
  }

  /** To one subscriber only, past its hold: event number `seq`, or a repetition of what lies at or before it. */
  sendAside(subscriber: Subscriber, method: NotificationName, openText: string, seq: number): void {
    subscriber.deliver({ method, threadId: this.#threadId, bytes: this.#finishFrame(openText, seq) });
  }

  #tellAside(subscriber: Subscriber, method: NotificationName, params: object, seq: number): void {
    this.sendAside(subscriber, method, frameText(method, { threadId: this.#threadId, ...params }), seq);
  }

  #isHeard(method: NotificationName): boolean {
    return this.#subscribers.size > 0 || (notificationAudience(method) === 'all' && this.#listeners.size > 0);
  }

  #finishFrame(openText: string, seq: number): Buffer {
    return Buffer.from(`${openText},"epoch":"${this.#epoch}","seq":${seq}}`);
  }

  #send(method: NotificationName, bytes: Buffer): void {
    const frame: OutgoingFrame = { method, threadId: this.#threadId, bytes };
    if (notificationAudience(method) === 'all') {
      for (const listener of this.#listeners) {
        const subscription = this.#subscribers.get(listener);
        if (subscription === undefined) listener.deliver(frame);
        else subscription.take(frame);
      }
    } else {
      for (const subscription of this.#subscribers.values()) subscription.take(frame);
    }
  }
}
