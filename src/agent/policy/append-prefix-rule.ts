// Adds to the rules of a home what a person allowed for good. Session worker.
import { mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonError } from '../../errors.js';
import { parseRules } from './exec-rules.js';

/** A draft that is older was left behind by a process that died. */
const STALE_MS = 10_000;
const RETRY_MS = 20;

/** The file that amendments go to, which other programs on the same home write as well. */
export function amendedRulesFile(home: string): string {
  return path.join(home, 'rules', 'default.rules');
}

/**
 * Allows every command that begins with these words, from the next reading of the rules on. The file is replaced as a
 * whole and keeps its rights (0600 when it is new); what stands in it stays as it is. A rule that is there already is
 * not added again. Calls may overlap, also of several processes: each adds its rule. Rejects with a DaemonError when
 * the prefix is none (invalid_params) or the file cannot be written (config_invalid).
 */
export async function appendPrefixRule(home: string, prefix: readonly string[]): Promise<void> {
  if (prefix.length === 0 || !prefix.every((word) => word.isWellFormed())) {
    throw new DaemonError('invalid_params', 'a rule needs at least one word, and words must be text');
  }
  const named = amendedRulesFile(home);
  try {
    await mkdir(path.dirname(named), { recursive: true, mode: 0o700 });
    // A link is kept.
    const file = await realpath(named).catch(() => named);
    const draft = `${file}.lock`;
    const handle = await openDraft(draft, await modeOf(file));
    try {
      await writeRule(file, handle, prefix);
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new DaemonError('config_invalid', `${named} cannot be changed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The draft is the lock as well: whoever made it changes the file, the others wait. */
async function openDraft(draft: string, mode: number): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(draft, 'wx', mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!(await isStale(draft)) || !(await removeStale(draft))) await sleep(RETRY_MS);
  }
}

async function isStale(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > STALE_MS;
}

/**
 * One at a time, and with another look: what several have found to be stale the first of them removes, and by the time the
 * others come to it there may be the draft of somebody who works. False when it is another's turn.
 */
async function removeStale(draft: string): Promise<boolean> {
  const turn = `${draft}.stale`;
  try {
    await (await open(turn, 'wx')).close();
  } catch {
    if (await isStale(turn)) await rm(turn, { force: true });
    return false;
  }
  try {
    if (await isStale(draft)) await rm(draft, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
  return true;
}

async function writeRule(file: string, draft: FileHandle, prefix: readonly string[]): Promise<void> {
  const text = await readText(file);
  // JSON's quoting is read in the same way there.
  const rule = `prefix_rule(pattern=[${prefix.map((word) => JSON.stringify(word)).join(', ')}], decision="allow")`;
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  await draft.writeFile(isThere(file, text, prefix, rule) ? text : `${before}${rule}\n`);
  await draft.sync();
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** A file with mistakes allows nothing, but may well hold the very line. */
function isThere(file: string, text: string, prefix: readonly string[], rule: string): boolean {
  const wanted = JSON.stringify(prefix.map((word) => [word]));
  const { rules } = parseRules(file, text);
  return (
    text.split('\n').includes(rule) ||
    rules.some(({ decision, pattern }) => decision === 'allow' && JSON.stringify(pattern) === wanted)
  );
}

async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0o600;
    throw error;
  }
}
