// Where a sandbox policy lets files be changed, for what the daemon itself writes. Reads links, nothing else. Session
// worker.
import { readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { SandboxPolicy } from '../../protocol/thread.js';
import { GUARDED_FOLDERS } from '../../rollout/permission-profile.js';

export interface PlacesOptions {
  cwd: string;
  /** Beside the cwd. */
  workspaceRoots: readonly string[];
  /** TMPDIR, or null. */
  temporaryFolder: string | null;
  /** Never writable, such as the home of the daemon. */
  closedFolders: readonly string[];
}

/** Folders with all that is below them. Everything is writable when `everywhere` is set. */
export interface WritablePlaces {
  everywhere: boolean;
  roots: string[];
  /** Closed within the roots. */
  closed: string[];
}

/** Of a read-only policy there are none. */
export function writablePlaces(policy: SandboxPolicy, options: PlacesOptions): WritablePlaces {
  switch (policy.type) {
    case 'dangerFullAccess':
    case 'externalSandbox':
      return { everywhere: true, roots: [], closed: [] };
    case 'readOnly':
      return { everywhere: false, roots: [], closed: [] };
    case 'workspaceWrite': {
      const workspace = [options.cwd, ...options.workspaceRoots, ...(policy.writableRoots ?? [])];
      const temporary = [
        ...(policy.excludeSlashTmp === true ? [] : ['/tmp']),
        ...(policy.excludeTmpdirEnvVar === true || options.temporaryFolder === null ? [] : [options.temporaryFolder]),
      ];
      const guarded = workspace.flatMap((root) => GUARDED_FOLDERS.map((name) => path.join(root, name)));
      return {
        everywhere: false,
        roots: unique([...workspace, ...temporary]),
        closed: unique([...guarded, ...options.closedFolders]),
      };
    }
  }
}

/**
 * The files that cannot be written, in their order. Links count for what they lead to, of the file, of the folders
 * above it and of the places: a link within the workspace opens nothing outside of it.
 */
export async function findClosedFiles(places: WritablePlaces, files: readonly string[]): Promise<string[]> {
  if (places.everywhere) return [];
  const roots = await resolveAll(places.roots);
  const closed = await resolveAll(places.closed);
  const targets = await resolveAll(files);
  return files.filter((file, at) => {
    // Both names must be open: the one it has, and the one it leads to.
    const names = [path.normalize(file), targets[at]!];
    return !isBelowAny(targets[at]!, roots) || names.some((name) => isBelowAny(name, [...places.closed, ...closed]));
  });
}

function resolveAll(files: readonly string[]): Promise<string[]> {
  return Promise.all(files.map((file) => resolveExisting(path.normalize(file), MAX_LINKS)));
}

const MAX_LINKS = 40;

/** The real path of what there is of it, and the rest as it stands; links that lead nowhere yet are followed too. */
async function resolveExisting(file: string, links: number): Promise<string> {
  try {
    return await realpath(file);
  } catch {
    // Not there, or not to be looked into: what is above it decides.
    const above = path.dirname(file);
    if (above === file || links === 0) return '/';
    const folder = await resolveExisting(above, links);
    const target = await readlink(path.join(folder, path.basename(file))).catch(() => null);
    if (target === null) return path.join(folder, path.basename(file));
    return resolveExisting(path.resolve(folder, target), links - 1);
  }
}

function isBelowAny(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => file === folder || file.startsWith(folder.endsWith('/') ? folder : `${folder}/`));
}

function unique(folders: readonly string[]): string[] {
  return [...new Set(folders.map((folder) => path.normalize(folder)))];
}
