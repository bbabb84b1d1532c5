// Reads a larger collection of recordings, in the folder that ROLLOUT_FIXTURES names: `rollouts/*.jsonl` with an INDEX.json
// of their ids, `wire/*.jsonl` with what their writer showed its clients for them, and cases written by hand.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { turnSchema } from '../../src/protocol/thread.js';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { previewOfLine } from '../../src/rollout/preview.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { readRolloutLines } from '../../src/rollout/read-rollout-lines.js';
import { turnLineKinds } from '../../src/rollout/turn-line-kinds.js';
import { toTurns, TurnProjection } from '../../src/rollout/turns.js';
import { useTempFolder } from '../support/temp-folder.js';
import { recordedFolder } from './recorded-folder.js';

const FOLDER = recordedFolder();

interface Expectation {
  /** Turns that their writer showed with all their items. */
  shown: number;
  /** Turns of which it only told the end and, as they came, the messages: nobody asked for them later. */
  told?: number;
  /** Turns that were running when the file was taken. */
  running?: number;
  /** Items that it never showed. */
  more?: readonly string[];
}

/** Commands are not among the items of legacy files as their writer reads them. */
const command = (id: string): { more: readonly string[] } => ({ more: [`commandExecution ${id}`] });

const EXPECTED: Record<string, Expectation> = {
  'approvals-commands.jsonl': { shown: 13 },
  'codex-0.120.0-exec-shell.jsonl': { shown: 1, ...command('call_19') },
  'codex-0.120.0-exec-text.jsonl': { shown: 2 },
  'codex-0.140.0-exec-shell.jsonl': { shown: 1, ...command('call_23') },
  'codex-0.140.0-exec-text.jsonl': { shown: 2 },
  'codex-0.34.0-exec-shell.jsonl': { shown: 1, ...command('call_1') },
  'codex-0.34.0-exec-text.jsonl': { shown: 1 },
  'codex-0.45.0-continued-by-0.169.0.jsonl': { shown: 1, told: 1, ...command('call_4') },
  'codex-0.45.0-exec-shell.jsonl': { shown: 1, ...command('call_4') },
  'codex-0.45.0-exec-text.jsonl': { shown: 1 },
  'codex-0.63.0-exec-shell.jsonl': { shown: 1, ...command('call_7') },
  'codex-0.63.0-exec-text.jsonl': { shown: 2 },
  'codex-0.72.0-exec-shell.jsonl': { shown: 1, ...command('call_11') },
  'codex-0.72.0-exec-text.jsonl': { shown: 2 },
  'codex-0.98.0-exec-shell.jsonl': { shown: 1, ...command('call_15') },
  'codex-0.98.0-exec-text.jsonl': { shown: 2 },
  'commands.jsonl': { shown: 10 },
  'compact-inject-shell-review.jsonl': { shown: 8, told: 2, running: 1 },
  'dynamic-tool.jsonl': { shown: 1 },
  'error-cut.jsonl': { shown: 1, told: 1 },
  'error-fail-400.jsonl': { shown: 1, told: 1 },
  'error-overflow.jsonl': { shown: 1, told: 1 },
  'five-turns.jsonl': { shown: 2, told: 3 },
  'fork-last-turn.jsonl': { shown: 1 },
  'fork-source.jsonl': { shown: 4 },
  'fork-whole.jsonl': { shown: 1 },
  'git-cwd.jsonl': { shown: 0, told: 1 },
  // The command ran on after its turn was interrupted, and after that turn was shown for the last time.
  'interrupts.jsonl': { shown: 3, told: 1, ...command('call_3') },
  'killed-immediately-after-turn-completed.jsonl': { shown: 1 },
  'killed-one-second-after-a-finished-turn.jsonl': { shown: 1 },
  'killed-right-after-the-turn-start-response.jsonl': { shown: 1 },
  'killed-running-a-command.jsonl': { shown: 1 },
  'killed-streaming-text.jsonl': { shown: 2 },
  'killed-then-resumed.jsonl': { shown: 3 },
  'legacy-mode-fork.jsonl': { shown: 2, told: 1, ...command('call_11') },
  'legacy-mode.jsonl': { shown: 2, ...command('call_11') },
  'patches.jsonl': { shown: 10 },
  'plain-two-turns.jsonl': { shown: 2 },
  'plan-and-images.jsonl': { shown: 4 },
  'resumed-after-restart.jsonl': { shown: 3 },
  'revert-segment-1.jsonl': { shown: 0, told: 2 },
  'revert-segment-3-empty-base.jsonl': { shown: 1 },
};

