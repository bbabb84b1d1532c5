// The texts of notifications, made once: how they are written, and where the text of a delta lies in one. Any thread.
import type { NotificationName } from '../protocol/notification-names.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';

const BEFORE_DELTA = ',"delta":"';
const AFTER_DELTA = '"},"emittedAtMs":';

/**
 * JSON text of a notification up to, not including, its closing brace: whoever numbers it appends `epoch` and `seq`
 * without parsing. `params` must be JSON-serialisable.
 */
export function frameText(method: NotificationName, params: unknown): string {
  return `{"method":"${method}","params":${stringifyWellFormed(params)},"emittedAtMs":${Date.now()}`;
}

/** What the deltas of one item repeat, made once: `params` are all others, at least one. */
export function deltaFrameHead(method: NotificationName, params: Record<string, string>): string {
  return `{"method":"${method}","params":${JSON.stringify(params).slice(0, -1)}`;
}

/** The same as frameText(), with `delta` the last of the params; `head` is the item's, and what else is the same for it. */
export function deltaFrameText(head: string, delta: string): string {
  return `${head},"delta":${JSON.stringify(delta)}},"emittedAtMs":${Date.now()}`;
}

/**
 * Where in the bytes of such a notification, numbered or not, its text lies: between the quotes. Deltas with the same bytes
 * before it are of the same text of the same item. Not by parsing: within a JSON string no quote stands behind a comma.
 */
export function findDelta(bytes: Buffer): { start: number; end: number } {
  return { start: bytes.indexOf(BEFORE_DELTA) + BEFORE_DELTA.length, end: bytes.lastIndexOf(AFTER_DELTA) };
}
