// Methods of the contract that nobody answers yet. Main thread.
import { DaemonError } from '../../errors.js';

function refuse(): never {
  throw new DaemonError('invalid_request', 'this method is not built yet');
}

/** Entries of the handler table; each throws invalid_request. */
export const notBuiltYet = {
  'thread/fork': refuse,
  'thread/revert': refuse,
  'thread/turns/list': refuse,
  'thread/items/list': refuse,
  'thread/items/read': refuse,
  'thread/name/set': refuse,
  'thread/metadata/update': refuse,
  'thread/settings/update': refuse,
  'thread/inject_items': refuse,
  'thread/archive': refuse,
  'thread/unarchive': refuse,
  'thread/delete': refuse,
  getConversationSummary: refuse,
  getAuthStatus: refuse,
};
