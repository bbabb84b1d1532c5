// Compares the turns that we show of a recorded conversation with those that Codex showed of it. Any thread.
import { expect } from 'chai';
import type { ThreadItem, Turn } from '../../src/protocol/thread.js';
import type { RecordedFile } from '../support/rollout-set.js';

/**
 * Fails when they differ, but for what each reader of a legacy file does in its own way: how turns and items are counted
 * that no line names, whether a call counts as an item and where it then stands; and where Codex knows less: that a turn
 * failed, and when a turn began that only its end tells of.
 */
export function expectShownByCodex(file: RecordedFile, ours: readonly Turn[], theirs: readonly Turn[]): void {
  if (file.history_mode === 'paginated') {
    expect(ours).to.deep.equal(file.name === 'reviewed' ? inOrderOfIds(theirs) : theirs);
    return;
  }
  const known = new Set(theirs.flatMap(({ items }) => items.map(({ id }) => id)));
  const shown = ours.map((turn, index) => ({
    ...asMuchAs(turn, theirs[index]),
    items: turn.items.filter(({ id }) => isCounted(id) || known.has(id)),
  }));
  expect(recount(shown)).to.deep.equal(recount(theirs));
}

/** Codex puts the turn of a reviewer before the turn that asked for it. */
function inOrderOfIds(turns: readonly Turn[]): Turn[] {
  return turns.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function asMuchAs(ours: Turn, theirs: Turn | undefined): Turn {
  if (theirs === undefined) return ours;
  const { rootTurnId, startedAt, status, error } = theirs;
  return {
    ...ours,
    ...(rootTurnId === null ? { rootTurnId } : {}),
    ...(startedAt === null ? { startedAt } : {}),
    ...(ours.status === 'failed' ? { status, error } : {}),
  };
}

/** Of messages and marks; calls have ids of their own. */
function isCounted(id: string): boolean {
  return /^item-\d+$/.test(id);
}

/** Numbers by order, and what is called after what is said. */
function recount(turns: readonly Turn[]): unknown[] {
  let items = 0;
  return turns.map((turn, index) => ({
    ...turn,
    id: turn.id.replace(/^rollout-\d+$/, `rollout-#${index}`),
    items: [
      ...turn.items.filter(({ id }) => isCounted(id)).map((item) => ({ ...item, id: `item-#${(items += 1)}` })),
      ...turn.items.filter(({ id }) => !isCounted(id)).toSorted(byId),
    ],
  }));
}

function byId(a: ThreadItem, b: ThreadItem): number {
  return a.id < b.id ? -1 : 1;
}
