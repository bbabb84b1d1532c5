// Places in the turns and items of a conversation, as clients hold them between two pages. Pure. Index thread.
import { DaemonError } from '../errors.js';
import type { SortDirection } from './index-messages.js';

export type PageKind = 'turns' | 'items';

/** A row: a turn, or an item of one. Ids hold while a conversation grows; numbers would not. */
export interface PageAnchor {
  turnId: string;
  /** Empty for a turn. */
  itemId: string;
  /** Whether the page begins with the row itself, or with the next one in its direction. */
  included: boolean;
}

export function formatCursor(kind: PageKind, threadId: string, { turnId, itemId, included }: PageAnchor): string {
  const fields = [kind, threadId, turnId, itemId, included ? 1 : 0];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** Throws DaemonError invalid_params for what no page of this kind and conversation gave. */
export function parseCursor(kind: PageKind, threadId: string, text: string): PageAnchor {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw invalidCursor(text);
  }
  if (!Array.isArray(fields)) throw invalidCursor(text);
  const [, , turnId, itemId, included] = fields as unknown[];
  if (typeof turnId !== 'string' || typeof itemId !== 'string') throw invalidCursor(text);
  const anchor = { turnId, itemId, included: included === 1 };
  // Whatever else it holds, another page gave it, or nobody.
  if (formatCursor(kind, threadId, anchor) !== text) throw invalidCursor(text);
  return anchor;
}

export function invalidCursor(text: string): DaemonError {
  return new DaemonError('invalid_params', `invalid cursor: ${text}`);
}

export interface Page<Row> {
  rows: Row[];
  /** True when there are more rows in the page's direction. */
  hasMore: boolean;
}

/**
 * Rows from `from` on, in the direction asked for, without those that `isWanted` refuses. `from` counts all rows; null
 * begins at the end where the direction begins.
 */
export function takePage<Row>(
  all: readonly Row[],
  { from, limit, sortDirection }: { from: number | null; limit: number; sortDirection: SortDirection },
  isWanted: (row: Row) => boolean = () => true,
): Page<Row> {
  const step = sortDirection === 'asc' ? 1 : -1;
  const rows: Row[] = [];
  for (let at = from ?? (step === 1 ? 0 : all.length - 1); at >= 0 && at < all.length; at += step) {
    const row = all[at]!;
    if (!isWanted(row)) continue;
    if (rows.length === limit) return { rows, hasMore: true };
    rows.push(row);
  }
  return { rows, hasMore: false };
}
