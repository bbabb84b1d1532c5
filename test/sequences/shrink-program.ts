// Makes a failing program short: takes steps out as long as it still fails. Any thread.
import type { Step } from './operation.js';

export interface ShrinkOptions {
  steps: readonly Step[];
  /** Runs a part of them; resolves to what was really done when it fails, else to null. */
  run: (steps: readonly Step[]) => Promise<readonly Step[] | null>;
  /** Milliseconds after which the shortest so far must do. */
  patienceMs: number;
}

/** Chunks of half the length first, then smaller ones, down to single steps that can no longer be missed. */
export async function shrinkProgram({ steps, run, patienceMs }: ShrinkOptions): Promise<readonly Step[]> {
  const deadline = performance.now() + patienceMs;
  let shortest = steps;
  let size = Math.ceil(shortest.length / 2);
  while (size >= 1) {
    let hasShrunk = false;
    // From the end: what comes late depends on what comes early, and not the other way round.
    for (let end = shortest.length; end > 0; end -= size) {
      if (performance.now() > deadline) return shortest;
      const start = Math.max(0, end - size);
      const failed = await run([...shortest.slice(0, start), ...shortest.slice(end)]);
      if (failed === null || failed.length >= shortest.length) continue;
      shortest = failed;
      hasShrunk = true;
    }
    if (size === 1 && !hasShrunk) return shortest;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return shortest;
}
