// The sandbox that a `permission_profile` of a rollout stands for. Any thread.
import { join, normalize } from 'node:path';
import type { SandboxPolicy } from '../protocol/thread.js';

/** Folders of a workspace that stay read-only: whoever writes there changes what runs later. */
export const GUARDED_FOLDERS = ['.git', '.agents', '.codex', '.aws'];

const NARROWEST: SandboxPolicy = { type: 'readOnly', networkAccess: false };

type Fields = Record<string, unknown>;

/**
 * The policy that says the same, for a conversation in `cwd`. A profile that no policy says exactly becomes the narrowest
 * one, never a wider one.
 */
export function toProfiledSandbox(profile: unknown, cwd: string): SandboxPolicy {
  if (!isObject(profile)) return NARROWEST;
  switch (profile.type) {
    case 'disabled':
      return { type: 'dangerFullAccess' };
    case 'external':
      return { type: 'externalSandbox', networkAccess: profile.network === 'enabled' ? 'enabled' : 'restricted' };
    case 'managed':
      return toManagedSandbox(profile.file_system, profile.network === 'enabled', cwd) ?? NARROWEST;
    default:
      return NARROWEST;
  }
}

function toManagedSandbox(fileSystem: unknown, networkAccess: boolean, folder: string): SandboxPolicy | null {
  if (!isObject(fileSystem) || fileSystem.type !== 'restricted' || !Array.isArray(fileSystem.entries)) return null;
  const cwd = withoutSlash(normalize(folder));
  const accesses = new Map<string, unknown>();
  for (const entry of fileSystem.entries) {
    if (!isObject(entry)) return null;
    const place = placeOf(entry.path, cwd);
    // Profiles repeat entries; one that contradicts itself is not understood.
    if (place === null || (accesses.has(place) && accesses.get(place) !== entry.access)) return null;
    accesses.set(place, entry.access);
  }
  if (accesses.get(':root') !== 'read') return null;
  const written: string[] = [];
  const read: string[] = [];
  for (const [place, access] of accesses) {
    if (access === 'write') written.push(place);
    else if (access === 'read') read.push(place);
    else return null;
  }
  if (written.length === 0) return { type: 'readOnly', networkAccess };
  const guarded = GUARDED_FOLDERS.map((name) => join(cwd, name));
  const isSaid = read.every((place) => place.startsWith(':') || guarded.includes(place));
  // A policy that lets anything be written always lets the workspace be.
  if (!isSaid || !written.includes(cwd) || written.includes(':minimal')) return null;
  return {
    type: 'workspaceWrite',
    writableRoots: written.filter((place) => !place.startsWith(':') && place !== cwd),
    networkAccess,
    excludeTmpdirEnvVar: !written.includes(':tmpdir'),
    excludeSlashTmp: !written.includes(':slash_tmp'),
  };
}

/** A path, or for special places a name that no path has; null where it is not understood. */
function placeOf(path: unknown, cwd: string): string | null {
  if (!isObject(path)) return null;
  if (path.type === 'path' && typeof path.path === 'string') return withoutSlash(normalize(path.path));
  if (path.type !== 'special' || !isObject(path.value)) return null;
  const { kind, subpath } = path.value;
  switch (kind) {
    case 'root':
    case 'minimal':
    case 'tmpdir':
    case 'slash_tmp':
      return `:${kind}`;
    case 'project_roots':
      if (subpath === undefined || subpath === null) return cwd;
      return typeof subpath === 'string' ? withoutSlash(join(cwd, subpath)) : null;
    default:
      return null;
  }
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
