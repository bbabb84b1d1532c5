// Where in the file system a path leads that a patch names, links followed, also when the end is not there yet. Session worker.
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { PatchError } from './patch-error.js';

/** As many as Linux follows. */
const MOST_LINKS = 40;

export interface ResolvedPath {
  /** The place of the name itself: its folder's links are followed, its own is not. */
  entry: string;
  /** The place that reading and writing reach: the same unless the entry is a link. */
  real: string;
  /** What is at `entry`. */
  kind: 'file' | 'folder' | 'link' | 'other' | 'nothing';
}

/** `path` is absolute. Throws a PatchError: `not_a_file` for a way through what is no folder, `io_failed` when it cannot be followed. */
export async function resolveTarget(path: string): Promise<ResolvedPath> {
  const folder = await followLinks(dirname(path), path);
  if (!['folder', 'nothing'].includes(await kindOf(folder))) {
    throw new PatchError('not_a_file', `${path}: ${folder} is not a folder.`);
  }
  const entry = join(folder, parse(path).base);
  const kind = await kindOf(entry);
  return { entry, real: kind === 'link' ? await followLinks(entry, path) : entry, kind };
}

/** The path with no link in it. What does not exist stays as it is named. */
export async function followLinks(path: string, shown: string = path): Promise<string> {
  const { root } = parse(path);
  const rest = resolve(path)
    .slice(root.length)
    .split(sep)
    .filter((name) => name !== '');
  let real = root;
  let links = 0;
  while (rest.length > 0) {
    const name = rest.shift() ?? '';
    // `..` of a link's target leads from where the link is: nothing before it is a link any more.
    const next = join(real, name);
    const kind = await kindOf(next);
    if (kind === 'link') {
      links += 1;
      if (links > MOST_LINKS) throw new PatchError('io_failed', `${shown} could not be followed: ELOOP`);
      const target = await readlink(next);
      if (target.startsWith(sep)) real = root;
      rest.unshift(...target.split(sep));
    } else if (rest.length > 0 && kind !== 'folder' && kind !== 'nothing') {
      throw new PatchError('not_a_file', `${shown}: ${next} is not a folder.`);
    } else {
      real = next;
    }
  }
  return real;
}

async function kindOf(path: string): Promise<ResolvedPath['kind']> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return 'link';
    if (stats.isDirectory()) return 'folder';
    return stats.isFile() ? 'file' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'nothing';
    throw PatchError.from(error, `${path} could not be looked at`);
  }
}
