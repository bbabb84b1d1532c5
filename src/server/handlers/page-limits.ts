// How many rows a page holds when nobody says, and at most. Main thread.

export const DEFAULT_PAGE_LIMIT = 25;
const MAX_PAGE_LIMIT = 100;

/** More is clamped, and 0 means 1, as the peer has it. */
export function pageLimit(asked: number | null | undefined): number {
  return Math.min(MAX_PAGE_LIMIT, Math.max(1, asked ?? DEFAULT_PAGE_LIMIT));
}
