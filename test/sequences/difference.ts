// What was not as the model has it. Any thread.
import { isDeepStrictEqual } from 'node:util';

export interface Difference {
  what: string;
  expected: unknown;
  found: unknown;
}

/** Empty when both are the same, all the way down. */
export function compare(what: string, expected: unknown, found: unknown): Difference[] {
  return isDeepStrictEqual(expected, found) ? [] : [{ what, expected, found }];
}

/** For people; `label` replaces ids by labels. Of two long lists only what is not in both. */
export function formatDifference({ what, expected, found }: Difference, label: (text: string) => string): string {
  return label(`${what}\n  expected: ${show(expected, found)}\n  found:    ${show(found, expected)}`);
}

function show(value: unknown, other: unknown): string {
  if (!Array.isArray(value) || !Array.isArray(other) || value.length + other.length < 12) return shorten(value);
  const index = value.findIndex((element, place) => !isDeepStrictEqual(element, other[place]));
  if (index === -1) return `${value.length} elements, all as in the other`;
  const rest = value
    .slice(index, index + 4)
    .map(shorten)
    .join(', ');
  return `${value.length} elements, from ${index} on: ${rest}`;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'string' && field.length > 120 ? `${field.slice(0, 120)}… (${field.length})` : field,
  );
  return text.length > 4000 ? `${text.slice(0, 4000)}…` : text;
}
