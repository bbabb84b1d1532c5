// Short chains of operations that lead into corners which chance alone would seldom find. Any thread.
import type { Random } from '../faults/random.js';
import { chooseText } from './choose-operation.js';
import type { Model } from './model.js';
import type { Cut, Operation } from './operation.js';

/** A step is made when its number is known, which is its label. */
type Draft = (label: number) => Operation;

/** After each step it is given the label of that step, and how things stand. */
type Chain<T> = Generator<Draft, T, { label: number; model: Model }>;

export type Story = Chain<void>;

const CLIENT = { client: 0 };
const WHOLE: Cut = { type: 'whole' };

/** Begins one of the stories. */
export function beginStory(random: Random): Story {
  return random.pick(STORIES)(random);
}

const STORIES: readonly ((random: Random) => Story)[] = [
  function* forksOfForks(random) {
    const source = yield* start();
    const first = yield* turn(source, random);
    const second = yield* turn(source, random);
    yield* turn(source, random);
    yield* disturb(random, [source]);
    const fork = yield* branch(source, { type: 'through', turn: second });
    yield* turn(fork, random);
    yield* disturb(random, [source, fork]);
    const inside: Cut = random.chance(0.5) ? { type: 'through', turn: first } : { type: 'before', turn: second };
    const inner = yield* branch(fork, inside);
    yield* turn(inner, random);
    const innermost = yield* branch(inner, WHOLE);
    yield* turn(innermost, random);
    yield* turn(source, random);
    yield* disturb(random, [fork, inner, innermost]);
    for (const each of [fork, inner, innermost]) yield* turn(each, random);
    yield* revert(innermost, first);
    yield* turn(innermost, random);
  },

  function* revertForkRevert(random) {
    const source = yield* start();
    const first = yield* turn(source, random);
    const second = yield* turn(source, random);
    const third = yield* turn(source, random);
    yield* revert(source, third);
    yield* turn(source, random);
    const fork = yield* branch(source, random.chance(0.5) ? WHOLE : { type: 'through', turn: second });
    yield* disturb(random, [source, fork]);
    yield* revert(source, random.pick([first, second]));
    yield* turn(source, random);
    yield* turn(fork, random);
    yield* revert(fork, second);
    yield* disturb(random, [source, fork]);
    yield* turn(fork, random);
    yield* branch(fork, WHOLE);
    yield* about('delete', source);
  },

  function* deletedInTheMiddle(random) {
    const source = yield* start();
    yield* turn(source, random);
    const fork = yield* branch(source, WHOLE);
    yield* turn(fork, random);
    const inner = yield* branch(fork, WHOLE);
    yield* turn(inner, random);
    yield* disturb(random, [source, fork, inner]);
    yield* about('delete', fork);
    yield* turn(fork, random);
    if (random.chance(0.5)) yield* about('archive', inner);
    if (random.chance(0.5)) yield (label) => ({ label, type: 'delete', ...CLIENT, thread: fork, cascade: true });
    for (const each of [inner, fork]) yield* about('delete', each);
    yield* turn(source, random);
    yield* about('delete', source);
  },

  function* archivedSource(random) {
    const source = yield* start();
    yield* turn(source, random);
    const last = yield* turn(source, random);
    const fork = yield* branch(source, WHOLE);
    if (random.chance(0.5)) yield* revert(source, last);
    yield* about('archive', source);
    yield* turn(fork, random);
    yield* disturb(random, [fork]);
    yield* turn(fork, random);
    yield* branch(source, WHOLE);
    yield* about('unarchive', source);
    yield* wake(source);
    for (const each of [source, fork]) yield* turn(each, random);
  },

  function* branchesOfAStream(random) {
    const source = yield* start(random.chance(0.25) ? 'legacy' : 'paginated');
    const first = yield* turn(source, random);
    const held = yield* hold(source);
    const fork = yield* branch(source, WHOLE);
    if (random.chance(0.5)) yield* turn(fork, random);
    const before = yield* branch(source, {
      type: random.pick(['before', 'through']),
      turn: random.pick([first, held]),
    });
    if (random.chance(0.3)) yield* inject(source);
    if (random.chance(0.7)) yield* about(random.pick(['release', 'interrupt']), source);
    yield* disturb(random, [source, fork]);
    for (const each of [source, fork, before]) yield* turn(each, random);
    yield* disturb(random, [fork]);
    yield* turn(fork, random);
  },

  function* revertsOfAStream(random) {
    const thread = yield* start();
    const first = yield* turn(thread, random);
    const second = yield* turn(thread, random);
    const held = yield* hold(thread);
    yield* revert(thread, random.pick([second, held]));
    yield* turn(thread, random);
    yield* hold(thread);
    yield* revert(thread, first);
    yield* disturb(random, [thread]);
    yield* turn(thread, random);
  },

  function* withoutAWord(random) {
    const thread = yield* start(random.chance(0.25) ? 'legacy' : 'paginated');
    const deed = random.pick(['name', 'fork', 'archive', 'inject', 'settings', 'delete'] as const);
    if (deed === 'name') yield* name(thread);
    if (deed === 'fork') yield* branch(thread, WHOLE);
    if (deed === 'inject') yield* inject(thread);
    if (deed === 'settings') yield (label) => ({ label, type: 'settings', ...CLIENT, thread, model: 'model-a' });
    if (deed === 'archive' || deed === 'delete') yield* about(deed, thread);
    yield* disturb(random, [thread]);
    if (deed === 'archive') yield* about('unarchive', thread);
    yield* wake(thread);
    const only = yield* turn(thread, random);
    const fork = yield* branch(thread, { type: 'before', turn: only });
    yield* turn(fork, random);
    yield* revert(thread, only);
    yield* disturb(random, [thread, fork]);
    yield* turn(thread, random);
  },

  function* coldFiles(random) {
    const source = yield* start(random.chance(0.2) ? 'legacy' : 'paginated');
    const first = yield* turn(source, random);
    const second = yield* turn(source, random);
    const fork = yield* branch(source, { type: 'through', turn: random.pick([first, second]) });
    yield* turn(fork, random);
    if (random.chance(0.4)) yield* revert(source, second);
    if (random.chance(0.3)) yield* hold(source);
    for (const thread of [source, fork]) yield (label) => ({ label, type: 'unload', thread });
    const cold = random.chance(0.5) ? [source] : [source, fork];
    for (const thread of cold) yield (label) => ({ label, type: 'compress', thread, current: random.chance(0.8) });
    if (random.chance(0.3)) yield* branch(source, WHOLE);
    if (random.chance(0.3)) yield* name(source);
    if (random.chance(0.3)) for (const deed of ['archive', 'unarchive'] as const) yield* about(deed, source);
    yield* wake(fork);
    yield* turn(fork, random);
    yield* wake(source);
    yield* turn(source, random);
    yield* disturb(random, [source, fork]);
    yield* turn(fork, random);
  },

  function* brokenTurns(random) {
    const thread = yield* start(random.chance(0.2) ? 'legacy' : 'paginated');
    if (random.chance(0.7)) yield* turn(thread, random);
    const held = yield* hold(thread);
    if (random.chance(0.3)) {
      yield (label) => ({ label, type: 'journal', thread });
      yield* inject(thread);
    }
    yield (label) => ({ label, type: 'restart', how: random.chance(0.75) ? 'late kill' : 'kill' });
    if (random.chance(0.4)) yield* turn(yield* branch(thread, WHOLE), random);
    if (random.chance(0.3)) yield (label) => ({ label, type: 'compress', thread, current: true });
    if (random.chance(0.2)) for (const deed of ['archive', 'unarchive'] as const) yield* about(deed, thread);
    yield* wake(thread);
    if (random.chance(0.5)) yield* disturb(random, [thread]);
    const fork = yield* branch(thread, random.chance(0.5) ? WHOLE : { type: 'through', turn: held });
    if (random.chance(0.5)) yield* revert(thread, held);
    for (const each of [thread, fork]) yield* turn(each, random);
  },

  function* copies(random) {
    const source = yield* start('legacy');
    const first = yield* turn(source, random);
    const second = yield* turn(source, random);
    const fork = yield* branch(source, random.chance(0.5) ? { type: 'through', turn: first } : WHOLE);
    yield* turn(fork, random);
    yield* revert(source, second);
    const inner = yield* branch(fork, { type: 'before', turn: second });
    yield* disturb(random, [source, fork, inner]);
    yield* turn(inner, random);
    yield* about('delete', source);
    yield* turn(fork, random);
  },
];

