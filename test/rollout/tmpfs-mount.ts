// A small file system of its own, where it can be had: full or read-only disks cannot be tried otherwise. Main thread.
import { execFileSync } from 'node:child_process';
import type { Context } from 'mocha';

export interface TmpfsMount {
  makeReadOnly(): void;
  resize(bytes: number): void;
  unmount(): void;
}

/** Mounts a tmpfs of so many bytes on an empty folder. Where that is not allowed, the calling test is skipped. */
export function mountTmpfs(context: Context, folder: string, bytes: number): TmpfsMount {
  return tryMountTmpfs(folder, bytes) ?? context.skip();
}

/** The same for those who can do without: null where it is not allowed. */
export function tryMountTmpfs(folder: string, bytes: number): TmpfsMount | null {
  try {
    mount('-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', folder);
  } catch {
    // Neither root nor in a namespace of our own.
    return null;
  }
  return {
    makeReadOnly: () => mount('-o', 'remount,ro', folder),
    resize: (size) => mount('-o', `remount,size=${size}`, folder),
    unmount: () => void execFileSync('umount', [folder], { stdio: 'pipe' }),
  };
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
}
