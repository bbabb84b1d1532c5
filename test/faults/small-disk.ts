// A home on a small file system of its own, which can be filled to the last byte. Main thread.
import { closeSync, copyFileSync, cpSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryMountTmpfs } from '../rollout/tmpfs-mount.js';
import type { TempHome } from '../support/temp-home.js';
import type { SmallDisk } from './disk-scenario.js';

export interface MountedHome extends SmallDisk {
  /** Leaves a copy of the home in its place. */
  unmount(): void;
}

const DISK_BYTES = 48 << 20;
const BLOCK = Buffer.alloc(1 << 20, 1);

/** Puts a home that holds no more than its configuration on a disk of its own. Null where mounting is not allowed. */
export function mountHome({ path, root }: TempHome): MountedHome | null {
  const config = join(path, 'config.toml');
  const aside = join(root, 'config.toml');
  copyFileSync(config, aside);
  const mount = tryMountTmpfs(path, DISK_BYTES);
  if (mount === null) return null;
  copyFileSync(aside, config);
  const ballast = join(path, 'ballast');
  const unmount = () => {
    process.removeListener('exit', unmount);
    const copy = join(root, 'copy');
    cpSync(path, copy, { recursive: true });
    mount.unmount();
    cpSync(copy, path, { recursive: true });
    rmSync(copy, { recursive: true });
  };
  process.once('exit', unmount);
  return { fill: () => fillDisk(ballast), empty: () => rmSync(ballast, { force: true }), unmount };
}

function fillDisk(path: string): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    for (let size = BLOCK.length; size > 0; size = size > 4096 ? size >> 1 : 0) writeUntilFull(fd, size);
  } finally {
    closeSync(fd);
  }
}

function writeUntilFull(fd: number, size: number): void {
  for (;;) {
    try {
      if (writeSync(fd, BLOCK, 0, size) < size) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return;
    }
  }
}
