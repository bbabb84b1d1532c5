// Text of one rollout line, safe for every reader of the format. Any thread.
import type { RolloutLine } from './line.js';

// JSON.stringify writes a lone surrogate as an escape that stricter parsers refuse. Within JSON text a pair of
// backslashes is a literal one, so it is consumed first and what follows it is left alone.
const LONE_SURROGATE = /\\(?:\\|ud[89a-f][0-9a-f]{2})/g;

/** JSON text without lone surrogates: each becomes U+FFFD, in keys and values alike. Throws on cycles and bigints. */
export function stringifyWellFormed(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  return text.replace(LONE_SURROGATE, (escape) => (escape === '\\\\' ? escape : '\uFFFD'));
}

/** One line with its newline; there is no other newline in it. */
export function serializeLine(line: RolloutLine): string {
  return `${stringifyWellFormed(line)}\n`;
}
