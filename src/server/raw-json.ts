// Puts JSON text that another thread made into a result without parsing it. Main thread.
import { v4 as uuid } from 'uuid';
import { stringifyWellFormed } from '../rollout/serialize-line.js';

/** Stands for a text to be put in; unguessable, so that no content can be taken for it. */
const MARK = uuid();
const QUOTED_MARK = `"${MARK}"`;

/** The value to place where `raw` shall stand in the object given to stringifyWith(). */
export const RAW_PLACE: unknown = MARK;

/** JSON text of `value` with `raw` (itself JSON text) in the one place that holds RAW_PLACE. */
export function stringifyWith(value: unknown, raw: string): string {
  const text = stringifyWellFormed(value);
  const at = text.indexOf(QUOTED_MARK);
  return at < 0 ? text : text.slice(0, at) + raw + text.slice(at + QUOTED_MARK.length);
}
