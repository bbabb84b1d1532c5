// The "did you mean" of unknown keys. Any thread.

/** Edits between two words: insert, delete, replace, or swap two neighbours. */
function countEdits(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        edits = Math.min(edits, (beforePrevious[column - 2] ?? 0) + 1);
      }
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** The known key that was probably meant, or null when none is near. Case and `-` for `_` cost nothing. */
export function findClosestKey(key: string, known: readonly string[]): string | null {
  const normal = key.toLowerCase().replaceAll('-', '_');
  let best: string | null = null;
  // A third of the word may be wrong, two letters at most.
  let fewest = Math.min(2, Math.floor(key.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - normal.length) >= fewest) continue;
    const edits = countEdits(normal, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}
