// What the daemon does not do yet, so that the recordings of it cannot be replayed whole. Each entry goes when it is built.
import { WHOLE, isNumber, left, other } from './difference.js';
import type { DifferenceRule } from './difference.js';

interface NotYet {
  id: string;
  reason: string;
  /** Requests that are not sent. */
  methods?: readonly string[];
  /** Parts of recordings, by the note above them, that are left out. */
  sections?: readonly { recording: string; section: string }[];
  /** Differences that follow from it. */
  rules?: readonly DifferenceRule[];
}

const IMAGES = 'output-schema-and-image';
const MIXED = 'compact-inject-shell-review';
const USAGE = 'thread/tokenUsage/updated';
const TOTALS = /^params\.tokenUsage\.total\./;

export const NOT_YET: readonly NotYet[] = [
  {
    id: 'search',
    reason: 'Nothing looks into the text of messages yet.',
    methods: ['thread/search', 'thread/searchOccurrences'],
  },
  {
    id: 'queue',
    reason: 'There is no queue of inputs yet.',
    methods: ['thread/queue/add', 'thread/queue/list'],
  },
  {
    id: 'catalogs',
    reason: 'Only methods that the daemon serves are known to be experimental.',
    methods: ['collaborationMode/list', 'mock/experimentalMethod'],
  },
  {
    id: 'compaction',
    reason: 'Nothing is compacted yet, neither on request nor when the model changes.',
    sections: [{ recording: MIXED, section: 'compact' }],
    rules: [
      left({ recording: IMAGES }, WHOLE, { item: { type: 'contextCompaction' } }),
      left({ recording: IMAGES, method: USAGE }, WHOLE),
      left({ recording: [IMAGES, MIXED], method: 'account/rateLimits/updated' }, WHOLE),
      other({ recording: [IMAGES, MIXED], method: USAGE }, TOTALS, isNumber, isNumber),
    ],
  },
  {
    id: 'review',
    reason: 'There are no reviews yet.',
    sections: [
      { recording: MIXED, section: 'review inline' },
      { recording: MIXED, section: 'review custom detached' },
      { recording: MIXED, section: 'no turn/completed' },
    ],
  },
  {
    id: 'goals',
    reason: 'A thread has no goal yet.',
    sections: [
      { recording: MIXED, section: 'goal, queue' },
      {
        recording: MIXED,
        section:
          'cut here: 359 more lines; a set goal makes the server start turn after turn on its own until the goal is cleared',
      },
    ],
  },
];
