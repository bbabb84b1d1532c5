// The rules by which the lines of a hunk are found, written down as plainly as can be. Main thread; pure.

const RULES: readonly ((line: string) => string)[] = [
  (line) => line.trimEnd(),
  (line) => line.trim(),
  (line) =>
    line
      .trim()
      .replace(/[\u2010-\u2015\u2212]/g, '-')
      .replace(/[\u2018-\u201b]/g, "'")
      .replace(/[\u201c-\u201f]/g, '"')
      .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' '),
];

/** Index of the first place from `from` on, by the first rule that has one; -1 without any. */
export function findFirst(lines: readonly { text: string }[], wanted: readonly string[], from: number): number {
  const search = (isAlike: (line: string, want: string) => boolean): number =>
    lines.findIndex(
      (_, start) =>
        start >= from &&
        start + wanted.length <= lines.length &&
        wanted.every((want, index) => isAlike(lines[start + index]!.text, want)),
    );
  const exact = search((line, want) => line === Buffer.from(want).toString('latin1'));
  if (exact !== -1) return exact;
  for (const rule of RULES) {
    const found = search((line, want) => rule(Buffer.from(line, 'latin1').toString('utf8')) === rule(want));
    if (found !== -1) return found;
  }
  return -1;
}
