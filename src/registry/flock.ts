// flock(2), which Node lacks, through koffi. Main thread: a lock goes when the thread that opened its descriptor ends.
import koffi from 'koffi';

// The same on Linux, macOS and the BSDs: <sys/file.h>.
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

const flock = koffi.load(null).func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;

export type FlockMode = 'shared' | 'exclusive';

/**
 * Locks the open file description behind `fd` without waiting; false when another one holds a lock that excludes this.
 * Throws, with the name of the errno as `code`, when the file cannot be locked at all.
 */
export function tryFlock(fd: number, mode: FlockMode): boolean {
  const operation = (mode === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (flock(fd, operation) !== 0) {
    const errno = koffi.errno();
    if (errno === koffi.os.errno['EWOULDBLOCK']) return false;
    if (errno !== koffi.os.errno['EINTR']) throw flockError(errno);
  }
  return true;
}

/** Unlocks also where a child process that is just being started still shares the descriptor. Never fails. */
export function releaseFlock(fd: number): void {
  flock(fd, LOCK_UN);
}

function flockError(errno: number): NodeJS.ErrnoException {
  const code = Object.keys(koffi.os.errno).find((name) => koffi.os.errno[name] === errno) ?? `errno ${errno}`;
  return Object.assign(new Error(`${code}: flock`), { code, errno: -errno, syscall: 'flock' });
}
