// The last notifications of a conversation with their numbers, kept for clients that come back. Main thread.
import { isNumbered, NOTIFICATION_METHODS } from '../protocol/notification-names.js';
import type { NotificationName } from '../protocol/notification-names.js';
import type { SessionPart } from '../session/messages.js';
import type { ReplayBudget } from './replay-budget.js';

export type Frames = SessionPart & { type: 'frames' };

/** A numbered notification as a session made it: its text without the closing brace. */
export interface KeptFrame {
  seq: number;
  method: NotificationName;
  text: string;
}

/** By the index of the method. */
const NUMBERED: readonly boolean[] = NOTIFICATION_METHODS.map(isNumbered);

/** What a batch and a frame in it take up beside the text, about. */
const BATCH_BYTES = 256;
const FRAME_BYTES = 24;

interface Batch {
  /** Number of the first numbered frame in it, or that of the next one when there is none. */
  first: number;
  frames: Frames;
  bytes: number;
}

/** In place of a batch, so that its text is free. */
const DROPPED: Batch = { first: 0, frames: { type: 'frames', text: '', ends: [], methods: [] }, bytes: 0 };

/**
 * Counts a conversation's notifications from 1, over all its sessions in one life of the daemon, and keeps the newest of
 * them: whole batches as they came, whose texts nobody copies. What is too much is dropped from the old end.
 */
export class ReplayRing {
  readonly #maxBytes: number;
  readonly #budget: ReplayBudget;
  #batches: Batch[] = [];
  /** Batches before it are dropped. */
  #head = 0;
  #bytes = 0;
  #last = 0;
  /** Who has less than this has missed what was never numbered. */
  #validFrom = 0;

  /** `maxBytes` of memory at most for this conversation, 0 keeps nothing; `budget` is shared by all. */
  constructor(maxBytes: number, budget: ReplayBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** Number of the last event of the conversation. */
  get last(): number {
    return this.#last;
  }

  /** Memory that is taken up, about. */
  get bytes(): number {
    return this.#bytes;
  }

  append(frames: Frames): void {
    const first = this.#last + 1;
    for (const method of frames.methods) if (NUMBERED[method] === true) this.#last += 1;
    const bytes = sizeOf(frames);
    if (bytes > this.#maxBytes) return this.clear();
    this.#batches.push({ first, frames, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
    this.#budget.grow(this, this.#bytes);
  }

  /**
   * What was numbered above `seq`, up to `until`, in order; null when that is not all known any more, or `seq` is still to
   * come. What is dropped later stays in what was returned.
   */
  framesAfter(seq: number, until: number = this.#last): Iterable<KeptFrame> | null {
    const oldest = this.#batches[this.#head]?.first ?? this.#last + 1;
    if (seq > this.#last || seq + 1 < oldest || seq < this.#validFrom) return null;
    return numberedBetween(seq, until, this.#batches.slice(this.#indexOf(seq + 1)));
  }

  /** All that is known still, in order. */
  keptFrames(): Iterable<KeptFrame> {
    return numberedBetween(0, this.#last, this.#batches.slice(this.#head));
  }

  /** Drops everything; the count goes on. */
  clear(): void {
    this.#batches = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#budget.release(this);
  }

  /** Something happened to the conversation that nobody numbered: whoever left before it cannot be told what. */
  breakOff(): void {
    this.clear();
    this.#validFrom = this.#last + 1;
  }

  /** Of the last batch that begins at or before this number. */
  #indexOf(seq: number): number {
    let low = this.#head;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#batches[middle]!.first <= seq) low = middle + 1;
      else high = middle;
    }
    return Math.max(this.#head, low - 1);
  }

  #dropOldest(): void {
    this.#bytes -= this.#batches[this.#head]!.bytes;
    this.#batches[this.#head] = DROPPED;
    this.#head += 1;
    // Now and then only: it copies the array.
    if (this.#head < 64 || this.#head * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#head);
    this.#head = 0;
  }
}

function* numberedBetween(after: number, until: number, batches: readonly Batch[]): Generator<KeptFrame> {
  for (const { first, frames } of batches) {
    const { text, ends, methods } = frames;
    let number = first - 1;
    for (let index = 0; index < ends.length; index += 1) {
      const method = methods[index]!;
      if (NUMBERED[method] !== true) continue;
      number += 1;
      if (number > until) return;
      if (number <= after) continue;
      yield { seq: number, method: NOTIFICATION_METHODS[method]!, text: text.slice(ends[index - 1] ?? 0, ends[index]) };
    }
  }
}

/** Strings hold one byte for each unit as long as all are Latin. */
function sizeOf({ text, ends }: Frames): number {
  const isAscii = Buffer.byteLength(text) === text.length;
  return (isAscii ? 1 : 2) * text.length + ends.length * FRAME_BYTES + BATCH_BYTES;
}
