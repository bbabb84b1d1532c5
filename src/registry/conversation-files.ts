// The files of a conversation that nobody writes: put into the archive, taken back, deleted. Whoever calls holds the
// conversation's lock. Main thread.
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DaemonError } from '../errors.js';
import type { ConversationFile } from '../index/index-messages.js';
import { compressedPathOf, journalFolder, movedPathOf } from '../rollout/file-name.js';

/** What a deletion is about to remove: it is finished by the next daemon when this one dies in the middle. */
export interface DeletionPlan {
  ids: string[];
  /** Absolute paths below the home. */
  paths: string[];
}

/**
 * Moves all files, given oldest first, into the archive (flat) or back to the folders of their dates. Files outside of
 * the archive count before those in it: so the newest one leaves last and comes back first, and the conversation is never
 * taken for an older part of itself. Throws rollout_write_failed; files that were moved by then stay found.
 */
export async function moveConversationFiles(
  files: readonly ConversationFile[],
  to: 'archive' | 'sessions',
): Promise<void> {
  for (const file of to === 'archive' ? files : files.toReversed()) {
    if (file.archived === (to === 'archive')) continue;
    const target = movedPathOf(file.path);
    if (target === null) throw cannotMove(file.path, new Error('it lies in no folder of rollouts'));
    // Beside a plain file a crash may have left the compressed one: alone it would stand for the conversation.
    const both = [await exists(file.path), await exists(compressedPathOf(file.path))].every(Boolean);
    const forms = both ? [compressedPathOf, asItIs] : [file.compressed ? compressedPathOf : asItIs];
    for (const form of to === 'archive' ? forms : forms.toReversed()) {
      await moveFile(form(file.path), form(target));
    }
  }
}

function asItIs(name: string): string {
  return name;
}

async function moveFile(from: string, to: string): Promise<void> {
  try {
    await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
    if (await exists(to)) throw new Error(`${to} exists already`);
    await rename(from, to);
  } catch (error) {
    throw cannotMove(from, error);
  }
}

function cannotMove(from: string, error: unknown): DaemonError {
  return new DaemonError('rollout_write_failed', `cannot move ${from}: ${(error as Error).message}`, { cause: error });
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Every path that goes with a conversation; of each rollout both, for it may be restored or compressed meanwhile. */
export async function pathsToDelete(home: string, id: string, files: readonly ConversationFile[]): Promise<string[]> {
  const rollouts = files.flatMap(({ path: file }) => [file, compressedPathOf(file)]);
  const journals = journalFolder(home);
  const names = await readdir(journals).catch(() => []);
  // Those that did not fit their rollout were set aside there.
  return [...rollouts, ...names.filter((name) => name.startsWith(`${id}.`)).map((name) => path.join(journals, name))];
}

/** Writes down what is to go: a daemon that dies meanwhile leaves no half of a conversation. Throws rollout_write_failed. */
export async function beginDeletion(home: string, plan: DeletionPlan): Promise<void> {
  const intent = intentPath(home, plan);
  try {
    await mkdir(path.dirname(intent), { recursive: true, mode: 0o700 });
    await writeFile(`${intent}.new`, JSON.stringify(plan), { mode: 0o600 });
    await rename(`${intent}.new`, intent);
  } catch (error) {
    throw cannotDelete(error, '');
  }
}

/**
 * Removes what the plan names. Throws rollout_write_failed: when nothing could be removed the plan is withdrawn; else the
 * next daemon goes on with it.
 */
export async function removePlannedFiles(home: string, plan: DeletionPlan): Promise<void> {
  let isTouched = false;
  try {
    for (const file of plan.paths) {
      const isThere = await exists(file);
      await rm(file, { force: true });
      isTouched ||= isThere;
    }
  } catch (error) {
    if (isTouched) throw cannotDelete(error, '; the next start goes on with it');
    await endDeletion(home, plan).catch(() => undefined);
    throw cannotDelete(error, '');
  }
}

/** Nothing is left to do. */
export async function endDeletion(home: string, plan: DeletionPlan): Promise<void> {
  await rm(intentPath(home, plan), { force: true });
}

function cannotDelete(error: unknown, more: string): DaemonError {
  return new DaemonError('rollout_write_failed', `cannot delete: ${(error as Error).message}${more}`, { cause: error });
}

function intentPath(home: string, plan: DeletionPlan): string {
  return path.join(deletionsFolder(home), `${plan.ids[0]!}.json`);
}

/** Deletions that a former daemon began. What cannot be read as one is left alone. */
export async function readUnfinishedDeletions(home: string): Promise<DeletionPlan[]> {
  const folder = deletionsFolder(home);
  const names = await readdir(folder).catch(() => []);
  const plans: DeletionPlan[] = [];
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const text = await readFile(path.join(folder, name), 'utf8').catch(() => '');
    const plan = parsePlan(home, text);
    if (plan !== null) plans.push(plan);
  }
  return plans;
}

function deletionsFolder(home: string): string {
  return path.join(home, 'rolloutd', 'deleting');
}

function parsePlan(home: string, text: string): DeletionPlan | null {
  try {
    const { ids, paths } = JSON.parse(text) as Partial<DeletionPlan>;
    if (!isTexts(ids) || !isTexts(paths) || ids.length === 0) return null;
    const isBelow = (file: string): boolean => path.resolve(file) === file && file.startsWith(`${home}${path.sep}`);
    return paths.every(isBelow) ? { ids, paths } : null;
  } catch {
    // Not a plan of ours.
    return null;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
