// Lays two sequences side by side so that as many elements as can be have a counterpart, in order. Main thread.

/** One of the two is undefined where an element has no counterpart. */
export interface Pair<T, U> {
  recorded?: T;
  live?: U;
}

/** Keeps both orders. Where both sides have elements left over at one place, the recorded ones come first. */
export function align<T, U>(recorded: readonly T[], live: readonly U[], alike: (a: T, b: U) => boolean): Pair<T, U>[] {
  const width = live.length + 1;
  // Length of the longest common sequence of what follows each place.
  const lengths = new Uint32Array((recorded.length + 1) * width);
  const matches = recorded.map((element) => live.map((other) => alike(element, other)));
  for (let i = recorded.length - 1; i >= 0; i -= 1) {
    for (let j = live.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = matches[i]![j]!
        ? lengths[(i + 1) * width + j + 1]! + 1
        : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const pairs: Pair<T, U>[] = [];
  let i = 0;
  let j = 0;
  while (i < recorded.length || j < live.length) {
    if (i < recorded.length && j < live.length && matches[i]![j]!) {
      pairs.push({ recorded: recorded[i++]!, live: live[j++]! });
    } else if (
      j === live.length ||
      (i < recorded.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)
    ) {
      pairs.push({ recorded: recorded[i++]! });
    } else {
      pairs.push({ live: live[j++]! });
    }
  }
  return pairs;
}
