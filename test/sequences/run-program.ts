// Runs one program against a daemon and the model side by side, until they differ or the program ends. Main thread.
import { readFile } from 'node:fs/promises';
import { makeRandom } from '../faults/random.js';
import type { Random } from '../faults/random.js';
import { applyOperation, isApplicable, RULES } from './apply-operation.js';
import type { Outcome, Rules } from './apply-operation.js';
import { checkList, checkPages } from './check-pages.js';
import { checkThread, expectedFacts, expectedTurns, seeWhatIsLeft, viewFacts, viewTurns } from './check-thread.js';
import { inTime } from './daemon-host.js';
import { compare, formatDifference } from './difference.js';
import type { Difference } from './difference.js';
import type { Missing } from './find-missing.js';
import { FileLedger } from './file-ledger.js';
import { emptyModel, modelView, threadOf, turnsOf, withThread } from './model.js';
import type { FileRef, Model } from './model.js';
import type { Operation } from './operation.js';
import { perform } from './perform.js';
import type { Performed } from './perform.js';
import { heard, World } from './world.js';
import type { WorldKind } from './world.js';

/** Decides what comes next, knowing how things stand; null ends the program. */
export type Chooser = (model: Model) => Operation | null;

export interface ProgramOptions {
  world: WorldKind;
  choose: Chooser;
  /** Of page sizes, directions, and which conversations are looked at closely. */
  seed: number;
  rules?: Rules;
  missing?: ReadonlySet<Missing>;
  /** After so many operations everything is compared. */
  checkAllEvery?: number;
}

export interface ProgramResult {
  /** What was done, the last one being where it differed. */
  operations: Operation[];
  /** Ready for people; empty when all was as it should be. */
  differences: string[];
}

/** Never rejects for what a daemon does: that is a difference. */
export async function runProgram(options: ProgramOptions): Promise<ProgramResult> {
  const { rules = RULES, checkAllEvery = 20, choose, missing = new Set() } = options;
  const world = await World.start(options.world);
  const run = new Run(world, rules, missing, options.seed);
  const operations: Operation[] = [];
  try {
    for (let operation = choose(run.model); operation !== null; operation = choose(run.model)) {
      if (!isApplicable(run.model, operation)) continue;
      operations.push(operation);
      const isDue = operations.length % checkAllEvery === 0;
      const differences = await run.step(operation, isDue);
      if (differences.length > 0) return { operations, differences };
    }
    return { operations, differences: await run.finish() };
  } finally {
    await world.close();
  }
}

class Run {
  readonly #world: World;
  readonly #rules: Rules;
  readonly #missing: ReadonlySet<Missing>;
  readonly #random: Random;
  readonly #ledger: FileLedger;
  model: Model;

  constructor(world: World, rules: Rules, missing: ReadonlySet<Missing>, seed: number) {
    this.#world = world;
    this.#rules = rules;
    this.#missing = missing;
    this.#random = makeRandom(seed, 'checks');
    this.#ledger = new FileLedger(world);
    this.model = emptyModel(world.host.unload === null);
  }

  step(operation: Operation, checkAll: boolean): Promise<string[]> {
    return this.#told(async () => {
      const before = this.model;
      const outcome = applyOperation(this.#rules, before, operation);
      const mark = this.#world.witness.received.length;
      const performed = await perform(this.#world, operation, before);
      const differences = compareOutcome(outcome, performed);
      if (differences.length > 0) return differences;
      if (performed.refusal === null) this.model = outcome.next!;
      await this.#awaitUnloading(before, operation, mark);
      differences.push(...(await this.#see(outcome, operation, performed)));
      if (performed.refusal === null) differences.push(...this.#compareReply(operation, performed, before));
      if (differences.length > 0) return differences;
      return checkAll ? this.#checkAll() : this.#checkTouched(operation, before);
    });
  }

  finish(): Promise<string[]> {
    return this.#told(() => this.#checkAll());
  }

  async #told(work: () => Promise<Difference[]>): Promise<string[]> {
    const label = (text: string): string => this.#world.label(text);
    try {
      const differences = await inTime(work(), 'the step');
      const misshapen = this.#world.schemaErrors();
      if (misshapen.length > 0)
        differences.push({ what: 'messages', expected: 'as in the schema', found: misshapen[0] });
      return differences.map((difference) => formatDifference(difference, label));
    } catch (error) {
      return [label(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)];
    }
  }

  /** Where time alone unloads: until it has. What is put away is not announced as closed. */
  async #awaitUnloading(before: Model, { type }: Operation, mark: number): Promise<void> {
    if (!this.model.unloadsWhenLeft || ['restart', 'archive', 'delete'].includes(type)) return;
    for (const { label, loaded } of before.threads.values()) {
      if (!loaded || threadOf(this.model, label).loaded) continue;
      const threadId = this.#world.idOf(label);
      await heard(this.#world.witness, mark, ({ method, params }) => {
        return method === 'thread/closed' && params!['threadId'] === threadId;
      });
    }
  }

