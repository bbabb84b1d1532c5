// Finds the rollout files of a home by their names, without opening them. Index thread.
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVED_SESSIONS_FOLDER, parseRolloutName, SESSIONS_FOLDER } from '../rollout/file-name.js';
import type { RolloutName } from '../rollout/file-name.js';

export interface RolloutFile extends RolloutName {
  path: string;
  archived: boolean;
}

/** Year, month, day: deeper folders are none of the format's. */
const MAX_DEPTH = 3;

/**
 * All rollouts below one of the home's two folders, in no order; other files and symbolic links are passed over. A
 * missing folder is an empty one. Throws what reading a folder throws.
 */
export async function listRolloutFiles(home: string, archived: boolean): Promise<RolloutFile[]> {
  const files: RolloutFile[] = [];
  await collect(join(home, archived ? ARCHIVED_SESSIONS_FOLDER : SESSIONS_FOLDER), 0, archived, files);
  return files;
}

/** Of several files of one id the newest: the others are what a revert or a copy left behind. */
export function newestOfEachId(files: readonly RolloutFile[]): RolloutFile[] {
  const newest = new Map<string, RolloutFile>();
  for (const file of files) {
    const known = newest.get(file.id);
    if (known === undefined || isNewer(file, known)) newest.set(file.id, file);
  }
  return [...newest.values()];
}

function isNewer(file: RolloutFile, known: RolloutFile): boolean {
  const difference = file.createdAt.getTime() - known.createdAt.getTime();
  // Segment ids are UUIDv7: they sort by time.
  return difference > 0 || (difference === 0 && (file.segmentId ?? '') > (known.segmentId ?? ''));
}

async function collect(folder: string, depth: number, archived: boolean, files: RolloutFile[]): Promise<void> {
  const folders: string[] = [];
  for (const entry of await readEntries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH) folders.push(path);
    const name = entry.isFile() ? parseRolloutName(entry.name) : null;
    if (name !== null) files.push({ ...name, path, archived });
  }
  await Promise.all(folders.map((path) => collect(path, depth + 1, archived, files)));
}

async function readEntries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
