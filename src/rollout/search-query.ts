// What a web search was about, in a few words. Any thread.
import type { WebSearchCallItem } from './response-item.js';

/** The query, the page, or what was looked for in it; '' when nothing says. */
export function queryOf(action: WebSearchCallItem['action']): string {
  const { query, queries, url, pattern } = action ?? {};
  const [first, ...more] = Array.isArray(queries) ? queries.map(textOf) : [];
  const where = textOf(url);
  const searched = textOf(query) || (first && more.length > 0 ? `${first} ...` : first);
  if (searched) return searched;
  if (textOf(pattern) === '') return where;
  return where === '' ? `'${textOf(pattern)}'` : `'${textOf(pattern)}' in ${where}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
