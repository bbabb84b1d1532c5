// Writes what a plan says, all of it or nothing. Session worker.
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, link, lstat, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isSameState, readFileState } from './file-state.js';
import type { FileState } from './file-state.js';
import { HeldFolders, removeFolder } from './held-folders.js';
import { PatchError } from './patch-error.js';
import type { PatchPlan } from './plan-patch.js';
import type { PlannedFile } from './planned-file.js';

/** One step back, good also when what it undoes has failed. */
interface Undo {
  /** For the message, should it fail. */
  path: string;
  act: () => Promise<void>;
}

const STICKY = 0o1000;

/** Everything that one application has done, to be taken back or tidied up. */
interface Work {
  folders: HeldFolders;
  /** In the order of the deeds. */
  undo: Undo[];
  /** What is in the way once all is done. */
  litter: string[];
}

/** A file with all that its change needs, on its own file system, beside it. */
interface Prepared {
  file: PlannedFile;
  /** The file's own place. */
  at: string;
  /** The new content; null when the file is to go. */
  fresh: string | null;
  /** A name for the old content. */
  former: string;
}

/**
 * All new contents are written beside the files first; then the files are compared with what they were when the patch was
 * planned; then names are exchanged. Throws a PatchError: `changed_meanwhile` and `io_failed` leave every file as it was and
 * nothing beside them; only `half_applied` does not. Readers see a file as it was or as it shall be. Files that stay the same are
 * not touched; hard links to others are left with the old content.
 */
export async function applyPlan(plan: PatchPlan): Promise<void> {
  const files = plan.files.filter(({ before, after }) => !isSameState(before, after));
  const undo: Undo[] = [];
  const folders = new HeldFolders((path, at) => undo.push({ path, act: () => removeFolder(at) }));
  const work: Work = { folders, undo, litter: [] };
  try {
    const prepared: Prepared[] = [];
    for (const file of files) prepared.push(await naming(file, () => prepare(file, work)));
    for (const { file, at } of prepared) await naming(file, () => checkUnchanged(file, at));
    for (const one of prepared) await naming(one.file, () => commit(one, work));
    // All is done by now: what cannot be removed here is no reason to take it back.
    await Promise.allSettled(work.litter.map((path) => unlink(path)));
  } catch (error) {
    await takeBack(undo, error as PatchError);
    throw error;
  } finally {
    await folders.close();
  }
}

/** Writes the new content, and keeps the old one. */
async function prepare(file: PlannedFile, { folders, undo }: Work): Promise<Prepared> {
  const { before, after, path, realPath } = file;
  const folder = dirname(realPath);
  const at = await folders.place(folder, basename(realPath));
  const mark = randomBytes(8).toString('hex');
  const former = await folders.place(folder, `.rolloutd-${mark}.old`);
  if (after === null) return { file, at, fresh: null, former };
  const fresh = await folders.place(folder, `.rolloutd-${mark}.new`);
  undo.push({ path, act: () => unlinkIfThere(fresh) });
  await writeFresh(fresh, at, before, after);
  if (before?.type === 'file') {
    undo.push({ path, act: () => unlinkIfThere(former) });
    await keepFormer(at, former, before, await folders.place(folder, '.'));
  }
  return { file, at, fresh, former };
}

async function writeFresh(fresh: string, at: string, before: FileState | null, after: FileState): Promise<void> {
  if (after.type === 'link') throw new PatchError('not_a_file', `${at} would become a link.`);
  const handle = await open(fresh, 'wx', after.mode === null ? 0o666 : 0o600);
  try {
    await handle.writeFile(after.bytes);
    if (before?.type === 'file') {
      const { uid, gid } = await lstat(at);
      const own = await handle.stat();
      // Whoever may not give it away keeps it, as with any editor.
      if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid).catch(() => undefined);
    }
    if (after.mode !== null) await handle.chmod(after.mode);
  } finally {
    await handle.close();
  }
}

/** A second name for the old content, or a copy where there are no hard links. */
async function keepFormer(
  at: string,
  former: string,
  before: Extract<FileState, { type: 'file' }>,
  folder: string,
): Promise<void> {
  await checkSticky(at, folder);
  try {
    await link(at, former);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV'].includes(code ?? '')) throw error;
    await copyFile(at, former);
    if (before.mode !== null) await chmod(former, before.mode);
  }
}

/** In a sticky folder others' files cannot be replaced, nor second names for them be removed. */
async function checkSticky(at: string, folder: string): Promise<void> {
  const { mode, uid } = await stat(folder);
  const me = process.geteuid?.();
  if ((mode & STICKY) === 0 || me === undefined || me === 0 || me === uid) return;
  if ((await lstat(at)).uid !== me) throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
}

async function checkUnchanged({ before, path }: PlannedFile, at: string): Promise<void> {
  try {
    if (isSameState(before, await readFileState(at))) return;
  } catch (error) {
    // These say that something else has taken the name.
    if (!['EISDIR', 'EINVAL', 'EFBIG', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  throw changedMeanwhile(path);
}

function changedMeanwhile(path: string): PatchError {
  return new PatchError('changed_meanwhile', `${path} was changed by something else since the patch was checked.`);
}

async function commit({ file, at, fresh, former }: Prepared, { undo, litter }: Work): Promise<void> {
  const { before, path } = file;
  const isKept = fresh !== null && before?.type === 'file';
  if (before !== null && !isKept) await rename(at, former);
  if (before !== null) litter.push(former);
  if (before !== null && !isKept) undo.push({ path, act: () => rename(former, at) });
  if (fresh === null) return;
  await rename(fresh, at);
  undo.push({ path, act: () => (isKept ? rename(former, at) : unlinkIfThere(at)) });
}

/** The error of whatever is done says whose file it is about. */
async function naming<T>({ path }: PlannedFile, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw changedMeanwhile(path);
    throw PatchError.from(error, `${path} could not be written, so nothing was changed`);
  }
}

/** Throws when that fails too. */
async function takeBack(undo: readonly Undo[], cause: PatchError): Promise<void> {
  const failures: string[] = [];
  for (const { path, act } of undo.toReversed()) {
    try {
      await act();
    } catch (error) {
      failures.push(`${path} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
  }
  if (failures.length === 0) return;
  const message = `A file could not be written, and these could not be put back as they were: ${failures.join(', ')}`;
  throw new PatchError('half_applied', message, { cause });
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
