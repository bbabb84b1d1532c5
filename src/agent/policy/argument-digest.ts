// Binds an approval to the call that it was asked for. Pure. Session worker.
import { createHash } from 'node:crypto';

/**
 * A digest (hex SHA-256) of a call's id, its tool and its exact arguments. Equal only when all three are: the order of an
 * object's keys does not count, that of a list does. Arguments are JSON values; a key that is undefined is no key.
 */
export function digestArguments(callId: string, tool: string, args: unknown): string {
  return createHash('sha256')
    .update(toCanonicalJson([callId, tool, args]))
    .digest('hex');
}

/** JSON with the keys of every object in the order of their code units. */
export function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((part) => toCanonicalJson(part)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${toCanonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}
