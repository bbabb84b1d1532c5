// Who holds the flock on a file: the kernel's list of locks. Linux only, elsewhere nobody is named. Main thread.
import { readFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';

export interface LockHolder {
  pid: number;
  /** Name of the program as the kernel has it, at most 15 bytes; null when the process is not to be seen. */
  command: string | null;
}

/** Null when there is no holder (any more), or none that can be told. Never throws. */
export async function findLockHolder(file: Stats): Promise<LockHolder | null> {
  const pid = findPid(await readOrEmpty('/proc/locks'), file);
  if (pid === null) return null;
  const command = (await readOrEmpty(`/proc/${pid}/comm`)).trim();
  return { pid, command: command === '' ? null : command };
}

/** A line of proc_locks(5): `1: FLOCK  ADVISORY  WRITE 8219 fe:00:2146950 0 EOF`; those who wait have `->`. */
const LOCK_LINE = /^\d+: FLOCK +\S+ +\S+ +(\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) /;

function findPid(locks: string, file: Stats): number | null {
  const onInode = locks.split('\n').flatMap((line) => {
    const [, pid, major, minor, inode] = LOCK_LINE.exec(line) ?? [];
    if (Number(inode) !== file.ino) return [];
    return [{ pid: Number(pid), sameDevice: isDevice(file.dev, parseInt(major!, 16), parseInt(minor!, 16)) }];
  });
  // Some file systems (btrfs, overlays) show another device there than stat(2) does.
  const holder = onInode.find(({ sameDevice }) => sameDevice) ?? (onInode.length === 1 ? onInode[0] : undefined);
  return holder === undefined || holder.pid === 0 ? null : holder.pid;
}

/** As makedev(3) of the GNU library composes it, below 2^32. */
function isDevice(dev: number, major: number, minor: number): boolean {
  return dev === ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not this system, or the process has ended meanwhile.
    return '';
  }
}
