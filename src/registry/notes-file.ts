// A file of lines beside the rollouts, each about one conversation: appended to, and replaced by a shorter one when lines are
// to go. Main thread.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DaemonError } from '../errors.js';
import type * as FlockModule from './flock.js';

const APPEND_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const REPLACE_FLAGS = constants.O_WRONLY | constants.O_TRUNC | constants.O_CREAT | constants.O_NOFOLLOW;
/** How long another process may keep the file locked. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 5;
/** The same where the thread cannot do anything else meanwhile. */
const SHORT_PATIENCE_MS = 20;

type Flock = typeof FlockModule;

/**
 * Changes happen under an exclusive flock on a file beside, as Codex has it for its names. What they throw is
 * rollout_write_failed, or the DaemonError that the action throws.
 */
export class NotesFile {
  readonly path: string;
  #flock: Flock | null = null;
  /** One change at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /** To be awaited once before changeNow(). Rejects where there is no flock. */
  async prepare(): Promise<void> {
    this.#flock ??= await import('./flock.js');
  }

  /** Changes come in the order in which they were asked for. `action` is the one that may write. */
  change<Result>(action: () => Result): Promise<Result> {
    const change = this.#tail.then(() => this.#changePatiently(action));
    this.#tail = change.catch(() => undefined);
    return change;
  }

  /** The same at once, before those that wait; throws where another process keeps the file locked for longer than a moment. */
  changeNow<Result>(action: () => Result): Result {
    return this.#underLock((flock, fd) => {
      const deadline = performance.now() + SHORT_PATIENCE_MS;
      while (!flock.tryFlock(fd, 'exclusive')) waitShortly(deadline);
      return action();
    });
  }

  /** Only within a change. */
  append(line: unknown): void {
    const fd = openSync(this.path, APPEND_FLAGS, 0o600);
    try {
      // A line that a killed process tore must not swallow this one.
      writeWhole(fd, `${endsInsideLine(fd) ? '\n' : ''}${JSON.stringify(line)}\n`);
    } finally {
      closeSync(fd);
    }
  }

  /** Takes out every line about these conversations; others stay, also those that are none of ours. Only within a change. */
  drop(ids: ReadonlySet<string>): void {
    const lines = this.#readLines();
    const kept = lines.filter((line) => !ids.has(idOf(line)));
    if (kept.length < lines.length) this.#replace(kept);
  }

  /** Leaves the last line of each conversation, and nothing else. Only within a change. */
  compact(): void {
    const latest = new Map<string, string>();
    for (const line of this.#readLines()) latest.set(idOf(line), line);
    latest.delete('');
    this.#replace([...latest.values(), '']);
  }

  async #changePatiently<Result>(action: () => Result): Promise<Result> {
    await this.prepare().catch((error: unknown) => {
      throw this.#toFailure(error);
    });
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const taken = this.#underLock((flock, fd) =>
        flock.tryFlock(fd, 'exclusive') ? { result: action() } : checkPatience(deadline),
      );
      if (taken !== null) return taken.result;
      await delay(RETRY_MS);
    }
  }

  #underLock<Result>(body: (flock: Flock, fd: number) => Result): Result {
    let fd: number | null = null;
    try {
      if (this.#flock === null) throw new Error('nothing is prepared to lock it');
      // A home that only programs without a server have used may lack the folder.
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      fd = openSync(`${this.path}.lock`, APPEND_FLAGS, 0o600);
      return body(this.#flock, fd);
    } catch (error) {
      throw this.#toFailure(error);
    } finally {
      if (fd !== null) {
        this.#flock?.releaseFlock(fd);
        closeSync(fd);
      }
    }
  }

  #toFailure(error: unknown): DaemonError {
    if (error instanceof DaemonError) return error;
    const message = `cannot write ${this.path}: ${(error as Error).message}`;
    return new DaemonError('rollout_write_failed', message, { cause: error });
  }

  #readLines(): string[] {
    try {
      return readFileSync(this.path, 'utf8').split('\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Whoever is killed meanwhile leaves the file as it was, or the new one whole. */
  #replace(lines: readonly string[]): void {
    const fd = openSync(`${this.path}.new`, REPLACE_FLAGS, 0o600);
    try {
      writeWhole(fd, lines.join('\n'));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${this.path}.new`, this.path);
  }
}

function checkPatience(deadline: number): null {
  if (performance.now() > deadline) throw new Error('another process keeps it locked');
  return null;
}

function waitShortly(deadline: number): void {
  checkPatience(deadline);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
}

function endsInsideLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== 0x0a;
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