/** What we make of cases that their writer refused or showed less of, and why we do. */
const BETTER: Record<string, { turns: string[]; because: string }> = {
  'legacy: session_meta without cwd': {
    turns: ['completed[userMessage:q no cwd,agentMessage:a no cwd]'],
    because: 'what metadata lacks is filled in',
  },
  'legacy: session_meta without originator': {
    turns: ['completed[userMessage:q no origina,agentMessage:a no origina]'],
    because: 'what metadata lacks is filled in',
  },
  'legacy: session_meta without cli_version': {
    turns: ['completed[userMessage:q no cli_ver,agentMessage:a no cli_ver]'],
    because: 'what metadata lacks is filled in',
  },
  'legacy: session_meta without timestamp': {
    turns: ['completed[userMessage:q no timesta,agentMessage:a no timesta]'],
    because: 'what metadata lacks is filled in',
  },
  'legacy: session_meta without outer timestamp': {
    turns: ['completed[userMessage:q x,agentMessage:a x]'],
    because: 'what metadata lacks is filled in',
  },
  'paginated: lines without ordinals': {
    turns: ['completed[userMessage:q noord,agentMessage:a noord]'],
    because: 'lines count in the order of the file',
  },
  'paginated: ordinal gap and repeat': {
    turns: ['completed[userMessage:q gap,agentMessage:a gap]'],
    because: 'lines count in the order of the file',
  },
  'duplicate id: first file (older)': {
    turns: ['completed[userMessage:q older,agentMessage:a older]'],
    because: 'the file itself is read here, its writer showed the newer one',
  },
  'duplicate id: second file (newer name)': {
    turns: ['completed[userMessage:q newer,agentMessage:a newer]'],
    because: 'its writer had gone on with it',
  },
  'odd file name': {
    turns: ['completed[userMessage:q odd,agentMessage:a odd]'],
    because: 'the file itself is read here, whatever its name',
  },
  'big line (2 MiB assistant text)': {
    turns: ['completed[userMessage:big,agentMessage:ZZZ[2 MiB of]'],
    because: 'the text is cut in this collection',
  },
};

/** Cases that nobody can read: they name no conversation. */
const UNREADABLE = [
  'legacy: session_meta without id',
  'empty file',
  'only garbage',
  'no session_meta',
  'old single-line-meta style (first line is bare meta, pre-0.32)',
];

interface WireMessage {
  d?: '>' | '<';
  c?: number;
  m?: {
    id?: number | string;
    method?: string;
    params?: { turn?: Turn; turnId?: string; item?: ThreadItem };
    result?: {
      thread?: { id: string; turns?: Turn[] };
      data?: Turn[];
      initialTurnsPage?: { data: Turn[] } | null;
    };
  };
}

interface HandWritten {
  case: string;
  id: string;
  path: string;
  text: string;
}

interface HandWrittenOutcome {
  case: string;
  read: { preview?: string; turns?: string[]; err?: string };
  resume: { turns?: string[]; err?: string };
}

function readJsonLines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

function rollouts(): string[] {
  return readdirSync(join(FOLDER, 'rollouts')).filter((name) => name.endsWith('.jsonl'));
}

function handWritten(): HandWritten[] {
  return JSON.parse(readFileSync(join(FOLDER, 'rollouts', 'hand-written-cases.json'), 'utf8')) as HandWritten[];
}

/** Long strings of the recordings end in this mark, where they were cut. */
const CUT = '…[cut]';

