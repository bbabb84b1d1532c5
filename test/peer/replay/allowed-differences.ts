// Where the daemon means to answer differently from codex 0.169.0. docs/protocol.md has each title among its differences.
import { WHOLE, added, isNumber, isText, left, other, something } from './difference.js';
import type { DifferenceRule } from './difference.js';
import { TOOL_DIFFERENCES } from './tool-differences.js';

export interface AllowedDifference {
  /** The words in bold in docs/protocol.md. */
  title: string;
  /** The test that holds our side: its file under test/, and how its sentence begins. */
  test: readonly [file: string, sentence: string];
  rules: readonly DifferenceRule[];
}

const ADMIN = 'thread-admin';
const BY_HAND = 'hand-written-rollouts';
const EDITS = 'fork-source-removed-and-external-edits';
const FORKS = 'fork-revert';
const INTERRUPT = 'interrupt';
const JOIN = 'two-clients-and-resume-running';
const ON_REQUEST = 'approval-command-on-request';
const PATCHES = 'approval-patch';
const KILLS = 'kill-during-turn';
const OLD = 'old-rollouts';
const OVERRIDES = 'resume-by-path-and-overrides';
const PAGES = 'list-page-sizes';
const REMOVED = 'databases-removed';

/** Their turns have calls of tools. */
const WITH_CALLS = [
  ON_REQUEST,
  PATCHES,
  'resume',
  'fork-revert',
  'thread-admin',
  'turns-items-paging',
  'delete-queue-items-read',
];

/** Answers of the model are cut short in them. */
const CUT_SHORT = [INTERRUPT, 'steer-and-busy', FORKS, 'delete-queue-items-read'];

/** Their searches differ from what was said in case alone. */
const SEARCHED = ['thread-list', ADMIN, 'name-search'];

const STATUS = 'thread/status/changed';
const USAGE = 'thread/tokenUsage/updated';
const TOTALS = /^params\.tokenUsage\.total\./;
const ITEMS_OF_TURNS = /(?:turns|data)\[\]\.items\[\]$/;
const END_OF_TURN = /turns\[\]\.(?:completedAt|durationMs)$/;
/** Where the model's own words are. */
const ECHO = /(?:delta|item\.text|items\[\]\.text)$/;
const PARTIAL = { type: 'agentMessage', partial: true };
const LOST_COMMAND = { type: 'commandExecution', status: 'failed', exitCode: null };
const RUNNING = { type: 'agentMessage', text: /./ };
const idle = { status: { type: 'idle' } };
const notLoaded = { status: { type: 'notLoaded' } };

