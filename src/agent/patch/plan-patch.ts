// What a patch would make of the files that it names: everything is read, computed and checked before anything is written.
// Session worker.
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CoreFileChange } from '../../rollout/line.js';
import { editText } from './edit-text.js';
import { readFileState } from './file-state.js';
import type { FileState } from './file-state.js';
import { placeHunks } from './find-hunk.js';
import { parsePatch } from './parse-patch.js';
import type { FilePatch } from './parse-patch.js';
import { toFileChanges } from './patch-changes.js';
import { PatchError } from './patch-error.js';
import { isBelow } from './patch-targets.js';
import type { PatchTarget, PlannedFile } from './planned-file.js';
import { resolveTarget } from './resolve-target.js';
import { SourceText } from './source-text.js';

export interface PatchPlan {
  /** Each file once, in the order in which the patch first names them; also those that stay as they are. */
  readonly files: readonly PlannedFile[];
  /** By absolute path, as a rollout holds them. */
  readonly changes: Record<string, CoreFileChange>;
  /** What is written, created or removed, for isWithinRoots. */
  readonly targets: readonly PatchTarget[];
  /** For the model: a line for each file, with the path that it wrote. */
  readonly summary: string;
}

export interface PlanOptions {
  /** Real paths of files and folders that no patch may read or write, whoever allows it. */
  hidden?: readonly string[];
}

/**
 * The plan of a patch whose paths are relative to `cwd`, an absolute path. Files may be named more than once: the steps follow
 * each other. Adding a file that is there and moving onto one replace it. Throws a PatchError; changes nothing.
 */
export async function planPatch(text: string, cwd: string, options: PlanOptions = {}): Promise<PatchPlan> {
  const steps = parsePatch(text);
  const planner = new Planner(cwd, options.hidden ?? []);
  // One after the other: a step sees what the former ones did.
  for (const step of steps) await planner.take(step);
  return planner.finish(steps);
}

interface Place {
  /** A path as the patch names it, resolved. */
  path: string;
  file: PlannedFile;
}

class Planner {
  /** By real path. */
  private readonly files = new Map<string, PlannedFile>();
  private readonly cwd: string;
  private readonly hidden: readonly string[];

  constructor(cwd: string, hidden: readonly string[]) {
    this.cwd = cwd;
    this.hidden = hidden;
  }

  async take(step: FilePatch): Promise<void> {
    switch (step.type) {
      case 'add': {
        const { file } = await this.locate(step.path, 'write');
        const former = file.after ?? file.before;
        const mode = former?.type === 'file' ? former.mode : null;
        setAfter(file, { type: 'file', bytes: Buffer.from(step.content, 'utf8'), mode });
        return;
      }
      case 'delete': {
        const { file, path } = await this.locate(step.path, 'remove');
        if (file.after === null) throw new PatchError('missing', `${path} is to be deleted, but it does not exist.`);
        setAfter(file, null);
        return;
      }
      case 'update':
        return this.update(step);
    }
  }

  private async update(step: Extract<FilePatch, { type: 'update' }>): Promise<void> {
    const { file, path } = await this.locate(step.path, 'write');
    const { after } = file;
    if (after?.type !== 'file') throw new PatchError('missing', `${path} is to be changed, but it does not exist.`);
    const source = new SourceText(after.bytes);
    const bytes = step.hunks.length === 0 ? after.bytes : editText(source, placeHunks(source, step.hunks, path));
    const changed: FileState = { type: 'file', bytes, mode: after.mode };
    const target = step.moveTo === null ? file : (await this.locate(step.moveTo, 'write')).file;
    if (target === file) {
      file.after = changed;
      return;
    }
    setAfter(target, changed);
    // What the name is a link to stays where it is.
    const left = (await this.locate(step.path, 'remove')).file;
    if (left === file) target.movedFrom = file.before === null ? file.movedFrom : file.realPath;
    setAfter(left, null);
  }

  /** The file that a name stands for after the steps before. To remove a link is to remove the name, not what it leads to. */
  private async locate(name: string, purpose: 'write' | 'remove'): Promise<Place> {
    const path = resolve(this.cwd, name);
    const { entry, real, kind } = await resolveTarget(path);
    // A link that is known was removed: the name is free for a file.
    const realPath = purpose === 'remove' || this.files.has(entry) ? entry : real;
    const known = this.files.get(realPath);
    if (known !== undefined) return { path, file: known };
    if ([entry, real].some((place) => isBelow(place, this.hidden))) {
      throw new PatchError('forbidden', `${path} can not be changed by a patch.`);
    }
    if (kind === 'folder') throw new PatchError('not_a_file', `${path} is a folder.`);
    if (kind === 'other') throw new PatchError('not_a_file', `${path} is no plain file.`);
    const before = await read(realPath, path);
    if (purpose === 'write' && before?.type === 'file') await checkWritable(realPath, path);
    const file: PlannedFile = { path, realPath, before, after: before, movedFrom: null };
    this.files.set(realPath, file);
    return { path, file };
  }

  finish(steps: readonly FilePatch[]): PatchPlan {
    const files = [...this.files.values()];
    const folders = new Map<string, PlannedFile>();
    for (const file of files) {
      if (file.after !== null) for (const folder of foldersOf(file.realPath)) folders.set(folder, file);
    }
    for (const { realPath, path, after } of files) {
      const inside = folders.get(realPath);
      if (inside === undefined) continue;
      const state = after === null ? 'was' : 'would be';
      throw new PatchError('not_a_file', `${inside.path} cannot be written: ${path} ${state} a file, not a folder.`);
    }
    return {
      files,
      changes: toFileChanges(files),
      targets: files.map(({ path, realPath }) => ({ path, realPath })),
      summary: summarize(steps),
    };
  }
}

/** What was moved here before is not what is here now. */
function setAfter(file: PlannedFile, after: FileState | null): void {
  file.after = after;
  file.movedFrom = null;
}

async function read(realPath: string, path: string): Promise<FileState | null> {
  try {
    return await readFileState(realPath);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new PatchError('not_a_file', `${path} is a folder.`, { cause: error });
    if (code === 'EINVAL' || code === 'ENXIO') {
      throw new PatchError('not_a_file', `${path} is no plain file.`, { cause: error });
    }
    throw PatchError.from(error, `${path} could not be read`);
  }
}

/** Replacing a file takes no right to write it: a file that is write-protected shall stay so all the same. */
async function checkWritable(realPath: string, path: string): Promise<void> {
  try {
    const handle = await open(realPath, 'r+');
    await handle.close();
  } catch (error) {
    // A program that runs cannot be written to, but replaced.
    if ((error as NodeJS.ErrnoException).code === 'ETXTBSY') return;
    throw PatchError.from(error, `${path} could not be opened for writing`);
  }
}

function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) folders.push(folder);
  return folders;
}

function summarize(steps: readonly FilePatch[]): string {
  const letters = { add: 'A', update: 'M', delete: 'D' } as const;
  const lines = (['add', 'update', 'delete'] as const).flatMap((type) => {
    const paths = steps
      .filter((step) => step.type === type)
      .map((step) => (step.type === 'update' ? (step.moveTo ?? step.path) : step.path));
    return [...new Set(paths)].map((path) => `${letters[type]} ${path}`);
  });
  return `Done. These files were changed:\n${lines.join('\n')}\n`;
}