function isSame(ours: unknown, recorded: unknown): boolean {
  if (typeof ours === 'string' && typeof recorded === 'string') {
    return ours === recorded || [ours, recorded].some((text) => text.endsWith(CUT));
  }
  if (typeof ours !== 'object' || typeof recorded !== 'object' || ours === null || recorded === null) {
    return ours === recorded;
  }
  const keys = Object.keys(ours);
  return (
    keys.join() === Object.keys(recorded).join() &&
    keys.every((key) => isSame(ours[key as keyof typeof ours], recorded[key as keyof typeof recorded]))
  );
}

/** What clients were told of turns. Those of versions that marked none have ids within their conversation only. */
class ToldTurns {
  /** With all items, as last shown. */
  readonly shown = new Map<string, Turn>();
  readonly ends = new Map<string, Turn>();
  readonly messages = new Map<string, ThreadItem[]>();

  static key(conversationId: string, turnId: string): string {
    return turnId.startsWith('rollout-') ? `${conversationId} ${turnId}` : turnId;
  }

  constructor() {
    const wire = join(FOLDER, 'wire');
    for (const name of readdirSync(wire)) {
      const asked = new Map<string, string>();
      for (const { d, c, m } of readJsonLines<WireMessage>(join(wire, name))) {
        if (m === undefined) continue;
        const request = `${c ?? ''} ${m.id ?? ''}`;
        if (d === '>' && m.method !== undefined) asked.set(request, m.method);
        else if (m.result !== undefined) this.#takeResult(m.result, asked.get(request));
        else this.#takeNotification(m);
      }
    }
  }

  #takeResult(result: NonNullable<NonNullable<WireMessage['m']>['result']>, method: string | undefined): void {
    const { thread, data = [], initialTurnsPage } = result;
    const listed = method === 'thread/turns/list' ? data : [];
    for (const turn of [...(thread?.turns ?? []), ...(initialTurnsPage?.data ?? []), ...listed]) {
      if (turn.itemsView !== 'full' || turn.status === 'inProgress') continue;
      const key = ToldTurns.key(thread?.id ?? '', turn.id);
      if ((this.shown.get(key)?.items.length ?? 0) <= turn.items.length) this.shown.set(key, turn);
    }
  }

  #takeNotification({ method, params }: NonNullable<WireMessage['m']>): void {
    if (method === 'turn/completed' && params?.turn !== undefined) this.ends.set(params.turn.id, params.turn);
    const { turnId, item } = params ?? {};
    if (method !== 'item/completed' || turnId === undefined || item === undefined || !isMessage(item)) return;
    const known = this.messages.get(turnId) ?? [];
    // Several connections may have been told.
    if (!known.some(({ id }) => id === item.id)) this.messages.set(turnId, [...known, item]);
  }
}

function isMessage({ type }: ThreadItem): boolean {
  return type === 'userMessage' || type === 'agentMessage';
}

/** Our items that are not among those shown; fails when one that was shown is missing, differs or is out of order. */
function itemsBesides(ours: readonly ThreadItem[], shown: readonly ThreadItem[]): string[] {
  const more: string[] = [];
  let at = 0;
  for (const item of ours) {
    if (at < shown.length && isSame(item, shown[at])) at += 1;
    else more.push(`${item.type} ${item.id}`);
  }
  expect(shown.slice(at), `shown, but not ours: we have ${JSON.stringify(ours)}`).to.deep.equal([]);
  return more;
}