export const ALLOWED_DIFFERENCES: readonly AllowedDifference[] = [
  {
    title: 'Nothing is swallowed.',
    test: ['conversation/bad-input.test.ts', 'that is no message gets an error on that frame'],
    rules: [
      added({}, 'error.data', { reason: /^[a-z_]+$/ }),
      added({}, 'error.data', { path: /^params/ }),
      added({}, 'error.data.reason', /^[a-z_]+$/),
      other({}, 'error.code', -32600, -32602),
      other({ method: 'nope/nope' }, 'error.code', -32600, -32601),
      other({}, 'error.message', /^Invalid request: unknown variant `nope/, 'method not found: nope/nope'),
      added({ method: '' }, WHOLE, { error: { code: -32600 } }),
      added({ method: '' }, WHOLE, { error: { code: -32700 } }),
      // It has an id of its own, but no method.
      added({ section: /^unknown notification/ }, WHOLE, { error: { message: /method must be a string$/ } }),
      // Its id is one that JSON does not carry exactly.
      left({ section: /^jsonrpc field present/ }, WHOLE, { result: something }),
      other({}, 'error.message', /invalid length 2, expected struct/, /invalid type: sequence, expected an object$/),
      other({}, 'error.message', /data did not match any variant/, 'Invalid request: missing field `type`'),
    ],
  },
  {
    title: 'A refusal names what stands in the way.',
    test: ['conversation/ownership.test.ts', 'never own one conversation together: the second is told who does'],
    rules: [
      other({}, 'error.message', /already has an active writer$/, /already has an active writer \(\S+, pid \d+\)$/),
      other({}, 'error.message', /^invalid (?:thread|session) id: invalid character/, /^invalid thread id: /),
      other({}, 'error.message', /Run `codex unarchive/, /is archived: unarchive it first$/),
      other({ recording: 'thread-lifecycle-files' }, 'error.code', -32601, -32600),
      other({}, 'error.message', 'list_turns is not supported yet', /is unavailable before first user message$/),
      other({ recording: BY_HAND }, /^re/, /^-32603 failed to read thread/, /^-32603 \S.* holds no session metadata$/),
      other({ recording: BY_HAND }, 'resume', /^-32600 This chat uses model provider/, /is not configured; known are/),
      other({ method: 'thread/delete' }, 'error.message', /still references it$/, /still references it: /),
    ],
  },
  {
    title: 'What was shown is kept.',
    test: ['conversation/stop.test.ts', 'by an interrupt keeps what was said'],
    rules: [
      added({ method: 'item/completed' }, WHOLE, { item: PARTIAL }),
      added({ method: 'thread/read' }, ITEMS_OF_TURNS, PARTIAL),
      added({ recording: KILLS, method: 'thread/resume' }, ITEMS_OF_TURNS, PARTIAL),
      added({ recording: KILLS, method: ['thread/read', 'thread/resume'] }, ITEMS_OF_TURNS, LOST_COMMAND),
    ],
  },
  ...TOOL_DIFFERENCES,
  {
    title: 'A turn that lost its process is closed',
    test: ['conversation/resume.test.ts', 'closes a broken turn at the next input'],
    rules: [other({ recording: KILLS, method: 'thread/read' }, END_OF_TURN, null, isNumber)],
  },
  {
    title: 'Whoever joins in the middle sees the item that runs',
    test: ['conversation/join.test.ts', 'gets the running item with its text so far'],
    rules: [
      added({ recording: JOIN, method: 'item/started' }, WHOLE, { item: RUNNING }),
      added({ recording: JOIN, method: ['thread/read', 'thread/turns/list'] }, ITEMS_OF_TURNS, RUNNING),
    ],
  },
  {
    title: 'An interrupt is good from the moment `turn/start` was answered',
    test: ['conversation/stop.test.ts', 'can be stopped from the moment that turn/start was answered'],
    rules: interruptAtOnce(),
  },
  {
    title: 'Events are numbered',
    test: ['registry/fan-out.test.ts', 'numbers what the session made'],
    rules: [
      added({}, 'epoch', isText),
      added({}, 'seq', isNumber),
      added({ method: ['thread/start', 'thread/resume', 'thread/fork'] }, 'result.eventsCursor'),
    ],
  },
  {
    title: 'Usage is told when it changes, and to everybody who joins.',
    test: ['conversation/join.test.ts', 'gets the running item with its text so far'],
    rules: [
      left({ recording: CUT_SHORT, method: 'account/rateLimits/updated' }, WHOLE),
      left({ recording: CUT_SHORT, method: USAGE }, WHOLE),
      added({ recording: [OVERRIDES, REMOVED, 'two-servers-one-home'], method: USAGE }, WHOLE),
      added({ recording: JOIN, section: /^client 3/, method: USAGE }, WHOLE),
      // That of the answer with a call before the call, not after it.
      added({ recording: WITH_CALLS, method: USAGE }, WHOLE),
      left({ recording: WITH_CALLS, method: USAGE }, WHOLE),
      other({ recording: [...WITH_CALLS, KILLS, INTERRUPT], method: USAGE }, TOTALS, isNumber, isNumber),
      added({ recording: KILLS, method: USAGE }, WHOLE),
    ],
  },
  {
    title: 'A file is what its reader sees.',
    test: ['index/list-conversations.test.ts', 'sees what other programs add, change and remove'],
    rules: [
      other({ recording: EDITS }, 'result.thread.preview', 'base one', /^base (?:One|one, longer)/),
      other({ recording: EDITS }, /\.text$/, /base one$/, /base (?:One|one, longer)/),
      added({ recording: EDITS }, /(?:turns|data)\[\]$/, { id: '019a9f00-2222-7000-8000-000000000001' }),
      added({ recording: EDITS, method: USAGE }, WHOLE),
      left({ recording: EDITS, method: USAGE }, WHOLE),
      other({ method: 'thread/list' }, 'result.data[].threadSource', null, 'user'),
      other({ recording: PAGES, section: /^files written after/ }, 'first', 'p129', 'late'),
      other(
        { recording: PAGES, section: /^a listed file is deleted/ },
        'read',
        { thread: something },
        /thread not loaded/,
      ),
    ],
  },
  {
    title: 'A foreign file is read for what it holds.',
    test: ['rollout/parse-line.test.ts', 'fills in what old writers left out of session_meta'],
    rules: foreignFiles(),
  },
  {
    title: 'Everything is read from the files',
    test: ['index/read-conversation.test.ts', 'shows what a revert kept, and not what it took away'],
    rules: readFromFiles(),
  },
  {
    title: 'Legacy threads have items',
    test: ['index/page-turns.test.ts', 'serve legacy conversations'],
    rules: [
      other(
        { recording: ADMIN, method: 'thread/items/list' },
        WHOLE,
        { error: { code: -32601 } },
        { result: something },
      ),
      other({ recording: OLD, method: 'thread/resume' }, /(?:turns|items)BackwardsCursor$/, null, isText),
    ],
  },
  {
    title: 'Legacy threads show what the model called',
    test: ['rollout/legacy-calls.test.ts', 'come from the calls of a model and their outputs'],
    rules: [
      added({ recording: OLD }, ITEMS_OF_TURNS, { type: 'commandExecution' }),
      added({ recording: ADMIN, section: 'legacy history mode' }, ITEMS_OF_TURNS, { type: 'commandExecution' }),
    ],
  },
  {
    title: 'A fork of a running turn keeps what was shown of it',
    test: ['conversation/fork.test.ts', 'of a running turn keeps what was said so far'],
    rules: [
      added({ recording: FORKS, method: 'thread/fork' }, ITEMS_OF_TURNS, PARTIAL),
      other({ recording: FORKS, method: 'thread/fork' }, END_OF_TURN, null, isNumber),
    ],
  },
  {
    title: 'A list says what it hides.',
    test: ['index/list-filter.test.ts', 'is counted: '],
    rules: [added({ method: 'thread/list' }, 'result.hiddenCount', isNumber)],
  },
  {
    title: 'A search ignores case',
    test: ['index/list-filter.test.ts', 'find words in text and names, whatever their case'],
    rules: [
      added({ recording: SEARCHED, method: 'thread/list' }, 'result.readStates.{}'),
      added({ method: 'thread/list' }, 'result.data[]', { preview: /red$|^administer me$|^first words here$/ }),
      other({ recording: SEARCHED }, 'result.backwardsCursor', null, isText),
    ],
  },
  {
    title: 'A page can be walked back',
    test: ['index/list-conversations.test.ts', 'goes back from where a page started'],
    rules: [
      added({ section: /^backwards:/, method: 'thread/list' }, 'result.data[]', { preview: 'prompt number 5 blue' }),
    ],
  },
  {
    title: 'What is refused changes nothing.',
    test: ['conversation/archive.test.ts', 'are not deleted while forks go on from them'],
    rules: [
      left({ recording: ADMIN, section: 'delete', method: STATUS }, WHOLE, notLoaded),
      other({ recording: ADMIN }, /\.status$/, { type: 'notLoaded' }, { type: 'idle' }),
      other({ recording: ADMIN }, /\.environments$/, null, something),
      other({ recording: ADMIN, section: 'file exists after delete' }, /\.canAcceptDirectInput$/, null, true),
      // Nor is anybody told of a better way to ask for it.
      left({ recording: [FORKS, 'two-servers-one-home'], method: 'deprecationNotice' }, WHOLE),
    ],
  },
  {
    title: 'A loaded thread stays loaded.',
    test: ['conversation/revert.test.ts', 'keeps its clients, its numbers and its settings'],
    rules: [
      left({ recording: [FORKS, OVERRIDES], method: STATUS }, WHOLE, notLoaded),
      left({ recording: [FORKS, OVERRIDES], method: STATUS }, WHOLE, idle),
      // The peer says it twice when a thread goes to the archive.
      left({ recording: 'thread-list', method: STATUS }, WHOLE, notLoaded),
    ],
  },
  {
    title: 'Whoever deletes may take the forks along',
    test: ['conversation/archive.test.ts', 'take their forks along when told to'],
    rules: [added({ method: 'thread/delete' }, 'result.deletedThreadIds')],
  },
  {
    title: 'Overrides are not dropped in silence',
    test: ['conversation/thread-details.test.ts', 'goes to another provider when a resume asks for it'],
    rules: [added({ method: 'thread/resume' }, 'result.ignoredOverrides')],
  },
  {
    title: 'Each update of settings is told.',
    test: ['conversation/thread-details.test.ts', 'writes one line for a change and none without'],
    rules: [
      added({ method: 'thread/settings/updated' }, WHOLE, { threadSettings: { approvalPolicy: 'on-request' } }),
      other({ method: 'thread/settings/updated' }, 'params.threadSettings.approvalPolicy', 'on-request', 'never'),
    ],
  },
  {
    title: 'A thread knows from its start where it came from.',
    test: ['conversation/catalog.test.ts', 'thread/start takes what the request asks for'],
    rules: [
      other({ method: ['thread/start', 'thread/started'] }, /thread\.gitInfo$/, null, { branch: 'main' }),
      other({ method: 'thread/start' }, 'result.thread.originator', 'probe', 'probe2'),
    ],
  },
  {
    title: 'An old conversation goes on with its own model.',
    test: ['conversation/resume-settings.test.ts', 'has the settings that the conversation had'],
    rules: [
      other({ recording: OLD }, /\.model$/, null, 'gpt-5'),
      other({ recording: OLD, method: 'thread/resume' }, /(?:^result|thread|settings)\.model$/, 'gpt-5.5', 'gpt-5'),
    ],
  },
  {
    title: 'No catalogue says what a model is',
    test: ['conversation/catalog.test.ts', 'model/list has the configured model first'],
    rules: [
      left({ method: 'warning' }, WHOLE, { message: /^Model metadata for `/ }),
      other({ recording: OLD, method: USAGE }, 'params.tokenUsage.modelContextWindow', 272_000, 258_400),
    ],
  },
  {
    title: 'A resume is no news to others.',
    test: ['conversation/join.test.ts', 'gets the running item with its text so far'],
    rules: [left({ method: 'thread/goal/cleared' }, WHOLE)],
  },
  {
    title: 'Notices and warnings are in words of our own',
    test: ['conversation/resume-settings.test.ts', 'warns when it goes on with another model'],
    rules: [
      other({ method: 'deprecationNotice' }, 'params.summary', /^Full-history hydration is/, /^Reading the whole/),
      other({ method: 'deprecationNotice' }, 'params.details', null, isText),
      other({ method: 'warning' }, 'params.message', /^This session was recorded/, /^this conversation was recorded/),
    ],
  },
  {
    title: 'What the model is told of files and mentions is in words of our own.',
    test: ['conversation/image-files.test.ts', 'becomes a text that says why, whatever it is'],
    rules: [
      other({}, ECHO, /^echo: Codex could not read the local image/, /^echo: \[image \S+ could not be read: /),
      other({}, ECHO, /^echo: look\n<image name=/, 'echo: look'),
      other({}, ECHO, 'echo: image content omitted because it could not be processed', 'echo: [mention: x app://x]'),
    ],
  },
];

function interruptAtOnce(): DifferenceRule[] {
  const start = { recording: INTERRUPT, section: 'interrupt right after start' };
  const next = { recording: INTERRUPT, section: 'interrupt during a command' };
  const history = { recording: INTERRUPT, method: 'thread/read' };
  return [
    other({ ...start, method: 'turn/interrupt' }, WHOLE, { error: something }, { result: {} }),
    added({ ...start, method: STATUS }, WHOLE, idle),
    added({ ...start, method: 'turn/completed' }, WHOLE, { turn: { status: 'interrupted' } }),
    left({ ...start, method: 'item/started' }, WHOLE, { item: { type: 'agentMessage' } }),
    left({ ...start, method: 'item/agentMessage/delta' }, WHOLE, { delta: 'hanging' }),
    // The next input then starts a turn of its own, which is interrupted before its model has called anything.
    left({ ...next, method: 'item/started' }, WHOLE, { item: { type: 'commandExecution' } }),
    other({ ...next, method: 'turn/start' }, 'result.turn.id', isText, isText),
    added({ ...next, method: STATUS }, WHOLE, { status: { type: 'active' } }),
    added({ ...next, method: 'turn/started' }, WHOLE),
    added(history, 'result.thread.turns[]', { status: 'interrupted' }),
    left(history, ITEMS_OF_TURNS, { type: 'userMessage' }),
  ];
}

function foreignFiles(): DifferenceRule[] {
  const byHand = { recording: BY_HAND };
  const lacking = {
    ...byHand,
    section: /^legacy: session_meta without (?:cwd|originator|cli_version|(?:outer )?timestamp)$/,
  };
  const shown = { historyMode: isText };
  return [
    added(lacking, 'listed[]', isText),
    other(lacking, /^(?:read|resume)$/, /^-32603 failed to read thread/, shown),
    other(byHand, 'resume', /^-32603 error resuming thread/, shown),
    other(byHand, 'turn', null, 'completed'),
    other(byHand, 'after', null, something),
    // What the peer shows only once it was resumed.
    added({ ...byHand, section: /^paginated:/ }, 'read.turns[]', isText),
    other({ ...byHand, section: 'paginated: ordinal gap and repeat' }, /^(?:resume\.turns|after)\[\]$/, isText, isText),
    // One row for a conversation, wherever below sessions/ its file is.
    left({ ...byHand, section: /^duplicate id/ }, 'listed[]', 'q older'),
    added({ ...byHand, section: 'file directly under sessions/' }, 'listed[]', 'q top'),
  ];
}

function readFromFiles(): DifferenceRule[] {
  const removed = { recording: REMOVED };
  const row = { recording: FORKS, section: /^revert errors/, method: 'thread/list' };
  return [
    other({ method: 'thread/list' }, 'result.data[].forkedFromId', null, isText),
    // Each file of a reverted thread was a row of its own; where only the database was asked, forks were missing.
    left({ ...removed, method: 'thread/list' }, 'result.data[]', { preview: /^(?:alpha|after revert)$/ }),
    added({ ...removed, method: 'thread/list' }, 'result.data[]', { forkedFromId: isText }),
    added({ ...removed, method: 'thread/list' }, 'result.readStates.{}'),
    other(removed, /\.name$/, null, /^(?:Greek|Early name)$/),
    // Named before anything was said in it: its file tells its settings here.
    other(removed, /\.model$/, null, 'gpt-5.5'),
    other(removed, /\.firstUnread$/, null, { type: 'turn' }),
    other(removed, /\.preview$/, /^(?:|after beta|epsilon in fork)$/, 'alpha'),
    other(removed, 'result.data[].cwd', /threads$/, /threads-b$/),
    other(removed, 'result.serviceTier', 'default', null),
    added(removed, /(?:result\.thread\.turns|result\.data)\[\]$/, { itemsView: 'full' }),
    added(removed, ITEMS_OF_TURNS),
    other(removed, END_OF_TURN, null, isNumber),
    other(removed, /Cursor$/, null, isText),
    // The database still knew the file before the last revert.
    other(row, 'result.data[].path', isText, isText),
    other(row, 'result.data[].preview', 'after revert', 'alpha'),
    // The source of the fork is gone: its own words are all there is.
    other({ recording: EDITS }, 'result.data[].preview', 'base one', 'only in fork'),
  ];
}
