// Runs one program against a daemon and the model side by side, until they differ or the program ends. Main thread.
//
// What must hold after every step, of the conversations that it touched, and every so many steps, of all:
//
//  1. What is asked for is done or refused as the model says, with that reason; what is refused changes nothing.
//  2. A reply that shows a conversation (start, resume, fork, revert, unarchive) shows it as it is from then on.
//  3. thread/read shows name, preview, origin, status, mode and folder, and all turns: their order, ids, states, texts.
//  4. The language model is given with each input all texts of the conversation before it, what was injected included,
//     in order and once, and is the one that was chosen last; also after a fork, a revert, an unloading, a restart.
//  5. Turns and items are the same when they are taken page by page, in pages of any size, in either direction, from the
//     cursors of any page and of replies.
//  6. Every conversation in which somebody has said something is listed once, in the archive or out of it, and found by
//     its name and its words; no other is listed, and what is loaded is what the model has loaded.
//  7. No byte of a rollout ever changes: files only grow, compressed or not, archived or not. A conversation has one file
//     for its beginning and one for each revert, each with one session_meta that names what it goes on from; ordinals
//     count without a gap. There are no other files, and none of what was deleted.
//  8. Whoever is loaded has its lock, and nobody else. Names stand in session_index.jsonl, those of the deleted do not.
//  9. Of two clients that ask at once one came first: an order of the two explains both replies and how things stand.
// 10. A killed daemon leaves an operation done or not done; done, if somebody was told so. Of a text that streamed a
//     beginning is left, or nothing.
// 11. Every message of the daemon fits the schema.
import { makeRandom } from '../faults/random.js';
import type { Random } from '../faults/random.js';
import { applyOperation, isApplicable, RULES } from './apply-operation.js';
import type { Rules } from './apply-operation.js';
import { checkList, checkPages, checkTailCursors } from './check-pages.js';
import { checkThread, seeWhatIsLeft } from './check-thread.js';
import { inTime } from './daemon-host.js';
import { compare, formatDifference } from './difference.js';
import type { Difference } from './difference.js';
import { FileLedger } from './file-ledger.js';
import { followOperation } from './follow-operation.js';
import type { Followed } from './follow-operation.js';
import { makeBroken } from './make-broken.js';
import { emptyModel, threadOf, withDependents } from './model.js';
import type { Model } from './model.js';
import { operationsOf } from './operation.js';
import type { Broken, Operation, Step, Together } from './operation.js';
import { perform } from './perform.js';
import type { Performed } from './perform.js';
import { heard, World } from './world.js';
import type { WorldKind } from './world.js';

/** Decides what comes next, knowing how things stand; null ends the program. */
export type Chooser = (model: Model) => Step | null;

export interface ProgramOptions {
  world: WorldKind;
  choose: Chooser;
  /** Of page sizes and directions. */
  seed: number;
  rules?: Rules;
  /** After so many steps everything is compared. */
  checkAllEvery?: number;
}

export interface ProgramResult {
  /** What was done, the last one being where it differed. */
  steps: Step[];
  /** Ready for people; empty when all was as it should be. */
  differences: string[];
}

/** Never rejects for what a daemon does: that is a difference. */
export async function runProgram(options: ProgramOptions): Promise<ProgramResult> {
  const { rules = RULES, checkAllEvery = 20, choose } = options;
  const world = await World.start(options.world);
  const run = new Run(world, rules, options.seed);
  const steps: Step[] = [];
  try {
    for (let step = choose(run.model); step !== null; step = choose(run.model)) {
      if (!isApplicable(run.model, step)) continue;
      steps.push(step);
      const differences = await run.make(step, steps.length % checkAllEvery === 0);
      if (differences.length > 0) return { steps, differences };
    }
    return { steps, differences: await run.finish() };
  } finally {
    await world.close();
  }
}

class Run {
  readonly #world: World;
  readonly #rules: Rules;
  readonly #random: Random;
  readonly #ledger: FileLedger;
  model: Model;

  constructor(world: World, rules: Rules, seed: number) {
    this.#world = world;
    this.#rules = rules;
    this.#random = makeRandom(seed, 'checks');
    this.#ledger = new FileLedger(world);
    this.model = emptyModel(world.host.unload === null);
  }

