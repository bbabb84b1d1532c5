// Reads a larger collection of recordings, in the folder that ROLLOUT_FIXTURES names: `rollouts/*.jsonl` with an INDEX.json
// of their ids, `wire/*.jsonl` with what their writer showed its clients for them, and cases written by hand.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { previewOfLine } from '../../src/rollout/preview.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import { toTurns } from '../../src/rollout/turns.js';
import { useTempFolder } from '../support/temp-folder.js';
import { recordedFolder } from './recorded-folder.js';

const FOLDER = recordedFolder();

interface WireMessage {
  m?: { result?: { thread?: { id: string; turns?: Turn[] } } };
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

function shownTurns(id: string): Turn[] {
  const wire = join(FOLDER, 'wire');
  return readdirSync(wire)
    .flatMap((name) => readJsonLines<WireMessage>(join(wire, name)))
    .flatMap(({ m }) => (m?.result?.thread?.id === id ? (m.result.thread.turns ?? []) : []));
}

describe('the recorded rollouts', () => {
  const folder = useTempFolder();

  it('all read without a damaged line', async () => {
    for (const name of rollouts()) {
      const { lines, setAside, nextOrdinal } = await readRollout(join(FOLDER, 'rollouts', name));
      expect(setAside.count, name).to.equal(0);
      expect(toModelHistory(lines), name).not.to.be.empty;
      const last = lines.findLast(({ ordinal }) => ordinal !== undefined);
      expect(nextOrdinal, name).to.be.greaterThan(last?.ordinal ?? -1);
    }
  });

  it('show the turns that their writer showed', async () => {
    const index = JSON.parse(readFileSync(join(FOLDER, 'rollouts', 'INDEX.json'), 'utf8')) as Record<
      string,
      { id: string }
    >;
    let compared = 0;
    for (const name of rollouts()) {
      const ours = new Map(
        toTurns((await readRollout(join(FOLDER, 'rollouts', name))).lines).map((turn) => [turn.id, turn]),
      );
      for (const shown of shownTurns(index[name]!.id)) {
        const turn = ours.get(shown.id);
        // Inherited turns lie in another file; a live one was shown as it was then.
        if (turn === undefined || shown.status === 'inProgress') continue;
        // An item may have come to an ended turn after it was shown.
        const asShown = { ...turn, items: turn.items.slice(0, shown.items.length) };
        expect(isSame(asShown, shown), `${name}: ${JSON.stringify({ ours: asShown, shown })}`).to.equal(true);
        compared += 1;
      }
    }
    expect(compared).to.be.greaterThan(100);
  });

  it('read by hand as their writer read them, or better', async () => {
    const cases = JSON.parse(
      readFileSync(join(FOLDER, 'rollouts', 'hand-written-cases.json'), 'utf8'),
    ) as HandWritten[];
    const outcomes = readJsonLines<HandWrittenOutcome>(join(FOLDER, 'wire', 'hand-written-rollouts.jsonl'));
    for (const { case: name, path, text } of cases) {
      const file = join(folder(), path);
      mkdirSync(dirname(file), { recursive: true });
      expect(existsSync(file), name).to.equal(false);
      writeFileSync(file, text);
      const { read, resume } = outcomes.find((outcome) => outcome.case === name)!;
      // Two cases share an id: there the newer file was shown, and in the end continued.
      if (read.preview === undefined || name.startsWith('duplicate id')) continue;
      const { lines } = await readRollout(file);
      const preview = lines.map(previewOfLine).find((words) => words) ?? '';
      expect(preview, name).to.equal(read.preview);
      // Without a projection they show no turns of a paginated file; that is made by a resume.
      const expected = resume.turns ?? read.turns!;
      const ours = toTurns(lines).map(({ status, items }) => `${status}[${items.map(({ type }) => type).join()}]`);
      const theirs = expected.map((turn) => turn.replaceAll(/:[^,\]]*/g, ''));
      // A repeated ordinal makes them drop the item that carries it, a missing one refuse to resume.
      if (!name.includes('ordinal')) expect(ours, name).to.deep.equal(theirs);
    }
  });
});
