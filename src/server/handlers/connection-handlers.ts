// initialize: who the client is and what it may ask. Main thread.
import os from 'node:os';
import { DaemonError } from '../../errors.js';
import type { Handler } from '../dispatch.js';
import type { HandlerContext } from './handler-context.js';

/** What an HTTP header value may hold: the client's name becomes part of one. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export function initializeHandler(context: HandlerContext): Handler<'initialize'> {
  return (params, respond) => {
    const { name, version } = params.clientInfo;
    if (!HEADER_VALUE.test(name)) {
      throw new DaemonError(
        'invalid_request',
        `Invalid clientInfo.name: '${name}'. Must be a valid HTTP header value.`,
      );
    }
    const { connection } = respond;
    connection.client = {
      name,
      version,
      experimentalApi: params.capabilities?.experimentalApi ?? false,
      optOut: new Set(params.capabilities?.optOutNotificationMethods ?? []),
    };
    respond.result({
      // Clients of the peer take NAME/VERSION in the first place for the peer's own version, and warn that it is old.
      userAgent: `rolloutd-${context.version} (${os.type()} ${os.release()}; ${os.arch()}) ${name}/${version}`,
      codexHome: context.home,
      platformFamily: process.platform === 'win32' ? 'windows' : 'unix',
      platformOs: process.platform === 'darwin' ? 'macos' : process.platform,
    });
    connection.notify('remoteControl/status/changed', {
      status: 'disabled',
      serverName: os.hostname(),
      installationId: context.installationId,
      environmentId: null,
    });
  };
}
