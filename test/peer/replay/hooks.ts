// The steps of a recording that were not taken over the wire: what its notes say was done by hand. Main thread.
import { appendFileSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ReplayWorld } from './replay-world.js';

export interface HookContext {
  world: ReplayWorld;
  /** Runs before the next request of this method, after everything before it was waited for. */
  before: (method: string, action: Action) => void;
  /** Runs before the next connection, when the former one of its number is over. */
  beforeConnecting: (action: Action) => void;
  /** Lets a connection go. */
  close: (connection: number) => Promise<void>;
}

export type Action = () => void | Promise<void>;

interface Hook {
  recording: string;
  note: string | RegExp;
  act: (context: HookContext) => void | Promise<void>;
}

export function findHook(recording: string, note: string): Hook | undefined {
  return HOOKS.find(
    (hook) =>
      hook.recording === recording && (typeof hook.note === 'string' ? hook.note === note : hook.note.test(note)),
  );
}

const EDITS = 'fork-source-removed-and-external-edits';
const SET_ASIDE = '.set-aside';

const HOOKS: readonly Hook[] = [
  {
    recording: 'kill-during-turn',
    note: /^KILL -9 of the server while/,
    act: ({ world, beforeConnecting }) => beforeConnecting(() => world.kill('one')),
  },
  {
    recording: 'two-servers-one-home',
    note: 'server one unloads (unsubscribe does not), server one is stopped; server two resumes',
    act: async ({ world, close }) => {
      await close(1);
      await world.stop('one');
    },
  },
  {
    recording: 'resume-by-path-and-overrides',
    note: 'overrides on a thread that is loaded but idle and unsubscribed',
    act: ({ close }) => close(1),
  },
  {
    recording: 'unload-and-closed',
    note: 'resume loads it again; then the connection drops with a running turn',
    // The first request after the drop is the other connection's.
    act: ({ before, close }) => before('thread/loaded/list', () => close(1)),
  },
  {
    recording: 'two-clients-and-resume-running',
    note: 'client 2 unsubscribes; client 1 unsubscribes twice; client 3 disconnects; is the thread closed?',
    act: ({ before, close }) => before('thread/loaded/list', () => close(3)),
  },
  {
    recording: EDITS,
    note: 'the source file is removed from disk by hand; then the fork is read and resumed',
    act: ({ world }) => {
      const file = findRollout(world, (text) => text.includes('"base two"') && !text.includes('"only in fork"'));
      renameSync(file, join(world.root, basename(file) + SET_ASIDE));
    },
  },
  {
    recording: EDITS,
    note: 'put back, one byte changed in the source before the fork point (same length)',
    act: ({ world }) => putBack(world, (text) => text.replaceAll('base one', 'base One')),
  },
  {
    recording: EDITS,
    note: 'put back with a longer line before the fork point',
    act: ({ world }) => putBack(world, (text) => text.replaceAll('base one', 'base one, longer than before')),
  },
  {
    recording: EDITS,
    note: 'another process appends a turn to a thread that is not loaded',
    act: ({ world, before }) => before('thread/read', () => appendTurn(world)),
  },
];

/** The source of the fork with a change, where it lay. */
function putBack(world: ReplayWorld, change: (text: string) => string): void {
  const name = readdirSync(world.root).find((candidate) => candidate.endsWith(SET_ASIDE))!;
  const text = readFileSync(join(world.root, name), 'utf8');
  const fork = findRollout(world, (other) => other.includes('"only in fork"'));
  writeFileSync(join(fork, '..', name.slice(0, -SET_ASIDE.length)), change(text));
}

/** The lines of the first turn once more, as another turn. */
function appendTurn(world: ReplayWorld): void {
  const file = findRollout(world, (text) => text.includes('"before external"'));
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const start = lines.findIndex((line) => line.includes('"task_started"'));
  const turnId = (JSON.parse(lines[start]!) as { payload: { turn_id: string } }).payload.turn_id;
  for (const [index, line] of lines.slice(start).entries()) {
    const copy = line
      .replaceAll(turnId, '019a9f00-2222-7000-8000-000000000001')
      .replaceAll('before external', 'EXTERNAL')
      .replaceAll('msg_resp_', 'msg_ext_')
      .replace(/"ordinal":\d+/, `"ordinal":${lines.length + index}`);
    appendFileSync(file, `${copy}\n`);
  }
}

function findRollout(world: ReplayWorld, isIt: (text: string) => boolean): string {
  const folder = join(world.home, 'sessions');
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.jsonl'));
  const found = files.map((name) => join(folder, name)).filter((file) => isIt(readFileSync(file, 'utf8')));
  if (found.length !== 1) throw new Error(`${found.length} rollouts instead of one`);
  return found[0]!;
}
