// How much streamed text a kill may cost, and how much it did. Any thread.
import type { FoundThread } from './found.js';
import type { SeenStream } from './streams.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';

/** What the daemon promises about streamed text that a kill cut off, in milliseconds. */
export const BOUND_MS = 250;

export interface BoundedLoss {
  lostCharacters: number;
  /** From the arrival of the first character that is missing to the kill; 0 when nothing is. */
  lostMs: number;
}

/**
 * The text found for an item that was streaming at the kill: it starts with all that had arrived `boundMs` before, and
 * beyond that agrees with what arrived later as far as it goes.
 */
export function checkBounded(
  stream: SeenStream,
  found: FoundThread,
  killAtMs: number,
  boundMs: number,
): { loss: BoundedLoss; violation: Violation | null } {
  const seen = stream.pieces.map(({ text }) => text).join('');
  const there = found.items.get(stream.itemId)?.text ?? '';
  const agreed = commonPrefix(seen, there);
  const loss = {
    lostCharacters: seen.length - agreed,
    lostMs: agreed === seen.length ? 0 : Math.max(0, killAtMs - arrivalOf(stream, agreed)),
  };
  const deadline = killAtMs - boundMs;
  const due = stream.pieces
    .filter(({ atMs }) => atMs <= deadline)
    .map(({ text }) => text)
    .join('');
  const fits = agreed >= due.length && (agreed === seen.length || agreed === there.length);
  if (fits) return { loss, violation: null };
  return {
    loss,
    violation: {
      kind: 'bounded',
      threadId: stream.threadId,
      what: `item ${stream.itemId} lacks text that had arrived ${boundMs.toFixed(0)} ms before the end`,
      told: `${due.length} characters by then, ${seen.length} in all: ${shorten(seen)}`,
      found: found.items.has(stream.itemId) ? `${there.length} characters: ${shorten(there)}` : 'no such item',
    },
  };
}

function commonPrefix(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at < length && one.charCodeAt(at) === other.charCodeAt(at)) at += 1;
  return at;
}

function arrivalOf(stream: SeenStream, character: number): number {
  let end = 0;
  for (const { atMs, text } of stream.pieces) {
    end += text.length;
    if (end > character) return atMs;
  }
  return Infinity;
}
