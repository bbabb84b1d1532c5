// What patches have made of the files in one turn, as one diff in git's form. Session worker.
import { createHash } from 'node:crypto';
import { isAbsolute, relative, sep } from 'node:path';
import type { FileState } from './file-state.js';
import type { PlannedFile } from './planned-file.js';
import { unifiedDiff } from './unified-diff.js';

const CONTEXT_LINES = 3;

/** Larger contents are only named, as binary ones are: nobody reads such a diff, and everybody is sent it. */
const MOST_BYTES = 4 * 1024 * 1024;

const NO_ID = '0'.repeat(40);

interface TrackedFile {
  /** As it was first named. */
  path: string;
  /** Before the first patch of the turn that touched it. */
  baseline: FileState | null;
  now: FileState | null;
  /** The real path of the file that was moved here. */
  origin: string | null;
  /** The part of the diff, once made: as long as nothing changes it stays good. */
  text: string | null;
}

export class TurnDiff {
  private readonly root: string;
  /** By real path. */
  private readonly files = new Map<string, TrackedFile>();

  /** Paths are shown relative to the root, an absolute path; those outside of it as they are. */
  constructor(root: string) {
    this.root = root;
  }

  /** To be told the files of each plan after it was applied. What else happens to them in between is not seen. */
  note(files: readonly PlannedFile[]): void {
    // The way back to where the turn found it may have several steps.
    const origins = files.map(({ movedFrom: from }) => (from === null ? null : (this.files.get(from)?.origin ?? from)));
    for (const [index, { path, realPath, before, after }] of files.entries()) {
      const file = this.files.get(realPath) ?? { path, baseline: before, now: before, origin: null, text: null };
      this.files.set(realPath, file);
      file.now = after;
      file.text = null;
      const origin = origins[index] ?? null;
      if (origin !== null || before === null || after === null) file.origin = origin;
    }
    // Whether a file counts as moved depends on what is left where it was.
    for (const file of this.files.values()) if (file.origin !== null) file.text = null;
  }

  /** Files in the order of their paths; empty when all is as it was. */
  text(): string {
    const moves = this.findMoves();
    const parts = [...this.files]
      .filter(([realPath]) => !moves.sources.has(realPath))
      .map(([realPath, file]) => {
        const source = moves.targets.get(realPath);
        file.text ??= this.describe(source ?? file, file);
        return { path: (source ?? file).path, text: file.text };
      });
    return parts
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map(({ text }) => text)
      .join('');
  }

  /** Files that were there and are now elsewhere, where there was nothing. */
  private findMoves(): { sources: Set<string>; targets: Map<string, TrackedFile> } {
    const sources = new Set<string>();
    const targets = new Map<string, TrackedFile>();
    for (const [realPath, { origin, baseline, now }] of this.files) {
      if (origin === null || baseline !== null || now === null || sources.has(origin)) continue;
      const source = this.files.get(origin);
      if (source === undefined || source.baseline === null || source.now !== null) continue;
      sources.add(origin);
      targets.set(realPath, source);
    }
    return { sources, targets };
  }

  private describe(from: TrackedFile, to: TrackedFile): string {
    const before = from.baseline;
    const after = to.now;
    if (before === null && after === null) return '';
    const isMoved = from !== to;
    const oldName = quote(`a/${this.nameOf(from.path)}`);
    const newName = quote(`b/${this.nameOf(to.path)}`);
    const [oldMode, newMode] = [modeOf(before), modeOf(after ?? before)];
    const [oldBytes, newBytes] = [bytesOf(before), bytesOf(after)];
    const isSame = before !== null && after !== null && oldBytes.equals(newBytes);
    if (isSame && oldMode === newMode && !isMoved) return '';
    const isText = isShown(oldBytes) && isShown(newBytes);
    const { hunks, similarity } = isText
      ? unifiedDiff(oldBytes, newBytes, CONTEXT_LINES)
      : { hunks: '', similarity: 0 };
    let text = `diff --git ${oldName} ${newName}\n`;
    if (before === null) text += `new file mode ${modeOf(after)}\n`;
    else if (after === null) text += `deleted file mode ${oldMode}\n`;
    else if (oldMode !== newMode) text += `old mode ${oldMode}\nnew mode ${newMode}\n`;
    if (isMoved) {
      text += `similarity index ${isSame ? 100 : Math.min(similarity, 99)}%\n`;
      text += `rename from ${quote(this.nameOf(from.path))}\nrename to ${quote(this.nameOf(to.path))}\n`;
    }
    if (isSame) return text;
    text += `index ${idOf(before)}..${idOf(after)}\n`;
    const oldSide = before === null ? '/dev/null' : oldName;
    const newSide = after === null ? '/dev/null' : newName;
    if (!isText) return `${text}Binary files ${oldSide} and ${newSide} differ\n`;
    return hunks === '' ? text : `${text}--- ${oldSide}\n+++ ${newSide}\n${hunks}`;
  }

  private nameOf(path: string): string {
    const name = relative(this.root, path);
    const isOutside = name === '..' || name.startsWith(`..${sep}`) || isAbsolute(name);
    return (isOutside ? path : name).replaceAll(sep, '/');
  }
}

/** Git takes contents with a zero byte near the beginning for binary. */
function isShown(bytes: Buffer): boolean {
  return bytes.length <= MOST_BYTES && !bytes.subarray(0, 8000).includes(0);
}

function bytesOf(state: FileState | null): Buffer {
  if (state === null) return Buffer.alloc(0);
  return state.type === 'file' ? state.bytes : Buffer.from(state.target);
}

function modeOf(state: FileState | null): string {
  if (state?.type === 'link') return '120000';
  return state?.type === 'file' && ((state.mode ?? 0) & 0o100) !== 0 ? '100755' : '100644';
}

/** Git's id of the content. */
function idOf(state: FileState | null): string {
  if (state === null) return NO_ID;
  const bytes = bytesOf(state);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** As git does with names that would break its lines. */
function quote(name: string): string {
  const escaped = Array.from(name, escapeCharacter).join('');
  return escaped === name ? name : `"${escaped}"`;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  const code = character.charCodeAt(0);
  return code < 0x20 || code === 0x7f ? `\\${code.toString(8).padStart(3, '0')}` : character;
}
