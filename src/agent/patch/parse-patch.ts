// The text of a patch as models write it, taken apart into what it does to which file. Session worker; pure.
import { PatchError } from './patch-error.js';

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';
const END_OF_FILE = '*** End of File';
/** For agents with more machines than one: here there is but one. */
const MACHINE = '*** Environment ID: ';
const ADD = '*** Add File: ';
const DELETE = '*** Delete File: ';
const UPDATE = '*** Update File: ';
const MOVE = '*** Move to: ';

export interface HunkLine {
  kind: 'keep' | 'remove' | 'add';
  text: string;
}

export interface Hunk {
  /** Lines of the file that come before the hunk, each somewhere after the one before. */
  anchors: string[];
  lines: HunkLine[];
  /** The hunk says that the file ends where it ends. */
  isAtEnd: boolean;
  /** Where it begins in the patch, from 1. */
  patchLine: number;
}

/** Paths are as the model wrote them. */
export type FilePatch =
  | { type: 'add'; path: string; content: string; patchLine: number }
  | { type: 'delete'; path: string; patchLine: number }
  | { type: 'update'; path: string; moveTo: string | null; hunks: Hunk[]; patchLine: number };

interface Cursor {
  readonly lines: readonly string[];
  /** Of the next line. */
  at: number;
  /** What is to be added to an index for its number in the text that the model sent. */
  readonly offset: number;
}

/**
 * What the patch does, in its order. White space around markers, a missing last newline, carriage returns and a heredoc
 * around it all are taken as no fault. Throws a PatchError `malformed` that names the line.
 */
export function parsePatch(text: string): FilePatch[] {
  const cursor = openEnvelope(text);
  const files: FilePatch[] = [];
  while (cursor.at < cursor.lines.length) {
    // Models like to put empty lines between files.
    if (cursor.lines[cursor.at]?.trim() === '') cursor.at += 1;
    else files.push(readFile(cursor));
  }
  if (files.length === 0) throw new PatchError('malformed', 'The patch changes no file.');
  return files;
}

/** The lines between the markers. */
function openEnvelope(text: string): Cursor {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  let first = lines.findIndex((line) => line.trim() !== '');
  let last = lines.findLastIndex((line) => line.trim() !== '');
  const [, mark] =
    /^(?:(?:apply_patch|applypatch)\s+)?<<\s*(?:'(?=\w+')|"(?=\w+"))?(\w+)['"]?$/.exec(lines[first]?.trim() ?? '') ??
    [];
  if (mark !== undefined && last > first && lines[last]?.trim() === mark) {
    first += 1;
    last -= 1;
    while (first < last && lines[first]?.trim() === '') first += 1;
    while (first < last && lines[last]?.trim() === '') last -= 1;
  }
  if (lines[first]?.trim() !== BEGIN) throw malformed(first, `a patch begins with '${BEGIN}'`, lines[first]);
  if (last === first || lines[last]?.trim() !== END) {
    throw malformed(last, `a patch ends with '${END}'`, lines[last]);
  }
  const hasMachine = lines[first + 1]?.trim().startsWith(MACHINE) === true;
  return { lines: lines.slice(first + 1, last), at: hasMachine ? 1 : 0, offset: first + 2 };
}

function readFile(cursor: Cursor): FilePatch {
  const patchLine = cursor.at + cursor.offset;
  const header = (cursor.lines[cursor.at] ?? '').trim();
  cursor.at += 1;
  if (header.startsWith(ADD)) {
    return { type: 'add', path: pathIn(header, ADD, patchLine), content: readAdded(cursor), patchLine };
  }
  if (header.startsWith(DELETE)) return { type: 'delete', path: pathIn(header, DELETE, patchLine), patchLine };
  if (header.startsWith(UPDATE)) return readUpdate(cursor, pathIn(header, UPDATE, patchLine), patchLine);
  throw malformed(
    patchLine - 1,
    `here '${ADD}PATH', '${DELETE}PATH', '${UPDATE}PATH' or '${END}' was expected`,
    header,
  );
}

