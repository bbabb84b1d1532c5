// Connects a command to the daemon. Clients.
import { connect } from '../client/rpc-client.js';
import type { RpcClient, ServerRequestListener } from '../client/rpc-client.js';
import { RpcClientError } from '../client/rpc-client-error.js';
import { readVersion } from '../version.js';
import { CliFailure } from './exit.js';
import { locateDaemon } from './locate-daemon.js';
import type { DaemonLocation } from './locate-daemon.js';

/** What every command that talks to a daemon can be told. */
export interface DaemonChoice {
  home: string;
  /** Undefined: found through the home. */
  url: string | undefined;
}

/** Throws CliFailure, in words for a person, when there is no daemon to talk to. The caller closes the client. */
export async function connectClient(
  { home, url }: DaemonChoice,
  onServerRequest?: ServerRequestListener,
): Promise<RpcClient> {
  const location = locateDaemon(home, url, process.env);
  try {
    return await open(location, onServerRequest);
  } catch (error) {
    if (!(error instanceof RpcClientError)) throw error;
    if (error.kind === 'unreachable') throw new CliFailure(`${error.message}; start a daemon with: rolloutd start`);
    throw new CliFailure(`${location.url}: ${error.message}`);
  }
}

/** The same after a connection was lost: the daemon may be another one by now, elsewhere. Rejects with RpcClientError. */
export async function connectAgain(
  { home, url }: DaemonChoice,
  onServerRequest?: ServerRequestListener,
): Promise<RpcClient> {
  let location: DaemonLocation;
  try {
    location = locateDaemon(home, url, process.env);
  } catch (error) {
    throw new RpcClientError('unreachable', 0, (error as Error).message);
  }
  return open(location, onServerRequest);
}

function open(location: DaemonLocation, onServerRequest: ServerRequestListener | undefined): Promise<RpcClient> {
  return connect({
    ...location,
    clientInfo: { name: 'rolloutd-cli', title: 'rolloutd', version: readVersion() },
    ...(onServerRequest === undefined ? {} : { onServerRequest }),
  });
}
