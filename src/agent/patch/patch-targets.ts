// Whether a patch stays where writing is allowed. Session worker.
import { relative, sep } from 'node:path';
import type { PatchTarget } from './planned-file.js';
import { followLinks } from './resolve-target.js';

/** Below a root these are never writable: what is in them decides what programs do later. */
const READ_ONLY_BELOW: readonly string[] = ['.git', '.codex'];

/**
 * Whether all targets are inside one of the roots, after links, and none in or at a name that is read-only below a root, at
 * whatever depth and in whatever case. The roots are absolute paths; a root itself may lie below such a name. To be asked
 * again after a wait: links may have changed.
 */
export async function isWithinRoots(
  targets: readonly PatchTarget[],
  writableRoots: readonly string[],
  readOnlyBelow: readonly string[] = READ_ONLY_BELOW,
): Promise<boolean> {
  const names = readOnlyBelow.map((name) => name.toLowerCase());
  const roots = [
    ...new Set([...writableRoots, ...(await Promise.all(writableRoots.map((root) => followLinks(root))))]),
  ];
  const realRoots = await Promise.all(writableRoots.map((root) => followLinks(root)));
  const isReadOnly = (below: string): boolean => below.split(sep).some((name) => names.includes(name.toLowerCase()));
  return targets.every(({ path, realPath }) => {
    const inside = realRoots.map((root) => pathBelow(root, realPath)).filter((below) => below !== null);
    if (!inside.some((below) => !isReadOnly(below))) return false;
    // A link by one of these names: what it leads to has another.
    const named = roots.map((root) => pathBelow(root, path)).filter((below) => below !== null);
    return named.length === 0 ? !isReadOnly(path) : named.some((below) => !isReadOnly(below));
  });
}

/** Whether the path is one of these, or in one of them. */
export function isBelow(path: string, places: readonly string[]): boolean {
  return places.some((place) => place === path || pathBelow(place, path) !== null);
}

/** The way from a folder to what is in it; null for what is not, and for the folder itself. */
function pathBelow(folder: string, path: string): string | null {
  const way = relative(folder, path);
  return way === '' || way === '..' || way.startsWith(`..${sep}`) ? null : way;
}