function readAdded(cursor: Cursor): string {
  let content = '';
  for (; cursor.lines[cursor.at]?.startsWith('+') === true; cursor.at += 1) {
    content += `${cursor.lines[cursor.at]?.slice(1)}\n`;
  }
  return content;
}

function readUpdate(cursor: Cursor, path: string, patchLine: number): FilePatch {
  let moveTo: string | null = null;
  const next = cursor.lines[cursor.at]?.trim();
  if (next?.startsWith(MOVE) === true) {
    moveTo = pathIn(next, MOVE, cursor.at + cursor.offset);
    cursor.at += 1;
  }
  const hunks: Hunk[] = [];
  while (cursor.at < cursor.lines.length) {
    const line = cursor.lines[cursor.at] ?? '';
    if (line.startsWith('*** ') && line.trim() !== END_OF_FILE) break;
    if (line.trim() === '' && !continuesAt(cursor)) cursor.at += 1;
    else hunks.push(readHunk(cursor, path));
  }
  if (hunks.length === 0 && moveTo === null) {
    throw malformed(patchLine - 1, `the update of ${path} has no hunk`, cursor.lines[cursor.at] ?? END);
  }
  return { type: 'update', path, moveTo, hunks, patchLine };
}

/** Whether what follows the empty lines here can belong to the same hunk as they. */
function continuesAt({ lines, at }: Cursor): boolean {
  const next = lines.slice(at).find((line) => line.trim() !== '');
  return next !== undefined && !isAnchor(next) && !next.startsWith('*** ');
}

function readHunk(cursor: Cursor, path: string): Hunk {
  const hunk: Hunk = { anchors: [], lines: [], isAtEnd: false, patchLine: cursor.at + cursor.offset };
  while (isAnchor(cursor.lines[cursor.at])) {
    const anchor = cursor.lines[cursor.at]?.slice(3) ?? '';
    if (anchor.trim() !== '') hunk.anchors.push(anchor);
    cursor.at += 1;
  }
  for (; cursor.at < cursor.lines.length; cursor.at += 1) {
    const line = cursor.lines[cursor.at] ?? '';
    if (line.trimEnd() === END_OF_FILE && hunk.lines.length > 0) {
      hunk.isAtEnd = true;
      cursor.at += 1;
      break;
    }
    if (isAnchor(line) || line.startsWith('*** ')) break;
    const kind = line === '' ? 'keep' : KINDS[line[0] as keyof typeof KINDS];
    if (kind === undefined) {
      throw malformed(
        cursor.at + cursor.offset - 1,
        `a line of a hunk of ${path} begins with a space when it stays, with '-' when it goes, with '+' when it is new`,
        line,
      );
    }
    hunk.lines.push({ kind, text: line.slice(1) });
  }
  if (hunk.lines.length > 0) return hunk;
  throw malformed(
    cursor.at + cursor.offset - 1,
    `the hunk of ${path} that begins at line ${hunk.patchLine} is empty`,
    cursor.lines[cursor.at] ?? END,
  );
}

const KINDS = { ' ': 'keep', '-': 'remove', '+': 'add' } as const;

function isAnchor(line: string | undefined): boolean {
  return line !== undefined && (line.startsWith('@@ ') || line.trimEnd() === '@@');
}

function pathIn(header: string, marker: string, patchLine: number): string {
  const path = header.slice(marker.length).trim();
  if (path === '' || path.includes('\0')) throw malformed(patchLine - 1, 'a path is missing', header);
  return path;
}

function malformed(index: number, expected: string, found: string | undefined): PatchError {
  const what = found === undefined ? 'nothing' : `'${found.length > 200 ? `${found.slice(0, 200)}…` : found}'`;
  return new PatchError('malformed', `Line ${Math.max(index, 0) + 1} of the patch: ${expected}, found ${what}.`);
}
