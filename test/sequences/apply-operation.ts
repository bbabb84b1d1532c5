// What each operation does to the model: pure functions, and the errors that a daemon must or may answer with. Any thread.
import { operationsOf } from './operation.js';
import type { Cut, Operation, OperationOf, OperationType, Step } from './operation.js';
import {
  currentFile,
  DEFAULT_MODEL,
  dependentsOf,
  findTurn,
  interrupted,
  isSameFile,
  putThread,
  said,
  previewOf,
  shownPreview,
  threadOf,
  unloaded,
  withDependents,
  withThread,
  withThreads,
  withTurn,
} from './model.js';
import type { Entry, FileRef, Message, Model, Thread, Turn } from './model.js';

export interface Outcome {
  /** How things stand when it was done; null when it must be refused. */
  next: Model | null;
  /** Of errors (`data.reason`), one of which it is refused with; empty when it must not be. */
  reasons: readonly string[];
  /** What the reply must hold, as far as it is not told by `next`. */
  reply?: Record<string, unknown>;
  /** What the file that it makes may go on from; the first is what `next` says. */
  bases?: readonly (FileRef | null)[];
  /** A conversation without a file may have one afterwards, done or refused. */
  mayMaterialize?: number;
}

/** One function for each kind of operation; another table makes another model. */
export type Rules = { readonly [T in OperationType]: (model: Model, operation: OperationOf<T>) => Outcome };

/** Never throws for an operation that isApplicable. */
export function applyOperation(rules: Rules, model: Model, operation: Operation): Outcome {
  const rule = rules[operation.type] as (model: Model, operation: Operation) => Outcome;
  const outcome = rule(model, operation);
  return outcome.next === null ? outcome : { ...outcome, next: settle(outcome.next) };
}

/** Conversations that nobody needs any more are unloaded. */
function settle(model: Model): Model {
  if (!model.unloadsWhenLeft) return model;
  return withThreads(model, (thread) =>
    thread.subscribers.length === 0 && thread.running === null ? unloaded(thread) : thread,
  );
}

/** False for steps that mean nothing here, because what they speak of was never made. */
export function isApplicable(model: Model, step: Step): boolean {
  // Only a process of its own can be killed in the middle.
  if (step.type === 'broken' && !model.unloadsWhenLeft) return false;
  return operationsOf(step).every((operation) => canApply(model, operation));
}

function canApply(model: Model, operation: Operation): boolean {
  if ('thread' in operation && !model.threads.has(operation.thread)) return false;
  const thread = 'thread' in operation ? threadOf(model, operation.thread) : null;
  switch (operation.type) {
    case 'release':
    case 'interrupt':
      return thread!.running !== null;
    case 'journal':
      return thread!.running !== null && !thread!.ephemeral;
    case 'hold':
      return thread!.subscribers.includes(operation.client);
    case 'unload':
      return thread!.loaded;
    case 'compress':
      return thread!.materialized && !thread!.loaded && thread!.place !== 'gone';
    case 'resume':
      return !operation.byPath || (thread!.materialized && thread!.place !== 'gone');
    case 'fork': {
      const { cut, byPath } = operation;
      const isKnown = cut.type === 'whole' || model.turns.has(cut.turn);
      return isKnown && (!byPath || (thread!.materialized && thread!.place !== 'gone'));
    }
    case 'revert':
      return model.turns.has(operation.before);
    default:
      return true;
  }
}

const NOT_LOADED = ['conversation_not_found'];
const NO_ROLLOUT = ['rollout_not_found'];
const NOT_THIS_KIND = ['unsupported_for_thread', 'rollout_not_found'];

