// Puts JSON text that another thread made into a result without parsing it. Main thread.
import { v4 as uuid } from 'uuid';
import { stringifyWellFormed } from '../rollout/serialize-line.js';

/** Stands for texts to be put in; unguessable, so that no content can be taken for it. */
const MARK = uuid();
const PLACE = new RegExp(`"${MARK}:(\\d+)"`, 'g');

/** The value to place where the `index`-th text shall stand in the object given to stringifyWith(). */
export function rawPlace(index: number): unknown {
  return `${MARK}:${index}`;
}

/** JSON text of `value` with the texts of `raws` (themselves JSON) in their places. */
export function stringifyWith(value: unknown, raws: readonly string[]): string {
  // A function: a text may hold what a replacement string would read as a pattern.
  return stringifyWellFormed(value).replace(PLACE, (_, index: string) => raws[Number(index)]!);
}
