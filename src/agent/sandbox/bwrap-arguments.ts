// The command line of bubblewrap (bwrap) for a plan of mounts. Pure. Session worker.
import type { Mount } from './plan-mounts.js';

export interface BwrapRequest {
  bwrap: string;
  mounts: readonly Mount[];
  /** Absolute. */
  cwd: string;
  networkAccess: boolean;
  /** Of the daemon: root needs a user namespace of its own, and no capabilities in it. */
  uid: number;
  gid: number;
  /** Path of an `env` that sets signals, which shields bwrap from those meant for the command; null without one. */
  env: string | null;
  argv: readonly string[];
}

/** What a terminal or `kill` sends to a whole process group: bwrap would die of it, and take the command with it. */
const SHIELDED_SIGNALS = 'INT,QUIT,TSTP,TERM';

/**
 * Every path is mounted at its own absolute place over a read-only root. The process table is the sandbox's own: nothing
 * outside can be seen or signalled, and all inside ends with the first process. Ends with the thread that started it.
 */
export function bwrapArguments({ bwrap, mounts, cwd, networkAccess, uid, gid, env, argv }: BwrapRequest): string[] {
  const isShielded = env !== null && argv[0]?.includes('=') === false;
  return [
    ...(isShielded ? [env, `--ignore-signal=${SHIELDED_SIGNALS}`] : []),
    bwrap,
    '--die-with-parent',
    '--unshare-pid',
    '--unshare-ipc',
    ...(uid === 0 ? ['--unshare-user', '--uid', `${uid}`, '--gid', `${gid}`, '--cap-drop', 'ALL'] : []),
    ...(networkAccess ? [] : ['--unshare-net']),
    ...['--ro-bind', '/', '/'],
    ...mounts.filter(({ path }) => path === '/').flatMap(mountArguments),
    ...['--dev', '/dev', '--proc', '/proc'],
    ...mounts.filter(({ path }) => path !== '/').flatMap(mountArguments),
    // Last: until then places were made in them.
    ...mounts.filter(({ kind }) => kind === 'emptyFolder').flatMap(({ path }) => ['--remount-ro', path]),
    ...['--chdir', cwd, '--'],
    ...(isShielded ? [env, `--default-signal=${SHIELDED_SIGNALS}`] : []),
    ...argv,
  ];
}

function mountArguments({ path, kind, source = path }: Mount): string[] {
  switch (kind) {
    case 'writable':
      return ['--bind', source, path];
    case 'readOnly':
      return ['--ro-bind', source, path];
    case 'emptyFolder':
      return ['--tmpfs', path];
    case 'emptyFile':
      return ['--ro-bind', '/dev/null', path];
  }
}
