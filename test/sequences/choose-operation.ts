// Draws operations that mean something as things stand, and now and then some that must be refused. Any thread.
import type { Random } from '../faults/random.js';
import { findTurn, turnsOf } from './model.js';
import type { Model, Thread } from './model.js';
import type { Cut, Operation, OperationType } from './operation.js';

/** What the next operation is about; null when nothing of this kind means anything now. */
export function chooseOperation(
  model: Model,
  type: OperationType,
  random: Random,
  label: number,
  clients: number,
): Operation | null {
  const client = random.int(0, clients - 1);
  const choose = (isLikely: (thread: Thread) => boolean): number | null => chooseThread(model, random, isLikely);
  switch (type) {
    case 'start': {
      const ephemeral = random.chance(0.1);
      return { label, type, client, mode: random.chance(0.2) ? 'legacy' : 'paginated', ephemeral };
    }
    case 'turn': {
      const thread = choose(({ loaded, running }) => loaded && (running === null || random.chance(0.2)));
      const languageModel = random.chance(0.1) ? random.pick(LANGUAGE_MODELS) : null;
      return thread === null
        ? null
        : { label, type, client, thread, text: chooseText(label, random), model: languageModel };
    }
    case 'hold': {
      const open = threadsOf(model).filter(
        ({ subscribers, running }) => subscribers.length > 0 && (running === null || random.chance(0.15)),
      );
      if (open.length === 0) return null;
      const thread = random.pick(open);
      return { label, type, client: random.pick(thread.subscribers), thread: thread.label, said: `said ${label}` };
    }
    case 'release':
    case 'interrupt': {
      const running = threadsOf(model).filter((thread) => thread.running !== null);
      return running.length === 0 ? null : { label, type, client, thread: random.pick(running).label };
    }
    case 'journal': {
      const running = threadsOf(model).filter((thread) => thread.running !== null && !thread.ephemeral);
      return running.length === 0 ? null : { label, type, thread: random.pick(running).label };
    }
    case 'fork': {
      const thread = choose((each) => each.place === 'sessions' && !each.ephemeral);
      if (thread === null) return null;
      const of = model.threads.get(thread)!;
      const hasPath = of.materialized && of.place !== 'gone';
      const byPath = hasPath && random.chance(0.15);
      return { label, type, client, thread, cut: chooseCut(model, of, random), byPath, ephemeral: random.chance(0.1) };
    }
    case 'revert': {
      const thread = choose((each) => each.loaded && each.mode === 'paginated' && turnsOf(each).length > 0);
      if (thread === null) return null;
      const turn = chooseTurn(model, model.threads.get(thread)!, random);
      return turn === null ? null : { label, type, client, thread, before: turn };
    }
    case 'archive': {
      const thread = choose((each) => each.place === 'sessions' && !each.ephemeral);
      return thread === null ? null : { label, type, client, thread };
    }
    case 'unarchive': {
      const thread = choose(({ place }) => place === 'archive');
      return thread === null ? null : { label, type, client, thread };
    }
    case 'delete': {
      const thread = choose(({ place, ephemeral }) => place !== 'gone' && !ephemeral);
      return thread === null ? null : { label, type, client, thread, cascade: random.chance(0.3) };
    }
    case 'name': {
      const thread = choose(({ place, ephemeral }) => place === 'sessions' && !ephemeral);
      const name = random.pick([
        `name ${label}`,
        `  Näme  ${label} `,
        `名 ${label}`,
        ...(random.chance(0.1) ? [' '] : []),
      ]);
      return thread === null ? null : { label, type, client, thread, name };
    }
    case 'inject': {
      const thread = choose(({ loaded }) => loaded);
      return thread === null ? null : { label, type, client, thread, messages: chooseInjection(label, random) };
    }
    case 'settings': {
      const thread = choose(({ loaded }) => loaded);
      return thread === null ? null : { label, type, client, thread, model: random.pick(LANGUAGE_MODELS) };
    }
    case 'resume': {
      const thread = choose(({ place }) => place === 'sessions');
      if (thread === null) return null;
      const { materialized, place } = model.threads.get(thread)!;
      return { label, type, client, thread, byPath: materialized && place === 'sessions' && random.chance(0.2) };
    }
    case 'read': {
      const thread = choose(({ materialized, place }) => materialized && place !== 'gone');
      return thread === null ? null : { label, type, client, thread };
    }
    case 'list':
      return { label, type, client, archived: random.chance(0.5) };
    case 'unsubscribe': {
      const thread = choose(({ subscribers }) => subscribers.includes(client));
      return thread === null ? null : { label, type, client, thread };
    }
    case 'unload': {
      const loaded = threadsOf(model).filter((thread) => thread.loaded);
      return loaded.length === 0 ? null : { label, type, thread: random.pick(loaded).label };
    }
    case 'reconnect':
      return { label, type, client };
    case 'restart':
      return { label, type, how: random.pick(['clean', 'kill', 'late kill']) };
    case 'compress': {
      const cold = threadsOf(model).filter(
        ({ materialized, loaded, place }) => materialized && !loaded && place !== 'gone',
      );
      if (cold.length === 0) return null;
      return { label, type, thread: random.pick(cold).label, current: random.chance(0.8) };
    }
  }
}

const LANGUAGE_MODELS = ['gpt-5.5', 'model-a', 'model-b'];

/** Mostly one of those that are likely to do it; the newer half more often than the older. */
function chooseThread(model: Model, random: Random, isLikely: (thread: Thread) => boolean): number | null {
  const all = threadsOf(model);
  const likely = all.filter(isLikely);
  if (all.length === 0) return null;
  const from = likely.length === 0 || random.chance(0.06) ? all : likely;
  const newer = from.slice(Math.floor(from.length / 2));
  return random.pick(random.chance(0.5) ? newer : from).label;
}

function threadsOf(model: Model): Thread[] {
  return [...model.threads.values()];
}

function chooseCut(model: Model, thread: Thread, random: Random): Cut {
  const turn = chooseTurn(model, thread, random);
  if (turn === null || random.chance(0.35)) return { type: 'whole' };
  return { type: random.chance(0.5) ? 'through' : 'before', turn };
}

/** One of its own, mostly; or one that it does not have, of those that once were. */
function chooseTurn(model: Model, thread: Thread, random: Random): number | null {
  const own = turnsOf(thread).map(({ label }) => label);
  const foreign = [...model.turns].filter((label) => findTurn(thread, label) === null);
  if (foreign.length > 0 && (own.length === 0 || random.chance(0.05))) return random.pick(foreign);
  return own.length === 0 ? null : random.pick(own);
}

/** Every text is said once: its beginning is its label. */
export function chooseText(label: number, random: Random): string {
  const more = random.pick([
    '',
    '',
    ' plain',
    ' é漢😀 of more bytes than letters',
    ' "quoted" \\ and \u2028 and <tags>',
    ' two\nlines',
    ` long${' wörds'.repeat(random.int(1, 400))}`,
  ]);
  return `t${label}${more}`;
}

function chooseInjection(label: number, random: Random) {
  if (random.chance(0.05)) return [];
  return Array.from({ length: random.int(1, 3) }, (_, index) => ({
    role: random.pick(['user', 'assistant'] as const),
    text: `injected ${label}.${index} ${random.pick(['', 'ü'])}`.trim(),
  }));
}
