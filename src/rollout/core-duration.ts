// How long something took, as files spell it. Any thread.
import type { CoreDuration } from './line.js';

/** Whole milliseconds, or null where the file does not tell. */
export function milliseconds(duration: CoreDuration | null | undefined): number | null {
  if (!duration) return null;
  const total = duration.secs * 1000 + Math.floor(duration.nanos / 1_000_000);
  return Number.isSafeInteger(total) ? total : null;
}
