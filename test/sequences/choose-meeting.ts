// Draws what meets: two operations that clients ask for at the same moment, or one and the end of the daemon. Any thread.
import type { Random } from '../faults/random.js';
import { isApplicable } from './apply-operation.js';
import { chooseOperation } from './choose-operation.js';
import { dependentsOf } from './model.js';
import type { Model } from './model.js';
import type { Broken, Operation, OperationType, Together } from './operation.js';

/**
 * Those that take effect at one moment, so that one of the two comes first. Two reverts of one conversation would need
 * names for files that depend on the order.
 */
const KINDS: readonly OperationType[] = [
  'fork',
  'fork',
  'revert',
  'archive',
  'unarchive',
  'delete',
  'delete',
  'name',
  'inject',
  'settings',
  'resume',
  'resume',
  'unsubscribe',
  'read',
  'read',
  'list',
];

/** null when nothing of the kinds it drew means anything now. */
export function chooseTogether(model: Model, random: Random, label: number): Together | null {
  const first = chooseFor(model, random, label + 1, 0, KINDS);
  if (first === null) return null;
  const others = first.type === 'revert' ? KINDS.filter((kind) => kind !== 'revert') : KINDS;
  const second = chooseFor(model, random, label + 2, 1, others);
  if (second === null) return null;
  const meeting = 'thread' in first ? { ...second, ...chooseWhere(model, random, first.thread) } : second;
  const together: Together = { type: 'together', label, operations: [first, meeting] };
  return isApplicable(model, together) ? together : null;
}

/** The same conversation, one that goes on from it, or any. */
function chooseWhere(model: Model, random: Random, thread: number): { thread?: number } {
  const forks = dependentsOf(model, thread);
  if (forks.length > 0 && random.chance(0.5)) return { thread: random.pick(forks).label };
  return random.chance(0.6) ? { thread } : {};
}

/** Those that are done whole or not at all, and of which can be seen which. */
const WHOLE_KINDS: readonly OperationType[] = [
  'fork',
  'revert',
  'revert',
  'archive',
  'archive',
  'unarchive',
  'delete',
  'delete',
  'name',
  'inject',
];

/** Of conversations that have a file: others may gain one, and nothing else. */
export function chooseBroken(model: Model, random: Random, label: number): Broken | null {
  const operation = chooseFor(model, random, label + 1, 0, WHOLE_KINDS);
  if (operation === null || !('thread' in operation)) return null;
  if (!model.threads.get(operation.thread)!.materialized) return null;
  return { type: 'broken', label, operation, afterMs: random.pick([0, 0, 1, 2, 3, 5, 10]) };
}

function chooseFor(
  model: Model,
  random: Random,
  label: number,
  client: number,
  kinds: readonly OperationType[],
): Operation | null {
  const operation = chooseOperation(model, random.pick(kinds), random, label, 1);
  if (operation === null) return null;
  const atItsPlace = 'byPath' in operation ? { byPath: false } : {};
  return { ...operation, ...atItsPlace, client } as Operation;
}