export const RULES: Rules = {
  start(model, { label, client, mode, ephemeral }) {
    const thread: Thread = {
      label,
      mode,
      ephemeral,
      forkedFrom: null,
      place: 'sessions',
      materialized: false,
      loaded: true,
      subscribers: [client],
      entries: [],
      running: null,
      name: null,
      formerPreview: '',
      model: DEFAULT_MODEL,
      bases: ephemeral ? [] : [null],
    };
    return done(putThread(model, thread));
  },

  turn(model, { label, thread: of, text, model: languageModel }) {
    return input(model, of, (thread) => {
      const answer: Message[] = [user(text), { role: 'assistant', text: `echo: ${text}`, shown: true }];
      const chosen = { ...thread, model: languageModel ?? thread.model };
      const { running } = thread;
      if (running === null) return addTurn(chosen, { label, status: 'completed', messages: answer, atMost: null });
      return {
        ...withTurn(chosen, running.turn, (turn) => ({
          ...turn,
          status: 'completed',
          messages: [...turn.messages, said(running), ...answer],
        })),
        running: null,
      };
    });
  },

  hold(model, { label, thread: of, said: text }) {
    return input(model, of, (thread) => {
      const { running } = thread;
      const asked = user(holdText(label));
      if (running === null) {
        const turn: Turn = { label, status: 'inProgress', messages: [asked], atMost: null };
        return { ...addTurn(thread, turn), running: { turn: label, said: text, gate: label } };
      }
      return {
        ...withTurn(thread, running.turn, (turn) => ({ ...turn, messages: [...turn.messages, said(running), asked] })),
        running: { turn: running.turn, said: text, gate: label },
      };
    });
  },

  release(model, { thread: of }) {
    const thread = threadOf(model, of);
    const running = thread.running!;
    const answer: Message = { role: 'assistant', text: `${running.said}${RELEASED_TEXT}`, shown: true };
    const ended = withTurn(thread, running.turn, (turn) => ({
      ...turn,
      status: 'completed',
      messages: [...turn.messages, answer],
    }));
    return done(putThread(model, { ...ended, running: null }));
  },

  interrupt(model, { thread }) {
    return done(putThread(model, interrupted(threadOf(model, thread))));
  },

  fork(model, { label, client, thread: of, cut, ephemeral }) {
    const source = threadOf(model, of);
    if (source.place === 'gone') return refused(NO_ROLLOUT);
    if (source.ephemeral) return refused(NOT_THIS_KIND);
    if (source.place === 'archive') return refused(['conversation_archived']);
    const fresh = source.materialized ? {} : { mayMaterialize: of };
    if (cut.type !== 'whole' && findTurn(source, cut.turn) === null)
      return { ...refused(['turn_not_found']), ...fresh };
    const file: FileRef = { thread: label, segment: 0 };
    const isLegacy = source.mode === 'legacy';
    const { entries, bases } = cutHistory(source, cut);
    const base = isLegacy ? null : bases[0]!;
    const fork: Thread = {
      ...source,
      label,
      ephemeral,
      forkedFrom: of,
      materialized: !ephemeral,
      loaded: true,
      subscribers: [client],
      entries: isLegacy ? entries.map((entry) => ({ ...entry, file })) : entries,
      running: null,
      formerPreview: ephemeral ? previewOf({ entries }) : '',
      bases: ephemeral ? [] : [base],
    };
    const next = putThread(withThread(model, of, { materialized: true }), fork);
    const isOpen = cut.type === 'through' && source.running?.turn === cut.turn;
    const reasons = isOpen ? ['turn_not_found', 'invalid_request', 'invalid_params'] : [];
    return { next, reasons, ...(ephemeral || isLegacy ? {} : { bases }) };
  },

  revert(model, { thread: of, before }) {
    const thread = threadOf(model, of);
    if (!thread.loaded) return refused(NOT_LOADED);
    if (thread.mode === 'legacy' || thread.ephemeral) return refused(['unsupported_for_thread']);
    if (!thread.materialized) return refused([...NO_ROLLOUT, 'turn_not_found']);
    if (findTurn(thread, before) === null) return refused(['turn_not_found']);
    const { entries, bases } = cutHistory(thread, { type: 'before', turn: before });
    const formerPreview = shownPreview(thread);
    const reverted = { ...thread, entries, running: null, bases: [...thread.bases, bases[0]!], formerPreview };
    return { next: putThread(model, reverted), reasons: [], bases };
  },

  archive(model, { thread: of }) {
    const thread = threadOf(model, of);
    if (thread.place !== 'sessions') return refused(NO_ROLLOUT);
    if (thread.ephemeral) return refused(NOT_THIS_KIND);
    return done(putThread(model, { ...unloaded({ ...thread, materialized: true }), place: 'archive' }));
  },

  unarchive(model, { thread: of }) {
    const thread = threadOf(model, of);
    if (thread.place !== 'archive') return refused(['rollout_not_found', 'already_has_writer']);
    return done(putThread(model, { ...thread, place: 'sessions' }));
  },

  delete(model, { thread: of, cascade }) {
    const thread = threadOf(model, of);
    if (thread.place === 'gone') return refused(NO_ROLLOUT);
    if (thread.ephemeral) return refused(NOT_THIS_KIND);
    if (!cascade && dependentsOf(model, of).length > 0) return refused(['forks_depend_on_it']);
    const doomed = new Set(withDependents(model, of));
    return done(withThreads(model, (each) => (doomed.has(each.label) ? { ...unloaded(each), place: 'gone' } : each)));
  },

  name(model, { thread: of, name }) {
    const thread = threadOf(model, of);
    if (name.trim() === '') return refused(['invalid_request', 'invalid_params']);
    if (thread.place === 'gone') return refused([...NO_ROLLOUT, ...NOT_LOADED, 'conversation_not_loaded']);
    if (thread.ephemeral) return refused(NOT_THIS_KIND);
    const next = withThread(model, of, { name: name.trim(), materialized: true });
    return { next, reasons: thread.place === 'archive' ? [...NO_ROLLOUT, 'conversation_archived'] : [] };
  },

  inject(model, { thread: of, messages }) {
    const hidden = messages.map((message) => ({ ...message, shown: false }));
    if (hidden.length === 0) return refused(['invalid_request', 'invalid_params', 'conversation_not_found']);
    return input(model, of, (thread) => {
      const { running } = thread;
      if (running === null) return addEntry(thread, { type: 'injected', file: currentFile(thread), messages: hidden });
      return withTurn(thread, running.turn, (turn) => ({ ...turn, messages: [...turn.messages, ...hidden] }));
    });
  },

  settings(model, { thread: of, model: languageModel }) {
    const thread = threadOf(model, of);
    if (!thread.loaded) return refused(NOT_LOADED);
    const next = withThread(model, of, { model: languageModel });
    return { ...done(next), ...(thread.materialized ? {} : { mayMaterialize: of }) };
  },

  resume(model, { thread: of, client }) {
    const thread = threadOf(model, of);
    if (thread.place === 'gone') return refused(NO_ROLLOUT);
    if (thread.place === 'archive') return refused(['conversation_archived']);
    const subscribers = [...new Set([...thread.subscribers, client])].toSorted();
    return done(withThread(model, of, { loaded: true, subscribers }));
  },

  read(model, { thread: of }) {
    const thread = threadOf(model, of);
    if (thread.place === 'gone') return refused(['conversation_not_loaded', ...NO_ROLLOUT]);
    if (thread.ephemeral || !thread.materialized) return refused(['history_not_materialized']);
    return done(model);
  },

  list(model) {
    return done(model);
  },

  unsubscribe(model, { thread: of, client }) {
    const thread = threadOf(model, of);
    if (!thread.loaded) return { ...done(model), reply: { status: 'notLoaded' } };
    const status = thread.subscribers.includes(client) ? 'unsubscribed' : 'notSubscribed';
    return { ...done(putThread(model, without(thread, client))), reply: { status } };
  },

  unload(model, { thread: of }) {
    const thread = threadOf(model, of);
    return done(putThread(model, model.unloadsWhenLeft ? { ...thread, subscribers: [] } : unloaded(thread)));
  },

  reconnect(model, { client }) {
    return done(withThreads(model, (thread) => without(thread, client)));
  },

  restart(model, { how }) {
    return done(withThreads(model, (thread) => unloaded(how === 'kill' ? broken(thread) : thread)));
  },

  journal(model) {
    return done(model);
  },

  compress(model) {
    return done(model);
  },
};

