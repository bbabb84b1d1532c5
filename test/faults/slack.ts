// What a loaded machine is given on top of a time. Any thread.

const MOST_MS = 400;

/** A driver that stalled for so long runs on a machine where the daemon stalls as well, and more than once. */
export function slackOf(stallMs: number): number {
  return Math.min(MOST_MS, 2 * stallMs);
}
