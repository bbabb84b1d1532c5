// Models that are wrong in one place each: what compares a daemon with a model must find every one of them. Any thread.
import { RULES } from './apply-operation.js';
import type { Outcome, Rules } from './apply-operation.js';
import {
  interrupted,
  putThread,
  threadOf,
  turnsOf,
  withDependents,
  withThread,
  withThreads,
  withTurn,
} from './model.js';
import type { Model, Thread } from './model.js';

type Change = (next: Model) => Model;

export const WRONG_RULES: Readonly<Record<string, Partial<Rules>>> = {
  'a fork keeps one turn too many': {
    fork: (model, operation) => {
      const { cut } = operation;
      if (cut.type !== 'before') return RULES.fork(model, operation);
      const outcome = RULES.fork(model, operation);
      const turn = turnsOf(threadOf(model, operation.thread)).find(({ label }) => label === cut.turn);
      const file = { thread: operation.label, segment: 0 };
      return changed(outcome, operation.label, (fork) => ({
        ...fork,
        entries: [...fork.entries, { type: 'turn', file, turn: turn! }],
      }));
    },
  },

  'a fork keeps one turn too few': {
    fork: (model, operation) =>
      changed(RULES.fork(model, operation), operation.label, (fork) => ({
        ...fork,
        entries: fork.entries.slice(0, -1),
      })),
  },

  'a fork forgets what was injected': {
    fork: (model, operation) =>
      changed(RULES.fork(model, operation), operation.label, (fork) => ({
        ...fork,
        entries: fork.entries.filter(({ type }) => type === 'turn'),
      })),
  },

  'a fork has no name of its own': {
    fork: (model, operation) =>
      changed(RULES.fork(model, operation), operation.label, (fork) => ({ ...fork, name: null })),
  },

  'a fork follows what becomes of its source': {
    revert: (model, operation) => {
      const outcome = RULES.revert(model, operation);
      return then(outcome, (next) =>
        withThreads(next, (thread) =>
          thread.forkedFrom === operation.thread && thread.place !== 'gone'
            ? { ...thread, entries: threadOf(next, operation.thread).entries }
            : thread,
        ),
      );
    },
  },

  'a revert keeps the turn that it is to take back': {
    revert: (model, operation) => {
      const kept = turnsOf(interrupted(threadOf(model, operation.thread))).find(
        ({ label }) => label === operation.before,
      );
      return changed(RULES.revert(model, operation), operation.thread, (thread) => ({
        ...thread,
        entries: [...thread.entries, { type: 'turn', file: { thread: thread.label, segment: 0 }, turn: kept! }],
      }));
    },
  },

  'a revert goes on in the same file': {
    revert: (model, operation) =>
      changed(RULES.revert(model, operation), operation.thread, (thread) => ({
        ...thread,
        bases: threadOf(model, operation.thread).bases,
      })),
  },

  'what is archived stays loaded': {
    archive: (model, operation) => {
      const { loaded, subscribers } = threadOf(model, operation.thread);
      return changed(RULES.archive(model, operation), operation.thread, (thread) => ({
        ...thread,
        loaded,
        subscribers,
      }));
    },
  },

  'what is archived can be resumed': {
    resume: (model, operation) =>
      threadOf(model, operation.thread).place === 'archive'
        ? { next: withThread(model, operation.thread, { loaded: true }), reasons: [] }
        : RULES.resume(model, operation),
  },

  'forks do not keep their source from being deleted': {
    delete: (model, operation) => {
      const outcome = RULES.delete(model, operation);
      return outcome.reasons.includes('forks_depend_on_it')
        ? RULES.delete(model, { ...operation, cascade: true })
        : outcome;
    },
  },

  'a cascade leaves the forks': {
    delete: (model, operation) => {
      const others = withDependents(model, operation.thread).slice(1);
      return then(RULES.delete(model, operation), (next) =>
        others.reduce((left, label) => putThread(left, threadOf(model, label)), next),
      );
    },
  },

  'an interrupted turn loses what was said': {
    interrupt: (model, operation) => {
      const { running } = threadOf(model, operation.thread);
      return changed(RULES.interrupt(model, operation), operation.thread, (thread) =>
        withTurn(thread, running!.turn, (turn) => ({ ...turn, messages: turn.messages.slice(0, -1) })),
      );
    },
  },

  'settings hold for one turn only': {
    turn: (model, operation) =>
      changed(RULES.turn(model, operation), operation.thread, (thread) => ({
        ...thread,
        model: operation.model === null ? 'gpt-5.5' : thread.model,
      })),
  },

  'a name keeps the blanks around it': {
    name: (model, operation) =>
      changed(RULES.name(model, operation), operation.thread, (thread) => ({ ...thread, name: operation.name })),
  },

  'a restart loses the last turn': {
    restart: (model, operation) =>
      then(RULES.restart(model, operation), (next) =>
        withThreads(next, (thread) => ({ ...thread, entries: thread.entries.slice(0, -1) })),
      ),
  },

  'what has no file outlives the daemon': {
    restart: (model, operation) =>
      then(RULES.restart(model, operation), (next) =>
        withThreads(next, (thread) =>
          thread.place === 'gone' ? { ...thread, place: threadOf(model, thread.label).place } : thread,
        ),
      ),
  },

  'a legacy fork depends on its source': {
    fork: (model, operation) =>
      changed(RULES.fork(model, operation), operation.label, (fork) =>
        fork.mode === 'legacy' ? { ...fork, bases: [{ thread: operation.thread, segment: 0 }] } : fork,
      ),
  },
};

function then(outcome: Outcome, change: Change): Outcome {
  return outcome.next === null ? outcome : { ...outcome, next: change(outcome.next) };
}

function changed(outcome: Outcome, label: number, change: (thread: Thread) => Thread): Outcome {
  return then(outcome, (next) => putThread(next, change(threadOf(next, label))));
}
