// What the oracle finds wrong. Any thread.

/**
 * `lost`: a fact that a client was told is missing or differs. `bounded`: more streamed text is missing than may be.
 * `doubled`: something is there twice. `unreadable`: a line that does not parse and is no torn piece. `file`: names,
 * modes, former bytes. `order`: what a client received is inconsistent in itself. `broken`: something does not work.
 */
export type ViolationKind = 'lost' | 'bounded' | 'doubled' | 'unreadable' | 'file' | 'order' | 'broken';

export interface Violation {
  kind: ViolationKind;
  threadId: string | null;
  /** One sentence, stable from round to round: a violation is reported once. */
  what: string;
  /** What a client was told, and when. */
  told?: string;
  /** What was found instead. */
  found?: string;
}

/** Shortens long text in the middle: both ends tell which text it is. */
export function shorten(text: string, length = 160): string {
  const shown = JSON.stringify(text);
  if (shown.length <= length) return shown;
  const half = Math.floor(length / 2);
  return `${shown.slice(0, half)} … ${shown.slice(-half)} (${text.length} characters)`;
}
