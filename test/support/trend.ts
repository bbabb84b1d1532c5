// Whether a figure grows: a straight line through samples, and how far it can be trusted. Any process.

export interface Trend {
  mean: number;
  /** Of the straight line, from the first sample to the last. */
  growth: number;
  /**
   * Standard error of `growth`. Samples a second apart are not independent (a heap grows until it is collected), so each block
   * of them counts as one.
   */
  error: number;
}

/** Blocks into which the samples are divided: enough for a line, each long enough to hold several collections. */
const BLOCKS = 12;

/** `points` in order of time; NaN for fewer than three. */
export function trendOf(points: readonly { atMs: number; value: number }[]): Trend {
  const blocks = divide(points);
  const mean = meanOf(points.map(({ value }) => value));
  const meanAt = meanOf(blocks.map(({ atMs }) => atMs));
  const meanValue = meanOf(blocks.map(({ value }) => value));
  let [spread, product] = [0, 0];
  for (const { atMs, value } of blocks) {
    spread += (atMs - meanAt) ** 2;
    product += (atMs - meanAt) * (value - meanValue);
  }
  const slope = product / spread;
  const residual = blocks.reduce((sum, { atMs, value }) => sum + (value - meanValue - slope * (atMs - meanAt)) ** 2, 0);
  const durationMs = (points.at(-1)?.atMs ?? 0) - (points[0]?.atMs ?? 0);
  const slopeError = Math.sqrt(residual / (blocks.length - 2) / spread);
  return { mean, growth: slope * durationMs, error: slopeError * durationMs };
}

function divide(points: readonly { atMs: number; value: number }[]): { atMs: number; value: number }[] {
  const count = Math.min(BLOCKS, points.length);
  return Array.from({ length: count }, (_, index) => {
    const block = points.slice((index * points.length) / count, ((index + 1) * points.length) / count);
    return { atMs: meanOf(block.map(({ atMs }) => atMs)), value: meanOf(block.map(({ value }) => value)) };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
