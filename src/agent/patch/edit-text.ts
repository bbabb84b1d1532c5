// The new content of a file: its own lines, byte for byte, with the hunks' in their places. Session worker; pure.
import type { PlacedHunk } from './find-hunk.js';
import { toLatin1 } from './source-text.js';
import type { SourceText } from './source-text.js';

/**
 * Hunks are to be in order and apart. Lines that a hunk keeps are the file's own, also where the patch has them only nearly
 * so. New lines end as those beside them do. A file ends in a newline afterwards if it did so before; an empty one gets one.
 */
export function editText(source: SourceText, hunks: readonly PlacedHunk[]): Buffer {
  const { lines, ends } = source;
  const texts: string[] = [];
  const newEnds: string[] = [];
  let at = 0;
  /** How lines end hereabouts. */
  let end = ends[0] || '\n';
  const keepUpTo = (limit: number): void => {
    for (; at < limit; at += 1) {
      texts.push(lines[at] ?? '');
      newEnds.push(ends[at] ?? '\n');
      end = ends[at] || end;
    }
  };
  for (const hunk of hunks) {
    keepUpTo(hunk.start);
    for (const { kind, text } of hunk.lines) {
      if (kind === 'keep') {
        keepUpTo(at + 1);
      } else if (kind === 'remove') {
        end = ends[at] || end;
        at += 1;
      } else {
        texts.push(toLatin1(text));
        newEnds.push(end);
      }
    }
  }
  keepUpTo(lines.length);
  const isOpen = ends.at(-1) === '';
  const parts = texts.map((text, index) =>
    isOpen && index === texts.length - 1 ? text : `${text}${newEnds[index] || end}`,
  );
  return Buffer.from(parts.join(''), 'latin1');
}
