// Who holds the flock on a file: what the kernel tells of locks and descriptors. Linux only, elsewhere nobody is named. Main
// thread.
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';

export interface LockHolder {
  pid: number;
  /** Name of the program as the kernel has it, at most 15 bytes; null when the process is not to be seen. */
  command: string | null;
}

/** What makes a file the same one. */
export type FileIdentity = Pick<Stats, 'dev' | 'ino' | 'uid'>;

/**
 * Null when there is no holder (any more), or none that can be told. Never throws. `proc` is where the kernel tells it.
 *
 * The list of locks names the process that took a lock. It may have ended since and left it to a child, and its number may be
 * another's by now: so whoever is named must have the file locked, and where it has not, the one that has is looked for.
 */
export async function findLockHolder(file: FileIdentity, proc = '/proc'): Promise<LockHolder | null> {
  const named = namedPids(await readOrEmpty(`${proc}/locks`), file);
  if (named.length === 0) return null;
  for (const pid of named) {
    const verdict = await hasLocked(proc, pid, file);
    if (verdict === 'yes') return describe(proc, pid);
    // What hides its descriptors, as Codex does, is taken at the kernel's word, if it is of the user who made the file.
    if (verdict === 'hidden' && (await userOf(proc, pid)) === file.uid) return describe(proc, pid);
  }
  for (const name of await listOrEmpty(proc)) {
    const pid = /^\d+$/.test(name) ? Number(name) : 0;
    if (pid > 0 && (await hasLocked(proc, pid, file)) === 'yes') return describe(proc, pid);
  }
  return null;
}

async function describe(proc: string, pid: number): Promise<LockHolder> {
  const command = (await readOrEmpty(`${proc}/${pid}/comm`)).trim();
  return { pid, command: command === '' ? null : command };
}

/** A line of proc_locks(5): `1: FLOCK  ADVISORY  WRITE 8219 fe:00:2146950 0 EOF`; those who wait have `->`. */
const LOCK_LINE = /^\d+: FLOCK +\S+ +\S+ +(\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) /;

/** Those on the same device first: some file systems (btrfs, overlays) show another one there than stat(2) does. */
function namedPids(locks: string, file: FileIdentity): number[] {
  const onInode = locks.split('\n').flatMap((line) => {
    const [, pid, major, minor, inode] = LOCK_LINE.exec(line) ?? [];
    if (Number(inode) !== file.ino || Number(pid) === 0) return [];
    return [{ pid: Number(pid), isThere: isDevice(file.dev, parseInt(major!, 16), parseInt(minor!, 16)) }];
  });
  return onInode.toSorted((a, b) => Number(b.isThere) - Number(a.isThere)).map(({ pid }) => pid);
}

/** As makedev(3) of the GNU library composes it, below 2^32. */
function isDevice(dev: number, major: number, minor: number): boolean {
  return dev === ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Whether one of the process's descriptors is the one that holds the lock; `hidden` where these are not to be seen. */
async function hasLocked(proc: string, pid: number, file: FileIdentity): Promise<'yes' | 'no' | 'hidden'> {
  let descriptors;
  try {
    descriptors = await readdir(`${proc}/${pid}/fd`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no' : 'hidden';
  }
  for (const fd of descriptors) {
    const opened = await stat(`${proc}/${pid}/fd/${fd}`).catch(() => null);
    if (opened?.ino !== file.ino || opened.dev !== file.dev) continue;
    if (/^lock:.* FLOCK /m.test(await readOrEmpty(`${proc}/${pid}/fdinfo/${fd}`))) return 'yes';
  }
  return 'no';
}

/** The real user id of a process. */
async function userOf(proc: string, pid: number): Promise<number | null> {
  const [, uid] = /^Uid:\s+(\d+)/m.exec(await readOrEmpty(`${proc}/${pid}/status`)) ?? [];
  return uid === undefined ? null : Number(uid);
}

async function listOrEmpty(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not this system, or the process has ended meanwhile.
    return '';
  }
}
