// Makes test/fixtures/rollouts anew from runs of the real binaries; its README says how. Nothing is downloaded, and
// nothing is reached but a model server on loopback.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import type { Turn } from '../../src/protocol/thread.js';
import { findProjectRoot } from '../support/child-program.js';
import { viewOfModel } from '../support/model-view.js';
import type { IndexEntry } from '../support/rollout-set.js';
import { CURRENT, currentRuns, SETTINGS } from './current-runs.js';
import { lineageRuns } from './lineage-runs.js';
import { oldRuns } from './old-runs.js';
import { oldServerRuns } from './old-server-runs.js';
import { renamePaths } from './reduce-rollout.js';
import type { PathNames } from './reduce-rollout.js';
import { reduceSet } from './reduced-set.js';
import type { RecordedRollout, ReducedRollout } from './reduced-set.js';
import type { Run } from './run.js';
import { showTurns } from './shown-turns.js';
import { Stage } from './stage.js';
import type { Binaries } from './stage.js';

const FOLDER = join(findProjectRoot(), 'test', 'fixtures', 'rollouts');
const RUNS: readonly Run[] = [...oldRuns, ...oldServerRuns, ...currentRuns, ...lineageRuns];

interface Made {
  rollouts: ReducedRollout[];
  /** By id of the conversation, as the version that made it, or 0.169, shows it. */
  turns: Map<string, Turn[]>;
  /** Lines of session_index.jsonl. */
  names: string[];
}

async function make(run: Run, binaries: Binaries): Promise<Made> {
  const stage = await Stage.open(binaries, run.script, run.settings);
  try {
    await run.drive(stage);
    if (stage.kept.size === 0) stage.keep(run.name, stage.rollouts()[0]!);
    const recorded = [...stage.kept].map(([name, path]): RecordedRollout => ({
      name,
      original: relative(stage.home, path),
      text: readFileSync(path, 'utf8'),
    }));
    const paths: PathNames = [
      [stage.workspace, '/home/user/ws'],
      [stage.home, '/home/user/.codex'],
      [stage.root, '/home/user'],
    ];
    const rollouts = reduceSet(recorded, paths);
    stage.forgetDatabasesOfOldVersions();
    const server = await stage.serve(CURRENT);
    const shown = await showTurns(server, conversationsOf(rollouts));
    await server.end();
    const turns = JSON.parse(renamePaths(JSON.stringify([...shown]), paths)) as [string, Turn[]][];
    return { rollouts, turns: new Map(turns), names: stage.names() };
  } finally {
    await stage.close();
  }
}

interface SecondReading {
  /** What is shown otherwise than before. */
  differences: string[];
  /** By id of the conversation: what the model is given when 0.169 goes on with it. */
  modelViews: Map<string, string[]>;
}

/**
 * Reads the reduced files once more: 0.169 must show the same of them, but for turns that were inherited over more than
 * one file, which it knows from its databases alone. Then it goes on with each.
 */
async function readAgain(made: readonly Made[], binaries: Binaries): Promise<SecondReading> {
  const stage = await Stage.open(binaries, {}, SETTINGS);
  try {
    const rollouts = made.flatMap((one) => one.rollouts);
    for (const { original, text } of rollouts) {
      const file = join(stage.home, original);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const server = await stage.serve(CURRENT);
    const ids = conversationsOf(rollouts);
    const shown = await showTurns(server, ids);
    const modelViews = new Map<string, string[]>();
    for (const id of ids) {
      await server.turn(id, 'and go on');
      modelViews.set(id, viewOfModel(stage.model.requests.at(-1)!.body!.input!));
    }
    await server.end();
    const expected = new Map(made.flatMap(({ turns }) => [...turns]));
    const differences = [...shown].flatMap(([id, turns]) => {
      const inherits = rollouts.some(({ index }) => index.id === id && index.base !== null);
      const before = expected.get(id) ?? [];
      const [then, now] = [inherits ? before.slice(-turns.length) : before, turns].map((list) => JSON.stringify(list));
      return then === now ? [] : [`${id}: was shown as\n${then}\nand is shown as\n${now}`];
    });
    return { differences, modelViews };
  } finally {
    await stage.close();
  }
}

/** Each once, the oldest first, so that sources stand before what was made of them. */
function conversationsOf(rollouts: readonly ReducedRollout[]): string[] {
  const byAge = rollouts.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return [...new Set(byAge.map(({ index }) => index.id))];
}

function nameOf({ original }: ReducedRollout): string {
  return original.split('/').at(-1)!;
}

/** The file that is the newest of its conversation has beside it what 0.169 makes of it. */
async function write({ rollouts, turns }: Made, modelViews: SecondReading['modelViews']): Promise<void> {
  for (const rollout of rollouts) {
    writeFileSync(join(FOLDER, `${rollout.name}.jsonl`), rollout.text);
    const newest = rollouts
      .filter(({ index }) => index.id === rollout.index.id)
      .map(nameOf)
      .toSorted()
      .at(-1);
    if (newest !== nameOf(rollout)) continue;
    await writeJson(join(FOLDER, `${rollout.name}.turns.json`), turns.get(rollout.index.id));
    await writeJson(join(FOLDER, `${rollout.name}.model.json`), modelViews.get(rollout.index.id));
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  writeFileSync(file, await format(JSON.stringify(value), { parser: 'json', printWidth: 120 }));
}

async function writeIndex(made: readonly Made[]): Promise<void> {
  const file = join(FOLDER, 'INDEX.json');
  const index = JSON.parse(readFileSync(file, 'utf8')) as Record<string, IndexEntry>;
  for (const { name, index: entry } of made.flatMap(({ rollouts }) => rollouts)) index[`${name}.jsonl`] = entry;
  const sorted = Object.entries(index).toSorted(([a], [b]) => (a < b ? -1 : 1));
  await writeJson(file, Object.fromEntries(sorted));
}

function writeNames(made: readonly Made[]): void {
  const file = join(FOLDER, 'session_index.jsonl');
  const index = JSON.parse(readFileSync(join(FOLDER, 'INDEX.json'), 'utf8')) as Record<string, IndexEntry>;
  const ids = new Set(Object.values(index).map(({ id }) => id));
  const lines = [...readFileSync(file, 'utf8').split('\n'), ...made.flatMap(({ names }) => names)];
  const kept = lines.filter((line) => line !== '' && ids.has((JSON.parse(line) as { id: string }).id));
  writeFileSync(file, [...new Set(kept)].map((line) => `${line}\n`).join(''));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { codex: { type: 'string', multiple: true, default: [] } },
    allowPositionals: true,
  });
  const binaries = Object.fromEntries(values.codex.map((given) => given.split('=', 2) as [string, string]));
  const runs = RUNS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (binaries[CURRENT] === undefined || runs.length === 0) {
    process.stderr.write(
      `usage: main.js --codex VERSION=PROGRAM... [RUN...]\nruns: ${RUNS.map(({ name }) => name).join(' ')}\n`,
    );
    return 2;
  }
  const made: Made[] = [];
  for (const run of runs) {
    process.stdout.write(`${run.name}\n`);
    made.push(await make(run, binaries));
  }
  const { differences, modelViews } = await readAgain(made, binaries);
  for (const one of made) await write(one, modelViews);
  await writeIndex(made);
  writeNames(made);
  process.stdout.write(differences.map((line) => `${line}\n`).join(''));
  return differences.length === 0 ? 0 : 1;
}

process.exitCode = await main();
