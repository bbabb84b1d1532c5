// The order of a list of conversations and the cursors into it. Index thread.
import { DaemonError } from '../errors.js';
import type { SortDirection } from './index-messages.js';

/** Where a row stands: by time, rows of one time by id. */
export interface RowPosition {
  /** Unix milliseconds. */
  time: number;
  /** Empty in a cursor that only names a time. */
  id: string;
}

/** Negative when `a` comes first. */
export function compareRows(a: RowPosition, b: RowPosition, direction: SortDirection): number {
  const ascending = a.time - b.time || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  return direction === 'asc' ? ascending : -ascending;
}

/** True for rows that a page with this cursor may hold. */
export function isAfterCursor(row: RowPosition, cursor: RowPosition | null, direction: SortDirection): boolean {
  if (cursor === null) return true;
  if (cursor.id === '') return direction === 'asc' ? row.time > cursor.time : row.time < cursor.time;
  return compareRows(cursor, row, direction) < 0;
}

/** Reads `TIMESTAMP|ID` or `TIMESTAMP`. Throws DaemonError invalid_params. */
export function parseCursor(text: string | null): RowPosition | null {
  if (text === null) return null;
  const separator = text.indexOf('|');
  const [timestamp, id] = separator === -1 ? [text, ''] : [text.slice(0, separator), text.slice(separator + 1)];
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(time) || (separator !== -1 && id === '')) {
    throw new DaemonError('invalid_params', `invalid cursor: ${text}`);
  }
  return { time, id };
}

/** The cursor that goes on after this row. */
export function cursorAfter({ time, id }: RowPosition): string {
  return `${toTimestamp(time)}|${id}`;
}

/** The cursor from which the opposite direction starts with this row: a time just beside it. */
export function cursorBack({ time }: RowPosition, direction: SortDirection): string {
  return toTimestamp(direction === 'desc' ? time - 1 : time + 1);
}

function toTimestamp(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
