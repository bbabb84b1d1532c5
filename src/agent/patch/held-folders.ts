// A folder that stays the one that was checked, whatever is renamed or linked in its place meanwhile. Session worker.
import { constants } from 'node:fs';
import { mkdir, open, readlink, realpath, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PatchError } from './patch-error.js';

/** Linux: a descriptor that is good for names below it, and needs no right to list them. Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * The folders of one patch. On Linux each is held by a descriptor, and names in it are reached through that; elsewhere it is looked at
 * once more before use.
 */
export class HeldFolders {
  private readonly folders = new Map<string, { at: string; handle: FileHandle | null }>();
  private readonly noteCreated: (folder: string, at: string) => void;

  /** Told every folder that was created, also as it is reached through its parent, so that it can be removed again. */
  constructor(noteCreated: (folder: string, at: string) => void) {
    this.noteCreated = noteCreated;
  }

  /**
   * A path for `name` in a folder, which is given without links. Folders that are missing are created. Throws a PatchError
   * `changed_meanwhile` when the way there has become another, or the system's error.
   */
  async place(folder: string, name: string): Promise<string> {
    return join(await this.hold(folder), name);
  }

  /** To be called in any case, once. */
  async close(): Promise<void> {
    await Promise.all([...this.folders.values()].map(async ({ handle }) => handle?.close()));
  }

  private async hold(folder: string): Promise<string> {
    const known = this.folders.get(folder);
    if (known !== undefined) return known.at;
    let held = await openChecked(folder);
    if (held === null) {
      const parent = await this.hold(dirname(folder));
      const created = join(parent, basename(folder));
      await mkdir(created);
      this.noteCreated(folder, created);
      held = await openChecked(folder);
      if (held === null) throw changed(folder);
    }
    this.folders.set(folder, held);
    return held.at;
  }
}

/** Removes a folder that was created, unless somebody has put something into it. */
export async function removeFolder(at: string): Promise<void> {
  try {
    await rmdir(at);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function openChecked(folder: string): ReturnType<typeof openFolder> {
  try {
    return await openFolder(folder);
  } catch (error) {
    // Something else has taken the name.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') throw changed(folder);
    throw error;
  }
}

async function openFolder(folder: string): Promise<{ at: string; handle: FileHandle | null } | null> {
  if (process.platform !== 'linux') {
    const real = await realpath(folder).catch(nullIfMissing);
    // Names there may differ in case from what they are on disk.
    if (real !== null && real.toLowerCase() !== folder.toLowerCase()) throw changed(folder);
    return real === null ? null : { at: folder, handle: null };
  }
  const handle = await open(folder, O_PATH | constants.O_DIRECTORY).catch(nullIfMissing);
  if (handle === null) return null;
  const at = `/proc/self/fd/${handle.fd}`;
  try {
    // Whether a link was followed is told by the name that the descriptor has.
    if ((await readlink(at)) !== folder) throw changed(folder);
    return { at, handle };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function changed(folder: string): PatchError {
  return new PatchError(
    'changed_meanwhile',
    `${folder} is not the folder any more that it was when the patch was checked.`,
  );
}
