// Differences that nobody means and that no missing part explains: each is to be fixed, or to become an allowed one. Whoever
// does so takes the entry out: one that no recording needs any more fails.
import { WHOLE, added, isText, left, other } from './difference.js';
import type { DifferenceRule } from './difference.js';

interface OpenDifference {
  id: string;
  /** The peer's way, then ours. */
  what: string;
  rules: readonly DifferenceRule[];
}

const FORKS = 'fork-revert';
const ADMIN = 'thread-admin';
const READ_STATE = 'thread/readState/changed';

export const OPEN_DIFFERENCES: readonly OpenDifference[] = [
  {
    id: 'read-states-of-lists',
    what: 'A list has the read state of each of its rows; none.',
    rules: [left({ method: 'thread/list' }, 'result.readStates.{}')],
  },
  {
    id: 'read-state-kept',
    what: 'The first unread turn outlives the loading, and a read without turns tells it; forgotten, and null.',
    rules: [
      other({ method: 'thread/read' }, 'result.readState.firstUnread', { type: 'turn' }, null),
      other({ method: 'thread/read' }, 'result.readState.firstUnread.turnId', isText, isText),
      other({ method: 'thread/list' }, 'result.readStates.{}.firstUnread', { type: 'turn' }, null),
      other({ method: READ_STATE }, 'params.readState.firstUnread.turnId', isText, isText),
    ],
  },
  {
    id: 'read-state-of-reverted-turns',
    what: 'A revert that takes the first unread turn back says so; nothing is said.',
    rules: [left({ recording: FORKS, method: READ_STATE }, WHOLE, { readState: { firstUnread: null } })],
  },
  {
    id: 'ephemeral-state',
    what: 'An ephemeral thread has no preview, and is told no read state; both.',
    rules: [
      other({ recording: ADMIN, section: 'ephemeral thread' }, 'result.thread.preview', '', 'in memory'),
      added({ recording: ADMIN, section: 'ephemeral thread', method: READ_STATE }, WHOLE),
    ],
  },
];
