// What is known of conversations beside their rollouts: names, in the file that Codex uses, and git information that a
// client corrected, in one of our own. Append-only lines, the last one of an id counts. Main thread.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonError } from '../errors.js';
import type { GitInfo } from '../protocol/thread.js';

const APPEND_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
/** How long another process may keep the names locked. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 5;

/** Names and notes are written when a call resolves. All throw rollout_write_failed. */
export class ConversationNotes {
  readonly #names: string;
  readonly #metadata: string;
  /** One change at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(home: string) {
    this.#names = path.join(home, 'session_index.jsonl');
    this.#metadata = path.join(home, 'rolloutd', 'thread-metadata.jsonl');
  }

  setName(id: string, name: string): Promise<void> {
    return this.#change(this.#names, (file) => {
      appendLine(file, { id, thread_name: name, updated_at: new Date().toISOString() });
    });
  }

  /** null says that nothing is known. */
  setGitInfo(id: string, gitInfo: GitInfo | null): Promise<void> {
    return this.#change(this.#metadata, (file) => {
      appendLine(file, { id, gitInfo, updated_at: new Date().toISOString() });
    });
  }

  /** Takes out every line about these conversations. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const file of [this.#names, this.#metadata]) await this.#change(file, () => dropLines(file, new Set(ids)));
  }

  #change(file: string, action: (file: string) => void): Promise<void> {
    const change = this.#tail.then(() => underLock(file, () => action(file)));
    this.#tail = change.catch(() => undefined);
    return change;
  }
}

/** The lock is that of Codex for its names: an exclusive flock on a file beside. */
async function underLock(file: string, action: () => void): Promise<void> {
  const { tryFlock, releaseFlock } = await import('./flock.js');
  let fd: number | null = null;
  try {
    fd = openSync(`${file}.lock`, APPEND_FLAGS, 0o600);
    const deadline = performance.now() + PATIENCE_MS;
    while (!tryFlock(fd, 'exclusive')) {
      if (performance.now() > deadline) throw new Error('another process keeps it locked');
      await delay(RETRY_MS);
    }
    action();
  } catch (error) {
    throw new DaemonError('rollout_write_failed', `cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    if (fd !== null) {
      releaseFlock(fd);
      closeSync(fd);
    }
  }
}

function appendLine(file: string, line: unknown): void {
  const fd = openSync(file, APPEND_FLAGS, 0o600);
  try {
    // A line that a killed process tore must not swallow this one.
    const text = `${endsInsideLine(fd) ? '\n' : ''}${JSON.stringify(line)}\n`;
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
  } finally {
    closeSync(fd);
  }
}

function endsInsideLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

/** Puts a file without the lines in place of the old one; lines that are none of ours stay as they are. */
function dropLines(file: string, ids: ReadonlySet<string>): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const lines = text.split('\n');
  const kept = lines.filter((line) => !ids.has(idOf(line)));
  if (kept.length === lines.length) return;
  writeFileSync(`${file}.new`, kept.join('\n'), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function idOf(line: string): string {
  try {
    const { id } = JSON.parse(line) as { id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    // An empty or a torn line.
    return '';
  }
}
