// An operation in the middle of which the daemon is killed: done whole or not at all, whatever the moment. Main thread.
import { setTimeout as delay } from 'node:timers/promises';
import { applyOperation, RULES } from './apply-operation.js';
import type { Rules } from './apply-operation.js';
import type { FileLedger } from './file-ledger.js';
import { seeBase } from './follow-operation.js';
import { currentFile, threadOf } from './model.js';
import type { Model } from './model.js';
import type { Broken, OperationOf } from './operation.js';
import { perform } from './perform.js';
import type { World } from './world.js';

/** A way in which things may stand when the daemon was killed. */
export interface Possibility {
  what: string;
  model: Model;
}

/**
 * Asks, kills the daemon a moment later, and starts another. Resolves to what may be, one of which must be; only to
 * "done" when the client was told so. What nobody was told the id of has it then.
 */
export async function makeBroken(
  world: World,
  ledger: FileLedger,
  rules: Rules,
  before: Model,
  { operation, afterMs }: Broken,
): Promise<Possibility[]> {
  const client = world.clients['client' in operation ? operation.client : 0]!;
  const mark = client.received.length;
  const known = await ledger.fileNames();
  // It never comes to its end: the connection breaks.
  perform(world, operation, before).catch(() => undefined);
  await delay(afterMs);
  await world.host.kill();
  const reply = client.received.slice(mark).find(({ id, method }) => id !== undefined && method === undefined);
  await world.connect();
  ledger.noteKill();
  const { next, bases } = applyOperation(rules, before, operation);
  const undone = { what: 'nothing was done', model: before };
  if (next === null || reply?.error !== undefined) return [undone];
  if (operation.type === 'inject') return [await seeInjected(world, ledger, before, operation)];
  const parts = reply === undefined ? [undone] : [];
  let done = next;
  if (operation.type === 'fork' || operation.type === 'revert') {
    const made = await ledger.newFile(known);
    if (made === null) return parts;
    const label = operation.type === 'fork' ? operation.label : operation.thread;
    if (operation.type === 'fork') world.ids.set(label, made.threadId);
    else {
      const { segment } = currentFile(threadOf(before, label));
      world.learnSegment({ thread: label, segment: segment + 1 }, made.path);
    }
    if (bases !== undefined) done = (await seeBase(world, ledger, next, label, bases, made.path)).next;
  }
  if (operation.type === 'archive' || operation.type === 'unarchive') ledger.noteSplit(world.idOf(operation.thread));
  return [{ what: 'it was done', model: done }, ...parts];
}

/** Nobody sees it before the next turn; what is appended in pieces may be there in part. */
async function seeInjected(
  world: World,
  ledger: FileLedger,
  before: Model,
  operation: OperationOf<'inject'>,
): Promise<Possibility> {
  const texts = operation.messages.map(({ text }) => text);
  const count = await ledger.countTexts(world.idOf(operation.thread), texts);
  const messages = operation.messages.slice(0, count);
  const model = count === 0 ? before : RULES.inject(before, { ...operation, messages }).next!;
  return { what: `${count} of ${texts.length} messages were injected`, model };
}
