// Where a conversation's notifications go out: numbered once, made into bytes once, given to all who listen. Main thread.
import { isNumbered, NOTIFICATION_METHODS, notificationAudience } from '../protocol/notification-names.js';
import type { NotificationName } from '../protocol/notification-names.js';
import { frameText } from '../session/frame-text.js';
import type { SessionPart } from '../session/messages.js';

/** A notification ready for the socket. */
export interface OutgoingFrame {
  method: NotificationName;
  /** Null for what concerns no conversation. */
  threadId: string | null;
  /** UTF-8 JSON text, shared by all receivers: never changed. */
  bytes: Buffer;
}

/** One who may receive notifications: a client connection. */
export interface Subscriber {
  deliver(frame: OutgoingFrame): void;
}

/** Number of the last event of a conversation. */
export interface EventCount {
  last: number;
}

/**
 * Numbers every notification that names its conversation, from 1 and without gaps, in the order of its events; `epoch` tells
 * one life of the daemon from another. Those of audience `all` reach every listener, the others the subscribers.
 */
export class FanOut {
  readonly #threadId: string;
  readonly #epoch: string;
  readonly #listeners: ReadonlySet<Subscriber>;
  /** Value: frames held back while the subscriber's snapshot is on its way, or null. */
  readonly #subscribers = new Map<Subscriber, OutgoingFrame[] | null>();
  readonly #count: EventCount;

  /**
   * `listeners` are all connections there are, subscribed or not; the set stays the caller's. `count` is shared by all
   * that ever number events of this conversation in this epoch.
   */
  constructor(threadId: string, epoch: string, listeners: ReadonlySet<Subscriber>, count: EventCount = { last: 0 }) {
    this.#threadId = threadId;
    this.#epoch = epoch;
    this.#listeners = listeners;
    this.#count = count;
  }

  get seq(): number {
    return this.#count.last;
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  has(subscriber: Subscriber): boolean {
    return this.#subscribers.has(subscriber);
  }

  add(subscriber: Subscriber): void {
    if (!this.#subscribers.has(subscriber)) this.#subscribers.set(subscriber, null);
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
    this.#subscribers.set(subscriber, this.#subscribers.get(subscriber) ?? []);
  }

  /** Delivers what was held, in order, and lets the rest flow. */
  release(subscriber: Subscriber): void {
    const held = this.#subscribers.get(subscriber);
    if (held === undefined || held === null) return;
    this.#subscribers.set(subscriber, null);
    for (const frame of held) subscriber.deliver(frame);
  }

  /** Frames as a session made them: texts without their closing brace. */
  publishFrames(part: SessionPart & { type: 'frames' }): void {
    const { text, ends, methods } = part;
    let start = 0;
    for (let index = 0; index < ends.length; index += 1) {
      const end = ends[index]!;
      const method = NOTIFICATION_METHODS[methods[index]!]!;
      this.#publish(method, text.slice(start, end));
      start = end;
    }
  }

  /** A notification that the main thread makes itself. */
  publish(method: NotificationName, params: unknown): void {
    this.#publish(method, frameText(method, params));
  }

  /** To one subscriber only, past its hold: repeats what lies at or before event number `seq`. */
  sendAside(subscriber: Subscriber, method: NotificationName, openText: string, seq: number): void {
    subscriber.deliver({ method, threadId: this.#threadId, bytes: this.#finishFrame(openText, seq) });
  }

  #publish(method: NotificationName, openText: string): void {
    const numbered = isNumbered(method);
    if (numbered) this.#count.last += 1;
    if (!this.#isHeard(method)) return;
    this.#send(method, numbered ? this.#finishFrame(openText, this.#count.last) : Buffer.from(`${openText}}`));
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
      for (const listener of this.#listeners) this.#deliver(listener, frame);
    } else {
      for (const subscriber of this.#subscribers.keys()) this.#deliver(subscriber, frame);
    }
  }

  #deliver(subscriber: Subscriber, frame: OutgoingFrame): void {
    const held = this.#subscribers.get(subscriber);
    if (held === undefined || held === null) subscriber.deliver(frame);
    else held.push(frame);
  }
}
