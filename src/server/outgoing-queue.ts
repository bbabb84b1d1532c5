// What waits for a client that takes less than it is told: in order, and with deltas joined on demand. Main thread.
import { isDelta } from '../protocol/notification-names.js';
import type { OutgoingFrame } from '../registry/subscription.js';
import { findDelta } from '../session/frame-text.js';

/** A joined delta has not many more bytes: clients take no frame of any size. */
const MAX_JOINED_BYTES = 256 * 1024;

/** A message for the socket. Its bytes may be shared: they are never changed. */
export interface Outgoing {
  bytes: Buffer;
  /** What a conversation tells or asks; null for a reply and for what concerns this connection alone. */
  notification: Pick<OutgoingFrame, 'method' | 'threadId'> | null;
  /** Called when a reply was handed to the system. */
  onSent?: () => void;
}

/** Deltas of one text that follow each other in the order of their conversation. */
interface Run {
  head: Buffer;
  texts: Buffer[];
  tail: Buffer;
  bytes: number;
  place: number;
}

export class OutgoingQueue {
  #waiting: Outgoing[] = [];
  #head = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#head === this.#waiting.length;
  }

  push(message: Outgoing): void {
    this.#waiting.push(message);
    this.#bytes += message.bytes.length;
  }

  shift(): Outgoing | undefined {
    const message = this.#waiting[this.#head];
    if (message === undefined) return undefined;
    this.#bytes -= message.bytes.length;
    this.#head += 1;
    if (this.isEmpty) this.#keep([]);
    else if (this.#head > 4096) this.#keep(this.#rest());
    return message;
  }

  /**
   * Joins deltas of one text that follow each other in the order of their conversation, under the number and the time of
   * the last. Nothing passes a message that is no conversation's: what a reply shows is not told before it.
   */
  joinDeltas(): void {
    const kept: Outgoing[] = [];
    const runs: Run[] = [];
    const open = new Map<string | null, Run>();
    for (const message of this.#rest()) {
      const { notification, bytes } = message;
      if (notification === null) open.clear();
      else if (!isDelta(notification.method)) open.delete(notification.threadId);
      else {
        const { start, end } = findDelta(bytes);
        const text = bytes.subarray(start, end);
        const run = open.get(notification.threadId);
        const isSameText = run !== undefined && run.head.equals(bytes.subarray(0, start));
        if (isSameText && run.bytes + text.length <= MAX_JOINED_BYTES) {
          run.texts.push(text);
          run.tail = bytes.subarray(end);
          run.bytes += text.length;
          continue;
        }
        const begun: Run = {
          head: bytes.subarray(0, start),
          texts: [text],
          tail: bytes.subarray(end),
          bytes: bytes.length,
          place: kept.length,
        };
        open.set(notification.threadId, begun);
        runs.push(begun);
      }
      kept.push(message);
    }
    for (const { head, texts, tail, place } of runs) {
      if (texts.length > 1) kept[place] = { ...kept[place]!, bytes: Buffer.concat([head, ...texts, tail]) };
    }
    this.#keep(kept);
  }

  /** Drops all notifications: what is left is what was asked for. */
  keepReplies(): void {
    this.#keep(this.#rest().filter(({ notification }) => notification === null));
  }

  #rest(): Outgoing[] {
    return this.#waiting.slice(this.#head);
  }

  #keep(messages: Outgoing[]): void {
    this.#waiting = messages;
    this.#head = 0;
    this.#bytes = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}
