// The environment that commands get: the daemon's own without its secrets, and marks by which they are found. Session worker.
import { COMMAND_MARK, CONVERSATION_MARK, OWNER_MARK, ownerMark, thisOwner } from '../../session/process-mark.js';

export interface EnvironmentRequest {
  /** As the daemon was started. */
  base: Readonly<Record<string, string | undefined>>;
  /** Variables that no command may see: keys of providers, tokens. */
  secretNames: readonly string[];
  home: string;
  conversationId: string;
  processId: number;
  /** For this command; null takes a variable away. */
  changes?: Readonly<Record<string, string | null>>;
}

/** Nobody sits there who could turn a page or enjoy a colour. */
const DEFAULTS = { PAGER: 'cat', GIT_PAGER: 'cat', GH_PAGER: 'cat', NO_COLOR: '1', TERM: 'dumb' };

/** Settings of the daemon, and channels of Node that a child would take for its own. */
const DAEMON_ONLY = /^(?:ROLLOUTD_|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;

export function commandEnvironment(request: EnvironmentRequest): Record<string, string> {
  const { base, secretNames, home, conversationId, processId, changes = {} } = request;
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    if (value !== undefined && !DAEMON_ONLY.test(name)) environment[name] = value;
  }
  for (const name of secretNames) delete environment[name];
  Object.assign(environment, DEFAULTS);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete environment[name];
    else environment[name] = value;
  }
  return {
    ...environment,
    [OWNER_MARK]: ownerMark(thisOwner(home)),
    [CONVERSATION_MARK]: conversationId,
    [COMMAND_MARK]: commandMark(conversationId, processId),
  };
}

/** Value of COMMAND_MARK. */
export function commandMark(conversationId: string, processId: number): string {
  return `${conversationId}.${processId}`;
}
