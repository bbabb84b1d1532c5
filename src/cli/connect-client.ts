// Connects a command to the daemon. Clients.
import { connect } from '../client/rpc-client.js';
import type { RpcClient } from '../client/rpc-client.js';
import { RpcClientError } from '../client/rpc-client-error.js';
import { readVersion } from '../version.js';
import { CliFailure } from './exit.js';
import { locateDaemon } from './locate-daemon.js';

/** What every command that talks to a daemon can be told. */
export interface DaemonChoice {
  home: string;
  /** Undefined: found through the home. */
  url: string | undefined;
}

/** Throws CliFailure, in words for a person, when there is no daemon to talk to. The caller closes the client. */
export async function connectClient({ home, url }: DaemonChoice): Promise<RpcClient> {
  const location = locateDaemon(home, url, process.env);
  try {
    return await connect({
      ...location,
      clientInfo: { name: 'rolloutd-cli', title: 'rolloutd', version: readVersion() },
    });
  } catch (error) {
    if (!(error instanceof RpcClientError)) throw error;
    if (error.kind === 'unreachable') throw new CliFailure(`${error.message}; start a daemon with: rolloutd serve`);
    throw new CliFailure(`${location.url}: ${error.message}`);
  }
}
