// What came of one operation against what the model expects of it, and the model that goes on from there. Main thread.
import { applyOperation } from './apply-operation.js';
import type { Outcome, Rules } from './apply-operation.js';
import { expectedFacts, expectedTurns, seeWhatIsLeft, viewFacts, viewTurns } from './check-thread.js';
import { compare } from './difference.js';
import type { Difference } from './difference.js';
import type { FileLedger } from './file-ledger.js';
import { isListed, modelView, shownTurns, threadOf, turnsOf, withThread } from './model.js';
import type { FileRef, Model, Thread } from './model.js';
import type { Operation } from './operation.js';
import type { Performed } from './perform.js';
import type { World } from './world.js';

export interface Followed {
  next: Model;
  differences: Difference[];
}

/** Looks at replies, and at what the model leaves to the daemon; not yet at the conversations. */
export async function followOperation(
  world: World,
  ledger: FileLedger,
  rules: Rules,
  model: Model,
  operation: Operation,
  performed: Performed,
): Promise<Followed> {
  const outcome = applyOperation(rules, model, operation);
  const differences = compareOutcome(outcome, performed, operation);
  if (differences.length > 0) return { next: model, differences };
  const done = performed.refusal === null ? outcome.next! : model;
  const seen = await see(world, ledger, done, outcome, operation, performed);
  if (seen.differences.length > 0 || performed.refusal !== null) return seen;
  const { next } = seen;
  return { next, differences: compareReply(world, next, operation, performed, model) };
}

function compareOutcome(
  { next, reasons, reply }: Outcome,
  { refusal, result }: Performed,
  { label, type }: Operation,
): Difference[] {
  const what = `operation ${label}, ${type}`;
  if (refusal === null) {
    if (next === null) return [{ what, expected: `refused: ${reasons.join(' or ')}`, found: 'done' }];
    return Object.entries(reply ?? {}).flatMap(([key, value]) => compare(`${key} in the reply`, value, result[key]));
  }
  if (reasons.includes(refusal)) return [];
  const expected = next === null ? `refused: ${reasons.join(' or ')}` : 'done';
  return [{ what, expected, found: `refused: ${refusal}` }];
}

/** What the model leaves open is as it was found. */
async function see(
  world: World,
  ledger: FileLedger,
  model: Model,
  outcome: Outcome,
  operation: Operation,
  { result, refusal }: Performed,
): Promise<Followed> {
  if (operation.type === 'restart' && operation.how !== 'clean') {
    ledger.noteKill();
    return seeWhatIsLeft(world, model);
  }
  const label = outcome.mayMaterialize;
  if (label !== undefined) {
    const materialized = await ledger.hasFile(world.idOf(label));
    return { next: withThread(model, label, { materialized }), differences: [] };
  }
  if (outcome.bases === undefined || refusal !== null) return { next: model, differences: [] };
  const made = operation.type === 'revert' ? operation.thread : operation.label;
  return seeBase(world, ledger, model, made, outcome.bases, result.thread.path);
}

/** The choice that the file of this path has really made. */
export async function seeBase(
  world: World,
  ledger: FileLedger,
  model: Model,
  label: number,
  choices: readonly (FileRef | null)[],
  path: string,
): Promise<Followed> {
  const found = await ledger.baseOf(path);
  // Another client has deleted it meanwhile.
  if (found === undefined) return { next: model, differences: [] };
  const ids = choices.map((choice) => choice && world.segmentIdOf(choice));
  const index = ids.indexOf(found);
  if (index === -1) {
    return { next: model, differences: [{ what: `what t${label} goes on from`, expected: ids, found }] };
  }
  const { bases } = threadOf(model, label);
  return { next: withThread(model, label, { bases: [...bases.slice(0, -1), choices[index]!] }), differences: [] };
}

function compareReply(
  world: World,
  model: Model,
  operation: Operation,
  performed: Performed,
  before: Model,
): Difference[] {
  const { result } = performed;
  switch (operation.type) {
    case 'turn':
    case 'hold':
      return compareGiven(model, operation, performed.given);
    case 'start':
    case 'fork':
    case 'resume':
    case 'unarchive':
    case 'revert': {
      const label = operation.type === 'start' || operation.type === 'fork' ? operation.label : operation.thread;
      const thread = threadOf(model, label);
      // The history of an ephemeral one is nowhere to be read.
      const withTurns = !thread.ephemeral && (operation.type === 'resume' || operation.type === 'fork');
      return [
        ...compare('facts in the reply', factsInReply(world, thread, operation), viewFacts(result.thread)),
        ...(withTurns
          ? compare('turns in the reply', expectedTurns(world, turnsOf(thread)), viewTurns(result.thread.turns))
          : []),
        ...('model' in result ? compare('model in the reply', thread.model, result.model) : []),
      ];
    }
    case 'read': {
      const turns = expectedTurns(world, shownTurns(threadOf(model, operation.thread)));
      return compare(`the turns that operation ${operation.label} read`, turns, viewTurns(result.thread.turns));
    }
    case 'list': {
      const place = operation.archived ? 'archive' : 'sessions';
      const listed = [...model.threads.values()].filter((thread) => thread.place === place && isListed(thread));
      const ids = listed.map(({ label }) => world.idOf(label)).toSorted();
      const found = result.data.map(({ id }: { id: string }) => id).toSorted();
      return compare(`what operation ${operation.label} listed`, ids, found);
    }
    case 'delete': {
      const gone = [...model.threads.values()].filter(
        ({ label, place }) => place === 'gone' && threadOf(before, label).place !== 'gone',
      );
      const ids = gone.map(({ label }) => world.idOf(label));
      return compare('deletedThreadIds', ids.toSorted(), result.deletedThreadIds.toSorted());
    }
    default:
      return [];
  }
}

/** One that is about to be unloaded is still there when the reply is made. */
function factsInReply(world: World, thread: Thread, { type }: Operation) {
  const status = type === 'unarchive' ? 'notLoaded' : thread.running === null ? 'idle' : 'active';
  return { ...expectedFacts(world, thread), status };
}

/** What the language model was given: everything before, and the new words. */
function compareGiven(
  model: Model,
  operation: Operation & { type: 'turn' | 'hold' },
  given: Performed['given'],
): Difference[] {
  const thread = threadOf(model, operation.thread);
  const messages = modelView(thread).map(({ role, text }) => ({ role, text }));
  if (operation.type === 'turn') messages.pop();
  return compare('what the language model was given', { model: thread.model, messages }, given);
}
