// The bytes of each event of one conversation, and what a client may make of several deltas in one. Any thread.

/** Number, time and text of a notification, read off its bytes. */
export interface Stamp {
  seq: number;
  emittedAtMs: number;
}

const STAMP = /,"emittedAtMs":(\d+),"epoch":"[^"]*","seq":(\d+)\}$/;
/** Longer than any stamp. */
const STAMP_BYTES = 160;
const DELTA_METHOD = '{"method":"item/agentMessage/delta"';
const BEFORE_TEXT = ',"delta":"';
const AFTER_TEXT = '"},"emittedAtMs":';

/** Null for a notification that has no number. */
export function stampOf(bytes: Buffer): Stamp | null {
  const match = STAMP.exec(bytes.toString('latin1', Math.max(0, bytes.length - STAMP_BYTES)));
  return match === null ? null : { emittedAtMs: Number(match[1]), seq: Number(match[2]) };
}

export class ByteLedger {
  readonly #events: Buffer[] = [];

  /** False when somebody saw other bytes under this number. */
  note(seq: number, bytes: Buffer): boolean {
    const known = this.#events[seq];
    if (known !== undefined) return known.equals(bytes);
    this.#events[seq] = Buffer.from(bytes);
    return true;
  }

  /** True when `bytes`, under number `last`, is the deltas `first` to `last` of one item, joined. Nobody may lack them by now. */
  isJoined(first: number, last: number, bytes: Buffer): boolean {
    const events = this.#events.slice(first, last + 1);
    const deltas = events.map(splitDelta);
    const joined = splitDelta(bytes);
    if (events.length !== last + 1 - first || joined === null) return false;
    return (
      deltas.every((delta) => delta !== null && delta.head === joined.head) &&
      deltas.at(-1)!.tail === joined.tail &&
      deltas.map((delta) => delta!.text).join('') === joined.text
    );
  }
}

function splitDelta(bytes: Buffer | undefined): { head: string; text: string; tail: string } | null {
  const whole = bytes?.toString('latin1') ?? '';
  const start = whole.indexOf(BEFORE_TEXT) + BEFORE_TEXT.length;
  const end = whole.lastIndexOf(AFTER_TEXT);
  if (!whole.startsWith(DELTA_METHOD) || end < start) return null;
  return { head: whole.slice(0, start), text: whole.slice(start, end), tail: whole.slice(end) };
}
