// Differences that nobody means and that no missing part explains: each is to be fixed, or to become an allowed one. Whoever
// does so takes the entry out: one that no recording needs any more fails. There is none at present.
import type { DifferenceRule } from './difference.js';

interface OpenDifference {
  id: string;
  /** The peer's way, then ours. */
  what: string;
  rules: readonly DifferenceRule[];
}

export const OPEN_DIFFERENCES: readonly OpenDifference[] = [];
