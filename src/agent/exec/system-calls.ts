// Pipes and terminals of the system, which Node cannot make, through koffi; to be imported when first needed. Session worker.
import koffi from 'koffi';

const O_RDWR = 2;
const isLinux = process.platform === 'linux';
/** <fcntl.h>, <asm/ioctls.h>; <sys/fcntl.h>, <sys/ttycom.h> and <sys/filio.h> of macOS. */
const O_CLOEXEC = isLinux ? 0o2000000 : 0x1000000;
const O_NOCTTY = isLinux ? 0o400 : 0x20000;
const SET_WINDOW_SIZE = isLinux ? 0x5414 : 0x80087467;
const SET_CLOSE_ON_EXEC = isLinux ? 0x5451 : 0x20006601;
const LONGEST_NAME = 128;

type Call = (...args: unknown[]) => number;

const system = koffi.load(null);
const pipe = (isLinux ? system.func('int pipe2(int *fds, int flags)') : system.func('int pipe(int *fds)')) as Call;
const openPath = system.func('int open(const char *path, int flags, ...)') as Call;
const closeDescriptor = system.func('int close(int fd)') as Call;
const control = system.func('int ioctl(int fd, unsigned long request, ...)') as Call;
const openMaster = system.func('int posix_openpt(int flags)') as Call;
const grant = system.func('int grantpt(int fd)') as Call;
const unlock = system.func('int unlockpt(int fd)') as Call;
const nameOf = system.func('int ptsname_r(int fd, char *name, size_t size)') as Call;

export interface Pipe {
  readEnd: number;
  writeEnd: number;
}

export interface Terminal {
  /** What a person would hold. */
  master: number;
  /** Path of the end that the command gets. */
  name: string;
  /** That end, open here too: until it is closed, nothing that was written is lost. */
  hold: number;
}

/*
 * Node closes what its `fs` has opened in a worker when that ends, also when a stream has closed it long before and the number is
 * another file's by then. What is made here it does not know: whoever gets a descriptor closes it, or hands it to a stream.
 */

/** Throws what the system says. No other program inherits it. */
export function makePipe(): Pipe {
  const ends = new Int32Array(2);
  check(isLinux ? pipe(ends, O_CLOEXEC) : pipe(ends), 'pipe');
  const [readEnd = -1, writeEnd = -1] = ends;
  if (!isLinux) for (const end of ends) control(end, SET_CLOSE_ON_EXEC);
  return { readEnd, writeEnd };
}

/** The same for a terminal. */
export function makeTerminal(columns: number, rows: number): Terminal {
  const master = check(openMaster(O_RDWR | O_NOCTTY | (isLinux ? O_CLOEXEC : 0)), 'posix_openpt');
  try {
    control(master, SET_CLOSE_ON_EXEC);
    check(grant(master), 'grantpt');
    check(unlock(master), 'unlockpt');
    const text = Buffer.alloc(LONGEST_NAME);
    check(nameOf(master, text, text.length), 'ptsname_r');
    const name = text.toString('utf8', 0, text.indexOf(0));
    setTerminalSize(master, columns, rows);
    return { master, name, hold: check(openPath(name, O_RDWR | O_NOCTTY | O_CLOEXEC), 'open') };
  } catch (error) {
    closeDescriptor(master);
    throw error;
  }
}

/** Tells whoever runs on it. A terminal that is gone is no failure. */
export function setTerminalSize(master: number, columns: number, rows: number): void {
  control(master, SET_WINDOW_SIZE, 'void *', new Uint16Array([rows, columns, 0, 0]));
}

/** Of one that was made here and that no stream has. */
export function closeFd(fd: number): void {
  closeDescriptor(fd);
}

function check(result: number, call: string): number {
  if (result >= 0) return result;
  const errno = koffi.errno();
  const code = Object.keys(koffi.os.errno).find((name) => koffi.os.errno[name] === errno) ?? `errno ${errno}`;
  throw Object.assign(new Error(`${code}: ${call}`), { code });
}
