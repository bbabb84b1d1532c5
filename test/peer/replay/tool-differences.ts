// Where calls of tools are shown differently from codex 0.169.0 on purpose. docs/protocol.md has each title.
import type { AllowedDifference } from './allowed-differences.js';
import { WHOLE, added, isText, left, other } from './difference.js';

const ON_REQUEST = 'approval-command-on-request';
const PATCHES = 'approval-patch';
const ITEMS_OF_TURNS = /(?:turns|data)\[\]\.items\[\]$/;
/** Where the model's own words are. */
const ECHO = /(?:delta|item\.text|items\[\]\.text)$/;

export const TOOL_DIFFERENCES: readonly AllowedDifference[] = [
  {
    title: 'What a command writes is shown at once',
    test: ['conversation/commands.test.ts', 'runs, is shown while it runs'],
    rules: [added({ method: 'item/commandExecution/outputDelta' }, WHOLE, { delta: isText })],
  },
  {
    title: 'Whatever a model calls has an item that begins and ends',
    test: ['conversation/tools-calls.test.ts', 'each have an item that begins and ends'],
    rules: [
      added({ recording: PATCHES, method: ['item/started', 'item/completed'] }, WHOLE, {
        item: { type: 'dynamicToolCall' },
      }),
      added({ recording: PATCHES, method: 'thread/read' }, ITEMS_OF_TURNS, {
        type: /^(?:dynamicToolCall|fileChange|commandExecution)$/,
      }),
      // A patch whose question was cancelled: the peer never completes it.
      added({ recording: PATCHES, method: 'item/completed' }, WHOLE, {
        item: { type: 'fileChange', status: 'declined' },
      }),
      // A command that was accepted and fails in its sandbox is never completed.
      added({ recording: PATCHES, method: 'item/completed' }, WHOLE, { item: { type: 'commandExecution' } }),
      // Commands that fail at once in their sandbox.
      added({ recording: ON_REQUEST, method: ['item/started', 'item/completed'] }, WHOLE, {
        item: { type: 'commandExecution' },
      }),
    ],
  },
  {
    title: 'What a tool tells its model is in words of our own',
    test: ['conversation/tools-calls.test.ts', 'each have an item that begins and ends'],
    rules: [
      other({ recording: PATCHES }, ECHO, /^tool said/, /^tool said/),
      other({ recording: PATCHES }, 'params.reason', /requires approval by policy$/, /^A rule asks before this runs: /),
      // A login shell may say things of its own before.
      other({ recording: ON_REQUEST }, ECHO, /Read-only file system\n$/, /Read-only file system\n$/),
    ],
  },
  {
    title: "The turn's diff is told once for each patch.",
    test: ['conversation/commands.test.ts', 'may be a patch, which changes all its files or none'],
    rules: [
      left({ recording: PATCHES, method: 'turn/diff/updated' }, WHOLE),
      // It says of a move that it is one.
      other({ recording: PATCHES, method: 'turn/diff/updated' }, 'params.diff', isText, /^rename from /m),
    ],
  },
];
