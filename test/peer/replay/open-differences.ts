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
const IMAGES = 'output-schema-and-image';
const JOIN = 'two-clients-and-resume-running';
const OLD = 'old-rollouts';
const ADMIN = 'thread-admin';
const USAGE = 'thread/tokenUsage/updated';
const READ_STATE = 'thread/readState/changed';

export const OPEN_DIFFERENCES: readonly OpenDifference[] = [
  {
    id: 'deprecation-words',
    what: 'One sentence, the same for resume and fork, and no details; another sentence, with details.',
    rules: [
      other(
        { method: 'deprecationNotice' },
        'params.summary',
        /^Full-history hydration is/,
        /^Reading the whole history/,
      ),
      other({ method: 'deprecationNotice' }, 'params.details', null, isText),
    ],
  },
  {
    id: 'image-detail',
    what: 'Images of an input show their `detail`, null when nobody gave one; it is missing.',
    rules: [left({ recording: IMAGES }, 'params.item.content[].detail', null)],
  },
  {
    id: 'empty-input',
    what: 'An input without parts makes no item; an item without content.',
    rules: [
      added({ recording: IMAGES, method: ['item/started', 'item/completed'] }, WHOLE, {
        item: { type: 'userMessage', content: isEmptyList },
      }),
    ],
  },
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
  {
    id: 'goal-cleared-audience',
    what: 'When a thread is resumed, everybody hears that it has no goal; only who resumed it.',
    rules: [left({ method: 'thread/goal/cleared' }, WHOLE)],
  },
  {
    id: 'direct-input-of-rows',
    what: '`canAcceptDirectInput` is null where no session answers, as in lists; true for loaded threads.',
    rules: [other({ method: ['thread/list', 'thread/metadata/update'] }, /\.canAcceptDirectInput$/, null, true)],
  },
  {
    id: 'usage-of-running-turn',
    what: 'The usage that a newcomer is told names the turn that it is of; the running turn.',
    rules: [
      left({ recording: JOIN, section: /^client 2 resumes/, method: USAGE }, WHOLE),
      added({ recording: JOIN, section: /^client 2 resumes/, method: USAGE }, WHOLE),
    ],
  },
  {
    id: 'stale-path',
    what: 'A resume of a loaded thread by a path that does not exist is refused as stale; as not existing.',
    rules: [other({ recording: 'resume' }, 'error.message', /with stale path/, /file does not exist$/)],
  },
  {
    id: 'other-model-warning',
    what: 'A resume with another model warns that the thread was recorded with the former; no warning.',
    rules: [left({ method: 'warning' }, WHOLE, { message: /^This session was recorded with model/ })],
  },
  {
    id: 'developer-instructions',
    what: 'Developer instructions of a resume do not show in the collaboration mode; they do.',
    rules: [other({}, /collaborationMode\.settings\.developer_instructions$/, null, 'be brief')],
  },
  {
    id: 'provider-of-old-files',
    what: 'A file that names no provider is of the configured one; of none.',
    rules: [other({ recording: OLD }, /\.modelProvider$/, 'mock', '')],
  },
  {
    id: 'archived-without-message',
    what: 'The archive lists a thread in which nobody has said anything; hidden.',
    rules: [
      left({ recording: 'databases-removed', method: 'thread/list' }, 'result.data[]', { preview: '' }),
      other({ recording: 'databases-removed', method: 'thread/list' }, 'result.backwardsCursor', isText, null),
    ],
  },
];

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