describe('the recorded rollouts', () => {
  const folder = useTempFolder();

  const told = new ToldTurns();
  const index = JSON.parse(readFileSync(join(FOLDER, 'rollouts', 'INDEX.json'), 'utf8')) as Record<
    string,
    { id: string }
  >;

  it('are those that something is known of', () => {
    expect(rollouts().sort()).to.deep.equal(Object.keys(EXPECTED).sort());
  });

  for (const name of rollouts()) {
    it(`read without a damaged line: ${name}`, async () => {
      const { lines, setAside, nextOrdinal, historyMode } = await readRollout(join(FOLDER, 'rollouts', name));
      expect(setAside.count).to.equal(0);
      expect(toModelHistory(lines)).not.to.be.empty;
      const last = lines.findLast(({ ordinal }) => ordinal !== undefined);
      expect(nextOrdinal).to.be.greaterThan(last?.ordinal ?? -1);
      const projection = new TurnProjection({ mode: historyMode });
      await readRolloutLines(join(FOLDER, 'rollouts', name), (line, at) => projection.apply(line, at), {
        kinds: turnLineKinds(historyMode),
      });
      expect(projection.turns()).to.deep.equal(toTurns(lines));
    });

    it(`show the turns that their writer showed: ${name}`, async () => {
      const found = { shown: 0, told: 0, running: 0, more: [] as string[] };
      const turns = toTurns((await readRollout(join(FOLDER, 'rollouts', name))).lines);
      for (const turn of turns) turnSchema.parse(turn);
      for (const { items, ...turn } of turns) {
        const shown = told.shown.get(ToldTurns.key(index[name]!.id, turn.id));
        if (shown !== undefined) {
          const { items: shownItems, ...shownTurn } = shown;
          expect(isSame(turn, shownTurn), JSON.stringify({ ours: turn, shown: shownTurn })).to.equal(true);
          found.more.push(...itemsBesides(items, shownItems));
          found.shown += 1;
        } else if (told.ends.get(turn.id)!.completedAt !== turn.completedAt) {
          expect([turn.status, turn.completedAt]).to.deep.equal(['interrupted', null]);
          found.running += 1;
        } else {
          const { status, error, durationMs } = told.ends.get(turn.id)!;
          expect([turn.status, turn.error, turn.durationMs]).to.deep.equal([status, error, durationMs]);
          const texts = (told.messages.get(turn.id) ?? []).map(textOf);
          expect(items.filter(isMessage).map(textOf)).to.deep.equal(texts);
          found.told += 1;
        }
      }
      expect(found).to.deep.equal({ told: 0, running: 0, more: [], ...EXPECTED[name] });
    });
  }

  const outcomes = readJsonLines<HandWrittenOutcome>(join(FOLDER, 'wire', 'hand-written-rollouts.jsonl'));

  it('written by hand are those that something is known of', () => {
    const cases = handWritten().map((written) => written.case);
    expect(cases).to.have.length.greaterThan(40);
    expect(cases).to.include.members([...Object.keys(BETTER), ...UNREADABLE]);
  });

  for (const { case: name, path, text } of handWritten()) {
    it(`written by hand read as their writer read them, or better: ${name}`, async () => {
      const file = join(folder(), path);
      mkdirSync(dirname(file), { recursive: true });
      expect(existsSync(file)).to.equal(false);
      writeFileSync(file, text);
      const { read, resume } = outcomes.find((outcome) => outcome.case === name)!;
      if (UNREADABLE.includes(name)) {
        const error = await readRollout(file).catch((caught: unknown) => caught);
        expect(error).to.have.property('code', 'rollout_unreadable');
        expect(read.err).to.be.a('string');
        return;
      }
      const { lines } = await readRollout(file);
      const ours = toTurns(lines).map(({ status, items }) => {
        const words = items.map((item) => `${item.type}:${textOf(item).slice(0, 12)}`);
        return `${status}[${words.join()}]`;
      });
      // Its writer shows turns of a paginated file after a resume only.
      expect(ours).to.deep.equal(BETTER[name]?.turns ?? resume.turns ?? read.turns);
      if (BETTER[name] !== undefined) expect(ours).not.to.deep.equal(resume.turns);
      else expect(lines.map(previewOfLine).find((words) => words) ?? '').to.equal(read.preview);
    });
  }
});

function textOf(item: ThreadItem): string {
  if (item.type === 'userMessage') return item.content.map((part) => ('text' in part ? part.text : '')).join('');
  return 'text' in item ? item.text : '';
}
