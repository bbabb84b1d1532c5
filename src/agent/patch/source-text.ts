// The lines of a file, byte for byte, and what of them counts when they are looked for. Session worker; pure.

/** How closely lines must be alike, in the order in which it is tried. */
export const LIKENESSES = [
  'same bytes',
  'same but for white space at the end',
  'same but for white space around',
  'same but for punctuation',
] as const;

export type Likeness = (typeof LIKENESSES)[number];

const DASHES = /[\u2010-\u2015\u2212]/g;
const SINGLE_QUOTES = /[\u2018-\u201b]/g;
const DOUBLE_QUOTES = /[\u201c-\u201f]/g;
const SPACES = /[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g;

/**
 * Text is kept as latin1: one character is one byte, so that whatever a patch does not touch comes back as it was, valid
 * UTF-8 or not.
 */
export class SourceText {
  /** Without their ends. */
  readonly lines: readonly string[];
  /** `\n`, `\r\n`, or empty after the last line of a file that does not end in one. */
  readonly ends: readonly string[];
  private readonly alike = new Map<Likeness, readonly string[]>();

  constructor(bytes: Buffer) {
    const pieces = bytes.toString('latin1').split('\n');
    // What follows the last newline is a line only if there is something.
    const rest = pieces.pop() ?? '';
    this.lines = pieces.map((piece) => (piece.endsWith('\r') ? piece.slice(0, -1) : piece));
    this.ends = pieces.map((piece) => (piece.endsWith('\r') ? '\r\n' : '\n'));
    if (rest === '') return;
    this.lines = [...this.lines, rest];
    this.ends = [...this.ends, ''];
  }

  /** The lines as they are compared: equal texts are alike. Made when first asked for. */
  asCompared(likeness: Likeness): readonly string[] {
    if (likeness === 'same bytes') return this.lines;
    const known = this.alike.get(likeness);
    if (known !== undefined) return known;
    const made = this.lines.map((line) => reduce(fromLatin1(line), likeness));
    this.alike.set(likeness, made);
    return made;
  }
}

/** A line of a patch in the form in which lines of a file of that likeness are. */
export function reduceLine(line: string, likeness: Likeness): string {
  return likeness === 'same bytes' ? toLatin1(line) : reduce(line, likeness);
}

/** The UTF-8 bytes of a text, one character each. */
export function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Bytes that are no UTF-8 become the replacement character, as they were when the model was shown them. */
export function fromLatin1(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function reduce(line: string, likeness: Likeness): string {
  if (likeness === 'same but for white space at the end') return line.trimEnd();
  if (likeness === 'same but for white space around') return line.trim();
  return line.trim().replace(DASHES, '-').replace(SINGLE_QUOTES, "'").replace(DOUBLE_QUOTES, '"').replace(SPACES, ' ');
}
