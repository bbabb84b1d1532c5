// Finds the rollout files of a home by their names, without opening them. Index thread.
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ARCHIVED_SESSIONS_FOLDER,
  MAX_SESSIONS_DEPTH,
  parseRolloutName,
  plainPathOf,
  SESSIONS_FOLDER,
} from '../rollout/file-name.js';
import type { RolloutName } from '../rollout/file-name.js';

export interface RolloutFile extends RolloutName {
  /** Without `.zst`, whether compressed or not. */
  path: string;
  archived: boolean;
}

const MISSING: ReadonlySet<unknown> = new Set(['ENOENT']);
/** What is wrong with one folder, not with all there is to read. */
const UNREADABLE: ReadonlySet<unknown> = new Set([
  ...MISSING,
  'EACCES',
  'EPERM',
  'EIO',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ESTALE',
  'EBADMSG',
  'EUCLEAN',
]);

/**
 * All rollouts below one of the home's two folders, in no order; other files and symbolic links are passed over. Where
 * a plain and a compressed file lie side by side, the plain one is listed. A missing folder is an empty one; one that
 * cannot be read is passed over unless `isComplete` is asked for. Throws what reading a folder throws.
 */
export async function listRolloutFiles(
  home: string,
  archived: boolean,
  { isComplete = false }: { isComplete?: boolean } = {},
): Promise<RolloutFile[]> {
  const files: RolloutFile[] = [];
  const passedOver = isComplete ? MISSING : UNREADABLE;
  const folder = join(home, archived ? ARCHIVED_SESSIONS_FOLDER : SESSIONS_FOLDER);
  await collect(folder, 0, { archived, passedOver }, files);
  return files;
}

/** Two changes of a folder in so short a time may leave it with one time of change, on file systems with coarse clocks. */
const COARSE_MS = 3000;

/**
 * Differs from a former one when a file was moved into or out of the archive since. Throws what asking for a folder
 * throws.
 */
export async function archiveVersion(home: string): Promise<string> {
  const folder = join(home, ARCHIVED_SESSIONS_FOLDER);
  try {
    const { mtimeNs, mtimeMs } = await stat(folder, { bigint: true });
    const isRecent = Math.abs(Date.now() - Number(mtimeMs)) < COARSE_MS;
    return [mtimeNs, ...(isRecent ? (await readdir(folder)).toSorted() : [])].join('/');
  } catch (error) {
    if (UNREADABLE.has((error as NodeJS.ErrnoException).code)) return '';
    throw error;
  }
}

/** Files by the id in their names, those of one id oldest first: the last is the one that counts. */
export function groupById(files: readonly RolloutFile[]): Map<string, RolloutFile[]> {
  const groups = new Map<string, RolloutFile[]>();
  for (const file of files) {
    const group = groups.get(file.id);
    if (group === undefined) groups.set(file.id, [file]);
    else group.push(file);
  }
  for (const group of groups.values()) group.sort(compareAge);
  return groups;
}

/** The newest file, or undefined when there are none. */
export function newestOf(files: readonly RolloutFile[]): RolloutFile | undefined {
  let newest = files[0];
  for (const file of files) if (newest === undefined || compareAge(file, newest) > 0) newest = file;
  return newest;
}

/** Drops from what is kept by path, once there is more of it than files, all that is of none of them. */
export function dropUnlisted(kept: Map<string, unknown>, files: readonly RolloutFile[]): void {
  if (kept.size <= files.length) return;
  const paths = new Set(files.map(({ path }) => path));
  for (const path of kept.keys()) if (!paths.has(path)) kept.delete(path);
}

/** Negative when `a` is the older one. */
function compareAge(a: RolloutFile, b: RolloutFile): number {
  const difference = a.createdAt.getTime() - b.createdAt.getTime();
  if (difference !== 0) return difference;
  // Segment ids are UUIDv7: they sort by time.
  const [first, second] = [a.segmentId ?? '', b.segmentId ?? ''];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** Negative when `b` counts before `a` where both are of one conversation: archived files come first, then older ones. */
export function compareRank(a: RolloutFile, b: RolloutFile): number {
  return Number(b.archived) - Number(a.archived) || compareAge(a, b);
}

interface CollectOptions {
  archived: boolean;
  /** Codes of errors. */
  passedOver: ReadonlySet<unknown>;
}

async function collect(folder: string, depth: number, options: CollectOptions, files: RolloutFile[]): Promise<void> {
  const { archived } = options;
  const folders: string[] = [];
  const compressed: RolloutFile[] = [];
  const plain = new Set<string>();
  for (const entry of await readEntries(folder, options)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < MAX_SESSIONS_DEPTH) folders.push(path);
    const name = entry.isFile() ? parseRolloutName(entry.name) : null;
    if (name === null) continue;
    if (name.compressed) {
      compressed.push({ ...name, path: plainPathOf(path), archived });
      continue;
    }
    files.push({ ...name, path, archived });
    plain.add(path);
  }
  files.push(...compressed.filter(({ path }) => !plain.has(path)));
  await Promise.all(folders.map((path) => collect(path, depth + 1, options, files)));
}

async function readEntries(folder: string, { passedOver }: CollectOptions): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (passedOver.has((error as NodeJS.ErrnoException).code)) return [];
    throw error;
  }
}
