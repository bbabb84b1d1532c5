// Where in a file the hunks of a patch belong: models give lines, not numbers, and not always exact ones. Session worker; pure.
import type { Hunk, HunkLine } from './parse-patch.js';
import { PatchError } from './patch-error.js';
import { LIKENESSES, reduceLine } from './source-text.js';
import type { SourceText } from './source-text.js';

export interface PlacedHunk {
  /** Index of the first line of the file that the hunk speaks of, or before which it inserts. */
  start: number;
  /** Those that it keeps and removes are the lines of the file from `start` on. */
  lines: readonly HunkLine[];
}

/** Compared lines at most for a hint that is only there to help. */
const HINT_EFFORT = 2_000_000;

/** A hunk's anchor that is really the header of a unified diff: its numbers are the model's guess. */
const RANGE = /^-\d+(,\d+)? \+\d+(,\d+)? @@/;

/**
 * Places for all hunks, in order and without overlap: each is looked for from the end of the one before, first exactly, then
 * ever less so. Throws a PatchError `does_not_fit` that names the hunk. `path` is for its message, which tells nothing that the
 * file holds: the model may not be allowed to read it.
 */
export function placeHunks(source: SourceText, hunks: readonly Hunk[], path: string): PlacedHunk[] {
  const placed: PlacedHunk[] = [];
  let from = 0;
  for (const hunk of hunks) {
    const after = findAnchors(source, hunk, from, path);
    const place = placeHunk(source, hunk, after);
    if (place === null) throw explain(source, hunk, after, path);
    placed.push(place);
    // What is only put at the end says nothing of where the next one is.
    if (place.lines.some(({ kind }) => kind !== 'add') || place.start !== source.lines.length) {
      from = place.start + countOld(place.lines);
    }
  }
  return placed.sort((a, b) => a.start - b.start);
}

/** The line after the last anchor. */
function findAnchors(source: SourceText, { anchors, patchLine }: Hunk, from: number, path: string): number {
  let after = from;
  for (const anchor of anchors) {
    const found = findLines(source, [anchor], after, false);
    if (found !== -1) {
      after = found + 1;
    } else if (!RANGE.test(anchor)) {
      const isEarlier = findLines(source, [anchor], 0, false) !== -1;
      throw new PatchError(
        'does_not_fit',
        `${path}: no line is '${anchor}', as the hunk at line ${patchLine} of the patch has it after @@${isEarlier ? `, from line ${after + 1} of the file on; it occurs before, but hunks follow the order of the file` : ''}.`,
      );
    }
  }
  return after;
}

function placeHunk(source: SourceText, hunk: Hunk, from: number): PlacedHunk | null {
  for (const lines of [hunk.lines, withoutLastEmpty(hunk.lines)]) {
    if (lines === null) continue;
    const old = lines.filter(({ kind }) => kind !== 'add').map(({ text }) => text);
    if (old.length === 0) {
      // Nothing says where: after the anchor, or at the end of the file.
      const isAnchored = hunk.anchors.some((anchor) => !RANGE.test(anchor)) && !hunk.isAtEnd;
      return { start: isAnchored ? from : source.lines.length, lines };
    }
    let start = findLines(source, old, from, hunk.isAtEnd);
    // Models repeat the anchor as the first line of the hunk.
    if (start === -1 && hunk.anchors.length > 0 && from > 0) start = findLines(source, old, from - 1, hunk.isAtEnd);
    if (start !== -1) return { start, lines };
  }
  return null;
}

/**
 * Index of the first place from `from` on whose lines are alike, in the closest likeness in which there is any; -1 when there is
 * none. `isAtEnd` prefers the end of the file to all other places.
 */
function findLines(source: SourceText, lines: readonly string[], from: number, isAtEnd: boolean): number {
  const last = source.lines.length - lines.length;
  if (last < from) return -1;
  for (const first of isAtEnd ? [last, from] : [from]) {
    for (const likeness of LIKENESSES) {
      const wanted = lines.map((line) => reduceLine(line, likeness));
      const found = indexOfLines(source.asCompared(likeness), wanted, first);
      if (found !== -1) return found;
    }
  }
  return -1;
}

/** By Knuth, Morris and Pratt: files of many equal lines must not hold up the thread. */
function indexOfLines(present: readonly string[], wanted: readonly string[], from: number): number {
  /** How many lines are alike before and after each. */
  const borders = [0];
  for (let at = 1, alike = 0; at < wanted.length; at += 1) {
    while (alike > 0 && wanted[at] !== wanted[alike]) alike = borders[alike - 1] ?? 0;
    if (wanted[at] === wanted[alike]) alike += 1;
    borders.push(alike);
  }
  for (let at = from, alike = 0; at < present.length; at += 1) {
    while (alike > 0 && present[at] !== wanted[alike]) alike = borders[alike - 1] ?? 0;
    if (present[at] === wanted[alike]) alike += 1;
    if (alike === wanted.length) return at - alike + 1;
  }
  return -1;
}

/** For models that take what follows the last newline for a line: the hunk without it, or null when it has none. */
function withoutLastEmpty(lines: readonly HunkLine[]): readonly HunkLine[] | null {
  const last = lines.findLastIndex(({ kind }) => kind !== 'add');
  if (last === -1 || lines[last]?.text !== '') return null;
  const rest = lines.filter((_, index) => index !== last);
  const isRemoved = lines[last]?.kind === 'remove';
  const end = rest.at(-1);
  return isRemoved && end?.kind === 'add' && end.text === '' ? rest.slice(0, -1) : rest;
}

function countOld(lines: readonly HunkLine[]): number {
  return lines.filter(({ kind }) => kind !== 'add').length;
}

function explain(source: SourceText, hunk: Hunk, from: number, path: string): PatchError {
  const old = hunk.lines.filter(({ kind }) => kind !== 'add').map(({ text }) => text);
  const shown = old.length > 40 ? [...old.slice(0, 40), `… and ${old.length - 40} more`] : old;
  const message = `${path}: the file does not have these lines, which the hunk at line ${hunk.patchLine} of the patch expects`;
  const hint = hintAt(source, old, from);
  return new PatchError('does_not_fit', `${message}${hint === '' ? '' : ` (${hint})`}:\n${shown.join('\n')}`);
}

/** Where it nearly fits. Numbers only. */
function hintAt(source: SourceText, old: readonly string[], from: number): string {
  const earlier = from === 0 ? -1 : findLines(source, old, 0, false);
  if (earlier !== -1)
    return `they are at line ${earlier + 1} of the file, but hunks follow the order of the file, and this one can only begin at line ${from + 1}`;
  if (source.lines.length * old.length > HINT_EFFORT) return '';
  const likeness = 'same but for punctuation';
  const wanted = old.map((line) => reduceLine(line, likeness));
  const present = source.asCompared(likeness);
  let best = { start: -1, count: 0, firstOff: 0 };
  for (let start = from; start < present.length; start += 1) {
    let count = 0;
    let firstOff = -1;
    for (const [index, line] of wanted.entries()) {
      if (present[start + index] === line && line !== '') count += 1;
      else if (firstOff === -1 && present[start + index] !== line) firstOff = index;
    }
    if (count > best.count) best = { start, count, firstOff: Math.max(firstOff, 0) };
  }
  if (best.start === -1) return '';
  return `nearest is line ${best.start + 1} of the file, where ${best.count} of ${old.length} are alike; the first that is not belongs to line ${best.start + best.firstOff + 1}`;
}
