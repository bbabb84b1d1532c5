// Finds the daemon and its token for a command. Clients.
import { readToken } from '../auth/token-file.js';
import { readDaemonFile } from './daemon-file.js';
import { CliFailure, EXIT } from './exit.js';

export interface DaemonLocation {
  url: string;
  token: string | null;
}

/**
 * Through the home, or at `url` when given. The token is ROLLOUTD_TOKEN, else the home's; that one is only sent to this
 * machine. Throws CliFailure when no daemon runs, DaemonError when a file of the home is not private.
 */
export function locateDaemon(home: string, url: string | undefined, env: NodeJS.ProcessEnv): DaemonLocation {
  const token = env['ROLLOUTD_TOKEN'] || null;
  if (url !== undefined) return { url, token: token ?? (isThisMachine(url) ? readToken(home) : null) };
  const daemon = readDaemonFile(home);
  if (daemon === null) throw new CliFailure(`no daemon runs for ${home}; start one with: rolloutd start`);
  return { url: reachable(daemon.url), token: token ?? readToken(home) };
}

function isThisMachine(url: string): boolean {
  const { hostname } = parseUrl(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** A daemon that listens on every interface is reached through loopback. */
export function reachable(url: string): string {
  const { hostname, port } = parseUrl(url);
  if (hostname === '0.0.0.0') return `ws://127.0.0.1:${port}`;
  if (hostname === '[::]') return `ws://[::1]:${port}`;
  return url;
}

function parseUrl(url: string): URL {
  if (!/^wss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliFailure(`'${url}' is no URL of a daemon, as ws://127.0.0.1:4517 is`, EXIT.usage);
  }
  return new URL(url);
}
