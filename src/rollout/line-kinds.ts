// Tells the kind of a rollout line from its first bytes, so that lines nobody wants need not be parsed. Any thread.
import type { EventPayload, RolloutLine } from './line.js';

/** What a line is: `response_item`, or with its event `event_msg/task_started`. */
export type LineKind = Exclude<RolloutLine['type'], 'event_msg'> | `event_msg/${EventPayload['type']}`;

// Writers put the fields in this order, without blanks; a line that begins otherwise is parsed to find out.
const TIMESTAMP = bytesOf('{"timestamp":"');
const ORDINAL = bytesOf(',"ordinal":');
const TYPE = bytesOf(',"type":"');
const EVENT = bytesOf('event_msg","payload":{"type":"');
const TIMESTAMP_LENGTH = '2026-01-31T12:00:00.000Z'.length;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

/** Passes over lines of other kinds than those wanted, as far as their first bytes tell. */
export class LineKindFilter {
  readonly #types: readonly Uint8Array[];
  readonly #events: readonly Uint8Array[];
  /** One more than the highest ordinal of a line that was passed over. */
  nextOrdinal = 0;

  constructor(wanted: ReadonlySet<LineKind>) {
    const kinds = [...wanted].map((kind) => kind.split('/') as [string, string?]);
    this.#types = kinds.flatMap(([type, event]) => (event === undefined ? [bytesOf(`${type}"`)] : []));
    this.#events = kinds.flatMap(([, event]) => (event === undefined ? [] : [bytesOf(`${event}"`)]));
  }

  /** True when the line that starts with these bytes is surely not wanted. */
  passesOver(line: Uint8Array): boolean {
    if (!hasAt(line, 0, TIMESTAMP)) return false;
    let at = TIMESTAMP.length + TIMESTAMP_LENGTH;
    if (line[at] !== QUOTE) return false;
    at += 1;
    let ordinal = -1;
    if (hasAt(line, at, ORDINAL)) {
      ordinal = 0;
      for (at += ORDINAL.length; line[at]! >= ZERO && line[at]! <= NINE; at += 1) {
        ordinal = ordinal * 10 + line[at]! - ZERO;
      }
    }
    if (!hasAt(line, at, TYPE)) return false;
    at += TYPE.length;
    const isEvent = hasAt(line, at, EVENT);
    if (isEvent) at += EVENT.length;
    // What a short piece does not show is not known.
    if (line.length < at + 48) return false;
    const wanted = isEvent ? this.#events : this.#types;
    if (wanted.some((kind) => hasAt(line, at, kind))) return false;
    this.nextOrdinal = Math.max(this.nextOrdinal, ordinal + 1);
    return true;
  }
}

function hasAt(line: Uint8Array, at: number, pattern: Uint8Array): boolean {
  for (let index = 0; index < pattern.length; index += 1) if (line[at + index] !== pattern[index]) return false;
  return true;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