  make(step: Step, checkAll: boolean): Promise<string[]> {
    return this.#told(async () => {
      const before = this.model;
      const differences = await this.#makeAny(step);
      if (differences.length > 0) return differences;
      return checkAll ? this.#checkAll() : this.#checkTouched(step, before, this.model);
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
      if (misshapen.length > 0) {
        differences.push({ what: 'messages', expected: 'as in the schema', found: misshapen[0] });
      }
      return differences.map((difference) => formatDifference(difference, label));
    } catch (error) {
      return [label(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)];
    }
  }

  #makeAny(step: Step): Promise<Difference[]> {
    if (step.type === 'together') return this.#makeTogether(step);
    return step.type === 'broken' ? this.#makeBroken(step) : this.#makeOne(step);
  }

  async #makeOne(operation: Operation): Promise<Difference[]> {
    const before = this.model;
    const mark = this.#world.witness.received.length;
    const performed = await perform(this.#world, operation, before);
    const { next, differences } = await this.#follow(before, operation, performed);
    this.model = next;
    if (differences.length > 0) return differences;
    await this.#awaitUnloading(before, [operation], mark);
    return this.#followCursors(performed.result);
  }

  /** Those of a reply that loads a history. */
  async #followCursors(result: any): Promise<Difference[]> {
    if (result.turnsBackwardsCursor === undefined) return [];
    const { id } = result.thread;
    const thread = [...this.model.threads.values()].find(({ label }) => this.#world.ids.get(label) === id)!;
    if (thread.running !== null || thread.ephemeral || !thread.materialized) return [];
    return checkTailCursors(this.#world, thread, result);
  }

  /** Each as if it had come first and the other after it: one of the two orders must explain everything. */
  async #makeTogether(step: Together): Promise<Difference[]> {
    const before = this.model;
    const mark = this.#world.witness.received.length;
    const [first, second] = step.operations;
    const performed = await Promise.all(step.operations.map((each) => perform(this.#world, each, before)));
    const ways = [
      [first, performed[0]!, second, performed[1]!],
      [second, performed[1]!, first, performed[0]!],
    ] as const;
    const unexplained: Difference[] = [];
    for (const [earlier, itsResult, later, laterResult] of ways) {
      let { next, differences } = await this.#follow(before, earlier, itsResult);
      if (differences.length === 0) ({ next, differences } = await this.#follow(next, later, laterResult));
      if (differences.length === 0) {
        this.model = next;
        await this.#awaitUnloading(before, step.operations, mark);
        differences = await this.#checkTouched(step, before, next);
      }
      if (differences.length === 0) return [];
      const [{ what, ...rest }] = differences as [Difference];
      unexplained.push({ what: `if ${earlier.label} came first: ${what}`, ...rest });
    }
    return unexplained;
  }

  /** What may have come of it, until one of that fits: as the conversations are shown, and as the files lie. */
  async #makeBroken(step: Broken): Promise<Difference[]> {
    const before = this.model;
    const unexplained: Difference[] = [];
    for (const { what, model } of await makeBroken(this.#world, this.#ledger, this.#rules, before, step)) {
      const killed = applyOperation(this.#rules, model, { label: step.label, type: 'restart', how: 'kill' }).next!;
      const differences = await this.#checkKilled(step, before, killed);
      if (differences.length === 0) return [];
      const [{ what: where, ...rest }] = differences as [Difference];
      unexplained.push({ what: `if ${what}: ${where}`, ...rest });
    }
    return unexplained;
  }

  async #checkKilled(step: Broken, before: Model, killed: Model): Promise<Difference[]> {
    try {
      const { next, differences } = await seeWhatIsLeft(this.#world, killed);
      this.model = next;
      if (differences.length > 0) return differences;
      const ofFiles = await this.#ledger.check(next);
      return ofFiles.length > 0 ? ofFiles : await this.#checkTouched(step, before, next);
    } catch (error) {
      return [{ what: 'reading', expected: 'an answer', found: String(error) }];
    }
  }

  #follow(model: Model, operation: Operation, performed: Performed): Promise<Followed> {
    return followOperation(this.#world, this.#ledger, this.#rules, model, operation, performed);
  }

  /** Where time alone unloads: until it has. What is put away is not announced as closed. */
  async #awaitUnloading(before: Model, operations: readonly Operation[], mark: number): Promise<void> {
    if (!this.model.unloadsWhenLeft || operations.some(({ type }) => type === 'restart')) return;
    const deleted = operations.flatMap((each) => (each.type === 'delete' ? withDependents(before, each.thread) : []));
    for (const { label, loaded } of before.threads.values()) {
      const after = threadOf(this.model, label);
      if (!loaded || after.loaded || after.place === 'archive' || deleted.includes(label)) continue;
      const threadId = this.#world.idOf(label);
      await heard(this.#world.witness, mark, ({ method, params }) => {
        return method === 'thread/closed' && params!['threadId'] === threadId;
      });
    }
  }

  async #checkTouched(step: Step, before: Model, after: Model): Promise<Difference[]> {
    const labels = new Set<number>();
    for (const each of operationsOf(step)) if ('thread' in each) labels.add(each.thread);
    for (const [label, thread] of after.threads) if (before.threads.get(label) !== thread) labels.add(label);
    const differences: Difference[] = [];
    for (const label of labels) differences.push(...(await checkThread(this.#world, after, label)));
    return differences;
  }

  async #checkAll(): Promise<Difference[]> {
    const { model } = this;
    const world = this.#world;
    const differences: Difference[] = await this.#ledger.check(model);
    for (const thread of model.threads.values()) {
      differences.push(...(await checkThread(world, model, thread.label)));
      const hasPages = thread.materialized && !thread.ephemeral && thread.place !== 'gone';
      if (hasPages) differences.push(...(await checkPages(world, thread, this.#random)));
      if (differences.length > 0) return differences;
    }
    for (const archived of [false, true]) differences.push(...(await checkList(world, model, archived, this.#random)));
    const loaded = [...model.threads.values()].filter((thread) => thread.loaded);
    const { data } = await world.witness.call('thread/loaded/list', { limit: 1000 });
    return [...differences, ...compare('loaded', loaded.map(({ label }) => world.idOf(label)).toSorted(), data)];
  }
}
