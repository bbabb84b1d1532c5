// Which places a sandbox shows, and how: from a policy to a list of mounts. Looks at the disk, changes nothing. Session worker.
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { SandboxPolicy } from '../../protocol/thread.js';
import { GUARDED_FOLDERS } from '../../rollout/permission-profile.js';
import type { SandboxPlaces } from './sandbox-places.js';

export type MountKind =
  /** A writable place as it is. */
  | 'writable'
  | 'readOnly'
  /** An empty folder that cannot be written, in place of what is there. */
  | 'emptyFolder'
  /** /dev/null in place of what is there. */
  | 'emptyFile';

export interface Mount {
  /** Without links on the way. */
  path: string;
  kind: MountKind;
  /** What is shown there when it is not the place itself. */
  source?: string;
}

export interface PlanRequest {
  policy: Extract<SandboxPolicy, { type: 'readOnly' | 'workspaceWrite' }>;
  /** Writable under workspaceWrite. */
  workspaceRoots: readonly string[];
  /** TMPDIR of the command; null without one. */
  temporaryFolder: string | null;
  places: SandboxPlaces;
}

/** Of two kinds for one place, the later one wins. */
const RANKS: readonly MountKind[] = ['writable', 'readOnly', 'emptyFolder', 'emptyFile'];

/** Parents come before what lies in them. Everything else is read-only. */
export function planMounts(request: PlanRequest): Mount[] {
  const plan = new Map<string, Mount>();
  const add = (mount: Mount): void => {
    const former = plan.get(mount.path);
    if (former === undefined || RANKS.indexOf(former.kind) < RANKS.indexOf(mount.kind)) plan.set(mount.path, mount);
  };
  const hidden = resolveAll(request.places.hidden);
  const covered = listCovered(request);
  const writable = [...listRoots(request), ...listTemporary(request)];
  for (const path of writable) add({ path, kind: 'writable' });
  for (const root of writable) {
    const guards = GUARDED_FOLDERS.map((name) => join(root, name));
    for (const path of guards.flatMap(guardedPlaces)) add({ path, kind: 'readOnly' });
  }
  for (const path of covered) add({ path, kind: 'emptyFolder' });
  for (const path of hidden) add({ path, kind: isFolder(path) ? 'emptyFolder' : 'emptyFile' });
  for (const name of request.places.shown) {
    const source = realPath(name);
    if (source === null || hidden.some((place) => isWithin(source, place))) continue;
    add({ path: join(realPath(dirname(name)) ?? dirname(name), basename(name)), kind: 'readOnly', source });
  }
  const isCovered = (path: string): boolean => covered.some((place) => isWithin(path, place));
  for (const path of [...plan.keys()].flatMap((place) => foldersBetween(place, writable))) {
    if (!isCovered(path)) add({ path, kind: 'writable' });
  }
  return [...plan.values()].sort(byDepth);
}

/** Folders in the roots that commands may write to, that they may not make either; whether or not they are there. */
export function listGuards(request: PlanRequest): string[] {
  return listRoots(request)
    .filter(isFolder)
    .flatMap((root) => GUARDED_FOLDERS.map((name) => join(root, name)));
}

function listRoots(request: PlanRequest): string[] {
  const { policy, workspaceRoots } = request;
  return policy.type === 'readOnly' ? [] : listPublic([...workspaceRoots, ...(policy.writableRoots ?? [])], request);
}

function listTemporary(request: PlanRequest): string[] {
  const { policy, temporaryFolder } = request;
  if (policy.type === 'readOnly') return [];
  const own = policy.excludeTmpdirEnvVar === true || temporaryFolder === null ? [] : [temporaryFolder];
  return listPublic(policy.excludeSlashTmp === true ? own : ['/tmp', ...own], request);
}

/** Those that are there and are not the daemon's own. */
function listPublic(paths: readonly string[], request: PlanRequest): string[] {
  const hidden = resolveAll(request.places.hidden);
  const covered = listCovered(request);
  return [...new Set(resolveAll(paths))].filter(
    (path) => !covered.includes(path) && !hidden.some((place) => isWithin(path, place)),
  );
}

function listCovered({ places }: PlanRequest): string[] {
  return resolveAll(places.covered).filter(isFolder);
}

/** Whether `path` is the folder or lies in it; both without links. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** The place without links on the way, or null when it is not there or not to be seen. */
export function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function resolveAll(paths: readonly string[]): string[] {
  return paths.map(realPath).filter((path) => path !== null);
}

/** The guard itself, and what a file in its place points to, as `.git` of a work tree does. */
function guardedPlaces(guard: string): string[] {
  const kind = kindOf(guard);
  // A mount follows a link: its target is guarded, the link itself cannot be.
  if (kind === null) return [];
  const path = realPath(guard);
  if (path === null) return [];
  if (kind !== 'file') return [path];
  const target = /^gitdir: (.+)$/m.exec(readStart(path))?.[1];
  const folder = target === undefined ? null : realPath(resolve(dirname(path), target));
  const common = folder === null ? null : realPath(resolve(folder, readStart(join(folder, 'commondir')).trim() || '.'));
  return [path, folder, common].filter((place) => place !== null);
}

/** A parent that could be renamed would take what is mounted in it out of the way: so each of them is a mount as well. */
function foldersBetween(path: string, writable: readonly string[]): string[] {
  const root = writable.filter((place) => place !== path && isWithin(path, place)).sort(byLength)[0];
  if (root === undefined) return [];
  const between: string[] = [];
  for (let folder = dirname(path); folder !== root; folder = dirname(folder)) between.push(folder);
  return between;
}

function byLength(a: string, b: string): number {
  return b.length - a.length;
}

function byDepth(a: Mount, b: Mount): number {
  const depth = ({ path }: Mount): number => (path === '/' ? 0 : path.split('/').length - 1);
  return depth(a) - depth(b) || (a.path < b.path ? -1 : 1);
}

function readStart(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(0, 4096);
  } catch {
    return '';
  }
}

function isFolder(path: string): boolean {
  return kindOf(path) === 'folder';
}

function kindOf(path: string): 'folder' | 'file' | 'other' | null {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other';
  } catch {
    return null;
  }
}
