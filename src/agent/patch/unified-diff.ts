// The hunks of a unified diff between two contents of a file. Session worker; pure.
import { diffArrays } from 'diff';
import { fromLatin1 } from './source-text.js';

export interface UnifiedDiff {
  /** From the first `@@` on; empty when nothing differs. Bytes that are no UTF-8 are shown as replacement characters. */
  hunks: string;
  /** How much of the larger content is in both, in whole percent. */
  similarity: number;
}

/** Lines that are kept (` `), go (`-`) or come (`+`), in the order of the diff. */
interface Run {
  sign: ' ' | '-' | '+';
  lines: readonly string[];
}

/** The thread is shared: what cannot be compared in this time is shown as wholly replaced. */
const TIMEOUT_MS = 200;

/** `context` lines are shown round each change. Takes a fraction of a second at most, whatever the contents are. */
export function unifiedDiff(before: Buffer, after: Buffer, context: number): UnifiedDiff {
  const runs = compare(splitLines(before), splitLines(after));
  const keptBytes = runs
    .filter(({ sign }) => sign === ' ')
    .reduce((sum, { lines }) => sum + lines.reduce((size, line) => size + line.length, 0), 0);
  const largest = Math.max(before.length, after.length);
  const similarity = largest === 0 ? 100 : Math.floor((keptBytes * 100) / largest);
  return { hunks: fromLatin1(writeHunks(runs, context)), similarity };
}

/** With their ends; latin1, so that one character is one byte. */
function splitLines(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  const lines: string[] = [];
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    lines.push(text.slice(start, end + 1));
    start = end + 1;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

function compare(before: readonly string[], after: readonly string[]): Run[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const old = before.slice(head, before.length - tail);
  const fresh = after.slice(head, after.length - tail);
  const changes = old.length === 0 || fresh.length === 0 ? undefined : diffArrays(old, fresh, { timeout: TIMEOUT_MS });
  const middle: Run[] = changes?.map(({ added, removed, value }) => ({
    sign: added ? '+' : removed ? '-' : ' ',
    lines: value,
  })) ?? [
    { sign: '-', lines: old },
    { sign: '+', lines: fresh },
  ];
  const runs: Run[] = [
    { sign: ' ', lines: before.slice(0, head) },
    ...middle,
    { sign: ' ', lines: before.slice(before.length - tail) },
  ];
  return runs.filter(({ lines }) => lines.length > 0);
}

function writeHunks(runs: readonly Run[], context: number): string {
  let text = '';
  let hunk: { oldStart: number; newStart: number; oldCount: number; newCount: number; body: string[] } | null = null;
  let oldLine = 1;
  let newLine = 1;
  for (const [index, { sign, lines }] of runs.entries()) {
    if (sign !== ' ') {
      hunk ??= { oldStart: oldLine, newStart: newLine, oldCount: 0, newCount: 0, body: [] };
      for (const line of lines) hunk.body.push(writeLine(sign, line));
      if (sign === '-') hunk.oldCount += lines.length;
      else hunk.newCount += lines.length;
      if (sign === '-') oldLine += lines.length;
      else newLine += lines.length;
      continue;
    }
    const isLast = index === runs.length - 1;
    if (hunk !== null) {
      const ends = isLast || lines.length > 2 * context;
      const shown = ends ? lines.slice(0, context) : lines;
      for (const line of shown) hunk.body.push(writeLine(' ', line));
      hunk.oldCount += shown.length;
      hunk.newCount += shown.length;
      if (ends) {
        text += writeHunk(hunk);
        hunk = null;
      }
    }
    oldLine += lines.length;
    newLine += lines.length;
    if (hunk !== null || isLast) continue;
    const shown = context === 0 ? [] : lines.slice(-context);
    hunk = {
      oldStart: oldLine - shown.length,
      newStart: newLine - shown.length,
      oldCount: shown.length,
      newCount: shown.length,
      body: shown.map((line) => writeLine(' ', line)),
    };
  }
  return hunk === null ? text : text + writeHunk(hunk);
}

function writeHunk(hunk: {
  oldStart: number;
  newStart: number;
  oldCount: number;
  newCount: number;
  body: string[];
}): string {
  return `@@ -${range(hunk.oldStart, hunk.oldCount)} +${range(hunk.newStart, hunk.newCount)} @@\n${hunk.body.join('')}`;
}

/** As all tools write it: a count of one is left out, and of none the line before is named. */
function range(start: number, count: number): string {
  if (count === 1) return String(start);
  return `${count === 0 ? start - 1 : start},${count}`;
}

function writeLine(sign: string, line: string): string {
  return line.endsWith('\n') ? `${sign}${line}` : `${sign}${line}\n\\ No newline at end of file\n`;
}
