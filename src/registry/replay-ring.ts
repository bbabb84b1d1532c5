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

/** What a block and a frame in it take up beside the text, about. */
const BLOCK_BYTES = 256;
const FRAME_BYTES = 24;

/** A conversation that says little has a small block; no block is more than this part of what may be kept. */
const FIRST_TEXT_BYTES = 4 * 1024;
const LAST_TEXT_BYTES = 64 * 1024;
const BLOCKS_AT_LEAST = 16;

/** Frames one after the other. Their text lies outside of V8's heap, which would have to move it. */
interface Block {
  /** Number of the first numbered frame in it, or that of the next one when there is none. */
  first: number;
  /** UTF-8, and how much of it is used. */
  text: Buffer;
  used: number;
  /** Length of the text in UTF-16 units, in which `ends` are told. */
  units: number;
  ends: number[];
  methods: number[];
}

/**
 * Counts a conversation's notifications from 1, over all its sessions in one life of the daemon, and keeps the newest of
 * them. What is too much is dropped from the old end, a block at a time.
 */
export class ReplayRing {
  readonly #maxBytes: number;
  readonly #budget: ReplayBudget;
  /** Oldest first; the last one takes what comes. */
  #blocks: Block[] = [];
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

  append({ text, ends, methods }: Frames): void {
    const block = this.#roomFor(Buffer.byteLength(text));
    for (let index = 0; index < ends.length; index += 1) {
      block.ends.push(block.units + ends[index]!);
      block.methods.push(methods[index]!);
      if (NUMBERED[methods[index]!] === true) this.#last += 1;
    }
    block.used += block.text.write(text, block.used);
    block.units += text.length;
    this.#bytes += ends.length * FRAME_BYTES;
    while (this.#bytes > this.#maxBytes) this.#bytes -= sizeOf(this.#blocks.shift()!);
    this.#budget.grow(this, this.#bytes);
  }

  /**
   * What was numbered above `seq`, up to `until`, in order; null when that is not all known any more, or `seq` is still to
   * come. What is dropped later stays in what was returned.
   */
  framesAfter(seq: number, until: number = this.#last): Iterable<KeptFrame> | null {
    const oldest = this.#blocks[0]?.first ?? this.#last + 1;
    if (seq > this.#last || seq + 1 < oldest || seq < this.#validFrom) return null;
    const from = this.#blocks.findLastIndex(({ first }) => first <= seq + 1);
    return numberedBetween(seq, until, from < 0 ? [] : this.#blocks.slice(from));
  }

  /** All that is known still, in order. */
  keptFrames(): Iterable<KeptFrame> {
    return numberedBetween(0, this.#last, this.#blocks.slice());
  }

  /** Drops everything; the count goes on. */
  clear(): void {
    this.#blocks = [];
    this.#bytes = 0;
    this.#budget.release(this);
  }

  /** Something happened to the conversation that nobody numbered: whoever left before it cannot be told what. */
  breakOff(): void {
    this.clear();
    this.#validFrom = this.#last + 1;
  }

  #roomFor(bytes: number): Block {
    const open = this.#blocks.at(-1);
    if (open !== undefined && bytes <= open.text.length - open.used) return open;
    const usual = Math.min(
      open === undefined ? FIRST_TEXT_BYTES : Math.max(FIRST_TEXT_BYTES, 2 * open.text.length),
      LAST_TEXT_BYTES,
      Math.floor(this.#maxBytes / BLOCKS_AT_LEAST),
    );
    const text = Buffer.allocUnsafeSlow(Math.max(usual, bytes));
    const block: Block = { first: this.#last + 1, text, used: 0, units: 0, ends: [], methods: [] };
    this.#blocks.push(block);
    this.#bytes += sizeOf(block);
    return block;
  }
}

function sizeOf({ text, ends }: Block): number {
  return text.length + ends.length * FRAME_BYTES + BLOCK_BYTES;
}

function* numberedBetween(after: number, until: number, blocks: readonly Block[]): Generator<KeptFrame> {
  for (const { first, text: bytes, used, ends, methods } of blocks) {
    const text = bytes.toString('utf8', 0, used);
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