/** What the model adds when it is released. */
export const RELEASED_TEXT = ' and more';

/** What a user says to make the model wait at the gate of this operation. */
export function holdText(label: number): string {
  return `hold ${label}`;
}

function done(next: Model): Outcome {
  return { next, reasons: [] };
}

function refused(reasons: readonly string[]): Outcome {
  return { next: null, reasons };
}

/** Input of any kind: the conversation must be loaded, and has a file from then on. */
function input(model: Model, label: number, change: (thread: Thread) => Thread): Outcome {
  const thread = threadOf(model, label);
  if (!thread.loaded) return refused(NOT_LOADED);
  const changed = change(thread);
  const turns = changed.entries.flatMap((entry) => (entry.type === 'turn' ? [entry.turn.label] : []));
  const next = putThread(model, { ...changed, materialized: !thread.ephemeral });
  return done({ ...next, turns: new Set([...model.turns, ...turns]) });
}

function user(text: string): Message {
  return { role: 'user', text, shown: true };
}

function addEntry(thread: Thread, entry: Entry): Thread {
  return { ...thread, entries: [...thread.entries, entry] };
}

function addTurn(thread: Thread, turn: Turn): Thread {
  return addEntry(thread, { type: 'turn', file: currentFile(thread), turn });
}

function without(thread: Thread, client: number): Thread {
  return { ...thread, subscribers: thread.subscribers.filter((each) => each !== client) };
}

/** Its daemon is killed: of what streamed a beginning is left, or nothing. */
function broken(thread: Thread): Thread {
  const { running } = thread;
  if (running === null) return thread;
  const ended = withTurn(thread, running.turn, (turn) => ({ ...turn, status: 'interrupted', atMost: running.said }));
  return { ...ended, running: null };
}

/**
 * What is kept, and the file whose beginning is the newest part of it: for "before a turn" the one that holds the turn,
 * for "through a turn" likewise, with what follows it there up to the next turn. Nothing kept has no base.
 */
function cutHistory(source: Thread, cut: Cut): { entries: readonly Entry[]; bases: readonly (FileRef | null)[] } {
  const { entries } = source;
  if (cut.type === 'whole') {
    const file = currentFile(source);
    return { entries: interrupted(source).entries, bases: entries.length === 0 ? [file, null] : [file] };
  }
  const index = entries.findIndex((entry) => entry.type === 'turn' && entry.turn.label === cut.turn);
  const { file } = entries[index]!;
  if (cut.type === 'before') {
    const former = entries[index - 1]?.file ?? null;
    return { entries: entries.slice(0, index), bases: index === 0 ? [null, file] : [file, former] };
  }
  const following = entries.slice(index + 1);
  const end = following.findIndex((entry) => entry.type === 'turn' || !isSameFile(entry.file, file));
  const count = index + 1 + (end === -1 ? following.length : end);
  // The end of a turn that a fork found running is in the fork's own file.
  const later = following[0]?.file ?? currentFile(source);
  return { entries: interrupted(source).entries.slice(0, count), bases: [file, later, currentFile(source)] };
}
