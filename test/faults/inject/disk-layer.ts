// Between the writer and the disk: fails on order, and notes what would survive a loss of power. Writer thread.
import fs from 'node:fs';
import type { NoParamCallback } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { SyncLog } from './sync-log.js';
import type { DiskFault, Report } from './orders.js';

export interface Disk {
  /** These faults from now on, and no others. */
  fail(faults: readonly DiskFault[]): void;
}

interface ActiveFault extends DiskFault {
  /** A `half` fault lets the first half of one write through. */
  halved: boolean;
}

/**
 * Replaces what the writer uses of `fs`; to be called before it is imported. With ROLLOUTD_FAULTS_SYNC_LOG each sync is
 * noted in that file; with ROLLOUTD_FAULTS_NO_SYNC nothing is synced at all, and the writer is told that it was. `tell` hears
 * of writes that ended early.
 */
export function layDisk(env: NodeJS.ProcessEnv, tell: (report: Report) => void): Disk {
  const { openSync, writeSync, fdatasync } = fs;
  const { open } = fs.promises;
  const logPath = env['ROLLOUTD_FAULTS_SYNC_LOG'];
  const log = logPath === undefined ? null : new SyncLog(logPath);
  const skips = env['ROLLOUTD_FAULTS_NO_SYNC'] === '1';
  const paths = new Map<number, string>();
  let active: ActiveFault[] = [];
  const find = (path: string | undefined, ...at: DiskFault['at'][]): ActiveFault | undefined =>
    path === undefined
      ? undefined
      : active.find((fault) => at.includes(fault.at) && (fault.path === null || path.includes(fault.path)));

  fs.openSync = (path, flags, mode) => {
    const fault = typeof path === 'string' && isCreating(flags) ? find(path, 'write') : undefined;
    if (fault !== undefined) throw errnoError(fault, 'open');
    const fd = openSync(path, flags, mode);
    if (typeof path === 'string') paths.set(fd, path);
    return fd;
  };

  const write = (fd: number, bytes: NodeJS.ArrayBufferView, offset: number, length: number): number => {
    const path = paths.get(fd);
    const fault = find(path, 'write', 'half');
    if (fault !== undefined && (fault.at !== 'half' || fault.halved)) throw errnoError(fault, 'write');
    const isHalf = fault !== undefined && length > 1;
    if (isHalf) fault.halved = true;
    const done = writeSync(fd, bytes, offset, isHalf ? length >> 1 : length);
    if (done < length && path !== undefined) tell({ type: 'tore', path, size: fs.fstatSync(fd).size });
    return done;
  };
  fs.writeSync = write as typeof fs.writeSync;

  const sync = (fd: number, callback: NoParamCallback): void => {
    const path = paths.get(fd);
    const fault = find(path, 'sync');
    if (fault !== undefined) return void setImmediate(() => callback(errnoError(fault, 'fdatasync')));
    if (skips) return void setImmediate(() => callback(null));
    // What is written while the sync runs may or may not be part of it.
    const size = fs.fstatSync(fd).size;
    fdatasync(fd, (error) => {
      if (error === null && path !== undefined) log?.noteFile(path, size);
      callback(error);
    });
  };
  fs.fdatasync = sync as typeof fs.fdatasync;

  fs.promises.open = async (path, flags, mode) => {
    const handle = await open(path, flags, mode);
    const syncHandle = handle.sync.bind(handle);
    handle.sync = async () => {
      if (skips) return;
      const folder = String(path);
      if (log?.covers(folder) !== true) return syncHandle();
      const names = fs.readdirSync(folder);
      await syncHandle();
      log.noteFolder(folder, names);
    };
    return handle;
  };
  syncBuiltinESMExports();
  return { fail: (faults) => (active = faults.map((fault) => ({ ...fault, halved: false }))) };
}

function isCreating(flags: unknown): boolean {
  return typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0;
}

function errnoError({ errno }: DiskFault, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${errno}: put in by the fault driver, ${syscall}`), { code: errno, syscall });
}
