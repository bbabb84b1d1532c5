// When an item was begun and done. Any thread.

/** Unix milliseconds; null where the file does not tell. */
export interface ItemTimes {
  startedAtMs: number | null;
  completedAtMs: number | null;
}

/** Of items whose lines do not tell. */
export const NO_TIMES: ItemTimes = { startedAtMs: null, completedAtMs: null };
