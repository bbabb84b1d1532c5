// Words that files spell in snake_case and the wire in camelCase. Any thread.

/** `usage_limit_exceeded` → `usageLimitExceeded`. */
export function toCamelCase(word: string): string {
  return word.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The same for the keys of an object, at every depth; values stay as they are. */
export function camelCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCaseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [toCamelCase(key), camelCaseKeys(field)]));
}
