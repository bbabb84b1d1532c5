// Programs drawn by fast-check: the dice are one value of a seed, what they mean depends on how things stand. Any thread.
import fc from 'fast-check';
import { makeRandom } from '../faults/random.js';
import { chooseOperation } from './choose-operation.js';
import type { Model } from './model.js';
import { chooseBroken, chooseTogether } from './choose-meeting.js';
import { operationsOf } from './operation.js';
import type { Operation, OperationType, Step } from './operation.js';
import type { Chooser } from './run-program.js';
import { beginStory } from './stories.js';
import type { Story } from './stories.js';

type DieKind = OperationType | 'story' | 'together' | 'broken';

/** One decision: what to do, and the seed of everything that is open about it. */
interface Die {
  kind: DieKind;
  seed: number;
}

const WEIGHTS: Record<DieKind, number> = {
  turn: 24,
  fork: 12,
  resume: 8,
  read: 0,
  list: 0,
  revert: 6,
  start: 5,
  hold: 5,
  release: 3,
  interrupt: 2,
  journal: 1,
  archive: 3,
  unarchive: 3,
  delete: 3,
  name: 4,
  inject: 5,
  settings: 3,
  unsubscribe: 2,
  unload: 4,
  reconnect: 1,
  restart: 2,
  compress: 4,
  story: 3,
  together: 6,
  broken: 4,
};

/** A home with more conversations than this takes long to compare as a whole: rather some are deleted. */
const MANY = 18;

const die: fc.Arbitrary<Die> = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind as DieKind) })),
  ),
  seed: fc.nat(),
});

/** The dice of the `index`-th program of a seed. */
export function drawDice(seed: number, index: number, count: number): Die[] {
  const [dice] = fc.sample(fc.array(die, { minLength: count, maxLength: count }), {
    seed: seed * 100_003 + index,
    numRuns: 1,
  });
  return dice!;
}

/**
 * Reads dice one by one. At their end the daemon is restarted, and every conversation that can be is resumed and given
 * one more turn: what it was made of is loaded, and shown to the language model.
 */
export function chooseByDice(dice: readonly Die[], clients: number): Chooser {
  const left = [...dice];
  let label = 0;
  let story: Story | null = null;
  let ending: Operation[] | null = null;

  return (model) => {
    for (;;) {
      const step = goOn(model) ?? drawNext(model);
      if (step === 'again') continue;
      if (step !== null) label = lastLabelOf(step) + 1;
      return step;
    }
  };

  function goOn(model: Model): Operation | null {
    const told = story?.next({ label: label - 1, model });
    if (told === undefined || told.done === true) story = null;
    return told === undefined || told.done === true ? null : told.value(label);
  }

  function drawNext(model: Model): Step | 'again' | null {
    const next = left.shift();
    if (next === undefined) {
      ending ??= endOf(model, label);
      return ending.shift() ?? null;
    }
    const random = makeRandom(next.seed, next.kind);
    const alive = [...model.threads.values()].filter(({ place }) => place !== 'gone').length;
    const makesMore = next.kind === 'story' || next.kind === 'start' || next.kind === 'fork';
    const kind = makesMore && alive >= MANY ? 'delete' : next.kind;
    if (kind === 'story') {
      story = beginStory(random);
      return 'again';
    }
    if (kind === 'together') return chooseTogether(model, random, label) ?? 'again';
    if (kind === 'broken') return chooseBroken(model, random, label) ?? 'again';
    return chooseOperation(model, kind, random, label, clients) ?? 'again';
  }
}

function lastLabelOf(step: Step): number {
  return Math.max(step.label, ...operationsOf(step).map(({ label }) => label));
}

function endOf(model: Model, from: number): Operation[] {
  const threads = [...model.threads.values()].filter(({ place, materialized }) => place === 'sessions' && materialized);
  const ending: Operation[] = [{ label: from, type: 'restart', how: 'clean' }];
  for (const { label: thread } of threads) {
    const label = from + ending.length;
    ending.push({ label, type: 'resume', client: 0, thread, byPath: false });
    ending.push({ label: label + 1, type: 'turn', client: 0, thread, text: `t${label + 1} at last`, model: null });
  }
  return ending;
}

/** Repeats steps that are known; those that mean nothing any more are left out by whoever runs them. */
export function chooseFrom(steps: readonly Step[]): Chooser {
  const left = [...steps];
  return () => left.shift() ?? null;
}
