// The profile that sandbox-exec of macOS enforces. Pure. Session worker.
import type { Mount } from './plan-mounts.js';

export interface SeatbeltRequest {
  /** Parents come before what lies in them. */
  mounts: readonly Mount[];
  networkAccess: boolean;
}

/** What every program needs: to run others, to ask the system, and to talk over what it was given. */
const ALWAYS = [
  '(allow process-exec)',
  '(allow process-fork)',
  '(allow process-info* (target same-sandbox))',
  '(allow signal (target same-sandbox))',
  '(allow sysctl-read)',
  '(allow file-read*)',
  '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))',
  '(allow file-ioctl (regex #"^/dev/ttys[0-9]+$"))',
  '(allow file-read* file-write* (regex #"^/dev/ttys[0-9]+$") (literal "/dev/tty") (literal "/dev/ptmx"))',
  '(allow pseudo-tty)',
  '(allow ipc-posix-sem)',
  '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
];

const NETWORK = [
  '(allow network*)',
  '(allow system-socket)',
  '(allow mach-lookup (global-name "com.apple.SecurityServer") (global-name "com.apple.trustd.agent"))',
];

/** Of rules that fit, the last one holds: so a place within another one comes after it. */
export function seatbeltProfile({ mounts, networkAccess }: SeatbeltRequest): string {
  const places = mounts.flatMap(({ path, kind }) => placeRules(quote(path), kind));
  return ['(version 1)', '(deny default)', ...ALWAYS, ...(networkAccess ? NETWORK : []), ...places, ''].join('\n');
}

function placeRules(path: string, kind: Mount['kind']): string[] {
  const place = `(subpath ${path})`;
  switch (kind) {
    case 'writable':
      return [`(allow file-read* file-write* ${place})`];
    case 'readOnly':
      return [`(deny file-write* ${place})`, `(allow file-read* ${place})`];
    case 'emptyFolder':
    case 'emptyFile':
      return [`(deny file-read* file-write* ${place})`, `(deny network-outbound ${place})`];
  }
}

function quote(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
