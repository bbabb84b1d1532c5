// What holds of the files of a home whatever was told: names, modes, lines, former bytes. Main thread.
import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Random } from './random.js';
import type { RolloutFile } from './rollout-file.js';
import { parseRollout } from './rollout-file.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';

export interface ReadRollout {
  path: string;
  threadId: string;
  bytes: Buffer;
  file: RolloutFile;
}

/** What is remembered of a file from one kill to the next. */
interface FormerBytes {
  size: number;
  mtimeMs: number;
  hash: string;
  /** Sizes after each kill: where a torn piece may end. */
  killSizes: Set<number>;
}

const ROLLOUT_NAME = /^rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-([0-9a-f-]{36})\.jsonl$/;

/** The files of one home over many kills. */
export class HomeFiles {
  readonly #home: string;
  readonly #former = new Map<string, FormerBytes>();

  constructor(home: string) {
    this.#home = home;
  }

  /**
   * Checks all rollouts, and returns those of `live` threads; the others are only read when they changed. To be called
   * while no daemon runs.
   */
  async check(
    knownThreads: ReadonlySet<string>,
    live: ReadonlySet<string>,
  ): Promise<{ rollouts: Map<string, ReadRollout>; violations: Violation[] }> {
    const rollouts = new Map<string, ReadRollout>();
    const violations: Violation[] = [];
    const paths = new Set<string>();
    const pathOf = new Map<string, string>();
    for (const path of await this.#listFiles()) {
      const threadId = ROLLOUT_NAME.exec(basename(path))?.[1];
      const report: Report = (kind, what, told, found) =>
        violations.push({ kind, threadId: threadId ?? null, what: `${basename(path)}: ${what}`, told, found });
      if (threadId === undefined || !knownThreads.has(threadId)) {
        report('file', 'a file of no conversation', 'one file for each conversation', path);
        continue;
      }
      const other = pathOf.get(threadId);
      // One that was cut off within its first record holds nothing: the conversation begins another.
      if (other !== undefined && !(await isEmptyRollout(other))) report('file', 'a second file', other, path);
      pathOf.set(threadId, path);
      paths.add(path);
      const { size, mtimeMs } = await stat(path);
      const former = this.#former.get(path);
      if (!live.has(threadId) && former?.size === size && former.mtimeMs === mtimeMs) continue;
      const bytes = await readFile(path);
      const file = parseRollout(bytes);
      if (live.has(threadId)) rollouts.set(threadId, { path, threadId, bytes, file });
      await checkModes(path, report);
      this.#checkFormer(path, bytes, mtimeMs, report);
      checkLines(file, this.#former.get(path)!.killSizes, bytes, report);
    }
    for (const path of this.#former.keys()) {
      if (paths.has(path)) continue;
      const what = `${basename(path)} is gone`;
      violations.push({ kind: 'file', threadId: null, what, told: path, found: 'no such file' });
      this.#former.delete(path);
    }
    return { rollouts, violations };
  }

  /** A write ended early there, though the daemon lived on. */
  allowTear({ path, size }: { path: string; size: number }): void {
    if (!ROLLOUT_NAME.test(basename(path))) return;
    const former = this.#former.get(path) ?? noBytes();
    former.killSizes.add(size);
    this.#former.set(path, former);
  }

  /** Files that grew since the last check, though nobody gave any input. */
  async checkUntouched(): Promise<Violation[]> {
    const violations: Violation[] = [];
    for (const [path, former] of this.#former) {
      const { size } = await stat(path);
      if (size === former.size) continue;
      const what = `${basename(path)}: a resume without input wrote to it`;
      violations.push({ kind: 'file', threadId: null, what, told: `${former.size} bytes`, found: `${size} bytes` });
    }
    return violations;
  }

  /** Leaves what a write leaves that was cut off: the beginning of a record. */
  async tear(rollout: ReadRollout, random: Random): Promise<void> {
    const lines = rollout.file.lines;
    const former = this.#former.get(rollout.path);
    if (lines.length === 0 || former === undefined) return;
    const { start, end } = random.pick(lines);
    const piece = rollout.bytes.subarray(start, start + random.int(1, end - start - 3));
    await appendFile(rollout.path, piece);
    former.hash = hashOf(Buffer.concat([rollout.bytes, piece]));
    former.size += piece.length;
    former.killSizes.add(former.size);
  }

  #checkFormer(path: string, bytes: Buffer, mtimeMs: number, report: Report): void {
    const former = this.#former.get(path) ?? noBytes();
    const hash = bytes.length < former.size ? null : hashOf(bytes.subarray(0, former.size));
    if (hash !== former.hash) {
      report('file', 'former bytes changed', `${former.size} bytes ${former.hash}`, `${bytes.length} bytes ${hash}`);
    }
    former.size = bytes.length;
    former.mtimeMs = mtimeMs;
    former.hash = hashOf(bytes);
    former.killSizes.add(bytes.length);
    this.#former.set(path, former);
  }

  async #listFiles(): Promise<string[]> {
    const folder = join(this.#home, 'sessions');
    const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  }
}

type Report = (kind: Violation['kind'], what: string, told: string, found: string) => void;

async function checkModes(path: string, report: Report): Promise<void> {
  const modes = [(await stat(path)).mode & 0o777, (await stat(dirname(path))).mode & 0o777];
  const shown = modes.map((mode) => mode.toString(8)).join(' in a folder ');
  if (shown !== '600 in a folder 700') report('file', 'its mode', '600 in a folder 700', shown);
}

/** A torn piece ends where a kill left the file, and a newline closes it; everything else is a record, in rising order. */
function checkLines(file: RolloutFile, killSizes: ReadonlySet<number>, bytes: Buffer, report: Report): void {
  for (const { start, end, closed } of file.torn) {
    if (killSizes.has(end) && (closed || end === file.size) && end > start) continue;
    const shown = shorten(bytes.toString('utf8', start, end));
    report('unreadable', `the line at byte ${start}`, 'a record, or a piece torn by a kill', shown);
  }
  let last = -1;
  for (const { ordinal, start } of file.lines) {
    if (ordinal === null) continue;
    const kind = ordinal === last ? 'doubled' : 'file';
    if (ordinal <= last) report(kind, `the ordinal at byte ${start}`, `above ${last}`, String(ordinal));
    last = ordinal;
  }
  const metas = file.lines.filter(({ type }) => type === 'session_meta').length;
  if (metas > 1) report('doubled', 'session_meta', 'once', `${metas} times`);
  if (metas === 0 && file.lines.length > 0) report('file', 'session_meta', 'the first line', 'none');
}

async function isEmptyRollout(path: string): Promise<boolean> {
  return parseRollout(await readFile(path)).lines.length === 0;
}

function noBytes(): FormerBytes {
  return { size: 0, mtimeMs: 0, hash: hashOf(Buffer.alloc(0)), killSizes: new Set() };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
