// The refusals for conversations that have no rollout where one is needed, in the words that clients know. Main thread.
import { DaemonError } from '../errors.js';

export function noRollout(id: string): DaemonError {
  return new DaemonError('rollout_not_found', `no rollout found for thread id ${id}`);
}

/** The same where looking would do, loaded or not. */
export function noConversation(id: string): DaemonError {
  return new DaemonError('conversation_not_loaded', `thread not loaded: ${id}`);
}

export function isArchived(id: string): DaemonError {
  return new DaemonError('conversation_archived', `session ${id} is archived: unarchive it first`);
}