function* start(mode: 'paginated' | 'legacy' = 'paginated'): Chain<number> {
  return (yield (label) => ({ label, type: 'start', ...CLIENT, mode, ephemeral: false })).label;
}

function* turn(thread: number, random: Random): Chain<number> {
  const text = (label: number): string => chooseText(label, random);
  return (yield (label) => ({ label, type: 'turn', ...CLIENT, thread, text: text(label), model: null })).label;
}

function* hold(thread: number): Chain<number> {
  return (yield (label) => ({ label, type: 'hold', ...CLIENT, thread, said: `said ${label}` })).label;
}

function* branch(thread: number, cut: Cut): Chain<number> {
  return (yield (label) => ({ label, type: 'fork', ...CLIENT, thread, cut, byPath: false, ephemeral: false })).label;
}

function* revert(thread: number, before: number): Chain<void> {
  yield (label) => ({ label, type: 'revert', ...CLIENT, thread, before });
}

function* name(thread: number): Chain<void> {
  yield (label) => ({ label, type: 'name', ...CLIENT, thread, name: `name ${label}` });
}

function* inject(thread: number): Chain<void> {
  const message = (label: number) => ({ role: 'user' as const, text: `injected ${label}` });
  yield (label) => ({ label, type: 'inject', ...CLIENT, thread, messages: [message(label)] });
}

function* wake(thread: number): Chain<void> {
  yield (label) => ({ label, type: 'resume', ...CLIENT, thread, byPath: false });
}

function* about(type: 'archive' | 'unarchive' | 'delete' | 'release' | 'interrupt', thread: number): Chain<void> {
  yield (label) => ({ label, ...CLIENT, thread, ...(type === 'delete' ? { type, cascade: false } : { type }) });
}

/** Mostly nothing; else the conversations are taken out of memory in one way or another, and loaded again. */
function* disturb(random: Random, threads: readonly number[]): Chain<void> {
  if (random.chance(0.6)) return;
  const how = random.pick(['clean', 'kill', 'late kill', 'unload'] as const);
  if (how !== 'unload') yield (label) => ({ label, type: 'restart', how });
  else for (const thread of threads) yield (label) => ({ label, type: 'unload', thread });
  for (const thread of threads) yield* wake(thread);
}
