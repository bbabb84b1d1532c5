// Tells the kind of a rollout line from its first bytes, so that lines nobody wants need not be parsed. Any thread.
import type { EventPayload, RolloutLine } from './line.js';
import type { KnownResponseItem } from './response-item.js';

type ResponseType = KnownResponseItem['type'] | 'tool_search_call' | 'tool_search_output' | 'image_generation_call';

/** What a line is: `turn_context`, or with what it holds `event_msg/task_started`, `response_item/message`. */
export type LineKind =
  Exclude<RolloutLine['type'], 'event_msg'> | `event_msg/${EventPayload['type']}` | `response_item/${ResponseType}`;

// Writers put the fields in this order, without blanks; a line that begins otherwise is parsed to find out.
const TIMESTAMP = bytesOf('{"timestamp":"');
const ORDINAL = bytesOf(',"ordinal":');
const TYPE = bytesOf(',"type":"');
const TIMESTAMP_LENGTH = '2026-01-31T12:00:00.000Z'.length;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

/** Passes over lines of other kinds than those wanted, as far as their first bytes tell. */
export class LineKindFilter {
  readonly #whole: readonly Uint8Array[];
  /** Types of line of which only some are wanted: how such a line goes on up to its payload's type, and those types. */
  readonly #partly: readonly { type: Uint8Array; upToPayload: Uint8Array; payloads: readonly Uint8Array[] }[];
  /** One more than the highest ordinal of a line that was passed over. */
  nextOrdinal = 0;

  constructor(wanted: ReadonlySet<LineKind>) {
    const kinds = [...wanted].map((kind) => kind.split('/') as [string, string?]);
    const isWhole = new Set(kinds.flatMap(([type, payload]) => (payload === undefined ? [type] : [])));
    this.#whole = [...isWhole].map((type) => bytesOf(`${type}"`));
    const isPartly = new Set(kinds.map(([type]) => type).filter((type) => !isWhole.has(type)));
    this.#partly = [...isPartly].map((type) => ({
      type: bytesOf(`${type}"`),
      upToPayload: bytesOf(`${type}","payload":{"type":"`),
      payloads: kinds.flatMap(([of, payload]) => (of === type ? [bytesOf(`${payload}"`)] : [])),
    }));
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
    if (this.#whole.some((type) => hasAt(line, at, type))) return false;
    const partly = this.#partly.find(({ type }) => hasAt(line, at, type));
    if (partly !== undefined) {
      if (!hasAt(line, at, partly.upToPayload)) return false;
      at += partly.upToPayload.length;
      if (partly.payloads.some((payload) => hasAt(line, at, payload))) return false;
    }
    // What a short piece does not show is not known.
    if (line.length < at + 48) return false;
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