  /** What the model leaves open is as it was found. */
  async #see(outcome: Outcome, operation: Operation, { result, refusal }: Performed): Promise<Difference[]> {
    if (outcome.mayMaterialize !== undefined) {
      const label = outcome.mayMaterialize;
      const materialized = await this.#ledger.hasFile(this.#world.idOf(label));
      this.model = withThread(this.model, label, { materialized });
    }
    if (operation.type === 'restart' && operation.how === 'kill') {
      this.#ledger.noteKill();
      const { model, differences } = await seeWhatIsLeft(this.#world, this.model);
      this.model = model;
      return differences;
    }
    if (outcome.bases === undefined || refusal !== null) return [];
    const made = operation.type === 'revert' ? operation.thread : operation.label;
    return this.#seeBase(made, outcome.bases, result.thread.path);
  }

  async #seeBase(label: number, choices: readonly (FileRef | null)[], path: string): Promise<Difference[]> {
    const [line = ''] = (await readFile(path, 'utf8')).split('\n', 1);
    const found: string | null = JSON.parse(line).payload.history_base?.thread_id ?? null;
    const ids = choices.map((choice) => choice && this.#world.segmentIdOf(choice));
    const index = ids.indexOf(found);
    if (index === -1) return [{ what: `what t${label} goes on from`, expected: ids, found }];
    const { bases } = threadOf(this.model, label);
    this.model = withThread(this.model, label, { bases: [...bases.slice(0, -1), choices[index]!] });
    return [];
  }

  #compareReply(operation: Operation, { result, given }: Performed, before: Model): Difference[] {
    const world = this.#world;
    switch (operation.type) {
      case 'turn':
      case 'hold':
        return this.#compareGiven(operation, given);
      case 'start':
      case 'fork':
      case 'resume':
      case 'unarchive':
      case 'revert': {
        const label = operation.type === 'start' || operation.type === 'fork' ? operation.label : operation.thread;
        const thread = threadOf(this.model, label);
        // The history of an ephemeral one is nowhere to be read.
        const withTurns = !thread.ephemeral && (operation.type === 'resume' || operation.type === 'fork');
        return [
          ...compare(`facts in the reply`, expectedFacts(world, thread), viewFacts(result.thread)),
          ...(withTurns
            ? compare('turns in the reply', expectedTurns(world, turnsOf(thread)), viewTurns(result.thread.turns))
            : []),
          ...('model' in result ? compare('model in the reply', thread.model, result.model) : []),
        ];
      }
      case 'delete': {
        const gone = [...this.model.threads.values()].filter(
          ({ label, place }) => place === 'gone' && threadOf(before, label).place !== 'gone',
        );
        const ids = gone.map(({ label }) => world.idOf(label));
        return compare('deletedThreadIds', ids.toSorted(), result.deletedThreadIds.toSorted());
      }
      default:
        return [];
    }
  }

  /** What the language model was given: everything before, and the new words. */
  #compareGiven(operation: Operation & { type: 'turn' | 'hold' }, given: Performed['given']): Difference[] {
    const thread = threadOf(this.model, operation.thread);
    const messages = modelView(thread).map(({ role, text }) => ({ role, text }));
    if (operation.type === 'turn') messages.pop();
    return compare('what the language model was given', { model: thread.model, messages }, given);
  }

  async #checkTouched(operation: Operation, before: Model): Promise<Difference[]> {
    const labels = new Set<number>();
    if ('thread' in operation) labels.add(operation.thread);
    for (const [label, thread] of this.model.threads) if (before.threads.get(label) !== thread) labels.add(label);
    const differences: Difference[] = [];
    for (const label of labels) differences.push(...(await checkThread(this.#world, this.model, label)));
    return differences;
  }

  async #checkAll(): Promise<Difference[]> {
    const { model } = this;
    const world = this.#world;
    const differences: Difference[] = await this.#ledger.check(model);
    for (const thread of model.threads.values()) {
      differences.push(...(await checkThread(world, model, thread.label)));
      const hasTurns = thread.materialized && !thread.ephemeral && thread.place !== 'gone';
      const hasPages = hasTurns && !this.#missing.has('pages');
      if (hasPages) differences.push(...(await checkPages(world, thread, this.#random)));
      if (differences.length > 0) return differences;
    }
    for (const archived of [false, true]) differences.push(...(await checkList(world, model, archived, this.#random)));
    const loaded = [...model.threads.values()].filter((thread) => thread.loaded);
    const { data } = await world.witness.call('thread/loaded/list', { limit: 1000 });
    return [...differences, ...compare('loaded', loaded.map(({ label }) => world.idOf(label)).toSorted(), data)];
  }
}

function compareOutcome({ next, reasons, reply }: Outcome, { refusal, result }: Performed): Difference[] {
  if (refusal === null) {
    if (next === null) return [{ what: 'the operation', expected: `refused: ${reasons.join(' or ')}`, found: 'done' }];
    return Object.entries(reply ?? {}).flatMap(([key, value]) => compare(`${key} in the reply`, value, result[key]));
  }
  if (reasons.includes(refusal)) return [];
  const expected = next === null ? `refused: ${reasons.join(' or ')}` : 'done';
  return [{ what: 'the operation', expected, found: `refused: ${refusal}` }];
}
