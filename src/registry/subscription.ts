// One subscriber of a conversation: what it was given, and what is kept back while older things are on their way. Main thread.
import type { NotificationName } from '../protocol/notification-names.js';
import type { ServerRequestName } from '../protocol/server-requests.js';

/** A notification or a server request, ready for the socket. */
export interface OutgoingFrame {
  method: NotificationName | ServerRequestName;
  /** Null for what concerns no conversation. */
  threadId: string | null;
  /** UTF-8 JSON text, shared by all receivers: never changed. */
  bytes: Buffer;
}

/** One who may receive notifications: a client connection. */
export interface Subscriber {
  deliver(frame: OutgoingFrame): void;
  /** Null while it takes what it is given; else resolves when it does again, or is gone. A replay waits for it. */
  whenReady(): Promise<void> | null;
}

/** Bytes that are kept back while it is slow to take a replay. Then it is given all at once, and its connection judges it. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

export class Subscription {
  /** It was given every event after this one, or will be by a replay that is under way. */
  since: number;
  /** Whether it is asked what the conversation asks; one that only looks on is not. */
  mayAnswer = false;
  readonly #subscriber: Subscriber;
  /** Snapshots and replays that are under way. */
  #holds = 0;
  #held: OutgoingFrame[] = [];
  #heldBytes = 0;
  #hurry: (() => void)[] = [];

  constructor(subscriber: Subscriber, since: number) {
    this.#subscriber = subscriber;
    this.since = since;
  }

  /** An event: delivered now, or when all holds are released. */
  take(frame: OutgoingFrame): void {
    if (this.#holds === 0) return this.#subscriber.deliver(frame);
    this.#held.push(frame);
    this.#heldBytes += frame.bytes.length;
    if (this.#mustHurry) for (const hurry of this.#hurry.splice(0)) hurry();
  }

  /** Keeps back what comes from now on until release(). May be called again before. */
  hold(): void {
    this.#holds += 1;
  }

  /** With the last hold goes what was held, in order. */
  release(): void {
    if (this.#holds === 0) return;
    this.#holds -= 1;
    if (this.#holds > 0) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#hurry = [];
    for (const frame of held) this.#subscriber.deliver(frame);
  }

  /** Resolves when it has taken most of what it was given, or when too much is kept back for it. */
  async whenReady(): Promise<void> {
    for (let ready = this.#subscriber.whenReady(); ready !== null; ready = this.#subscriber.whenReady()) {
      if (this.#mustHurry) return;
      const isReady = ready;
      await new Promise<void>((resolve) => {
        this.#hurry.push(resolve);
        void isReady.then(resolve);
      });
    }
  }

  get #mustHurry(): boolean {
    return this.#heldBytes > MAX_HELD_BYTES;
  }
}
