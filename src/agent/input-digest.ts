// Tells whether two inputs are the same, whichever of them was only read back from a rollout. Pure. Session worker.
import { hash } from 'node:crypto';
import type { CoreUserInput, EventOfType } from '../rollout/line.js';
import { stringifyWellFormed } from '../rollout/serialize-line.js';
import { toUserInput } from '../rollout/user-input.js';
import { legacyUserMessage } from './turn-lines.js';

/** Bytes of a digest. */
export const DIGEST_BYTES = 12;

/** Of a text: the first bytes of its SHA-256. */
export function digestText(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES);
}

/** Of an input, as an item_completed line holds it. What is null there may as well be absent. */
export function digestInput(content: readonly CoreUserInput[]): Buffer {
  const parts = content.flatMap((part) => toUserInput(part) ?? []);
  return digestText(stringifyWellFormed(parts.map(inOneForm)));
}

/** The same as far as the user_message line of a legacy file tells it: what was written, and which pictures came along. */
export function digestLegacyInput(content: readonly CoreUserInput[]): Buffer {
  return digestLegacyEvent(legacyUserMessage(content));
}

export function digestLegacyEvent({ message, images, local_images }: EventOfType<'user_message'>): Buffer {
  return digestText(stringifyWellFormed(['legacy', message, images ?? [], local_images ?? []]));
}

/** Fields in one order, none that is null: writers differ in both. */
function inOneForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOneForm);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(
    fields.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, inOneForm(field)]),
  );
}
