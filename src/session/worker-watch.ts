// Finds session workers that are stuck or eat up the memory, and ends them before the daemon suffers. Main thread.
import { DaemonError } from '../errors.js';
import type { Log } from '../log.js';
import type { SessionHandle, WorkerMemory } from './session-handle.js';

export interface WorkerWatchOptions {
  /** Milliseconds after which a worker that does not answer is ended; 0: never. */
  stuckMs: number;
  /** Bytes of memory that the process may hold. */
  maxMemoryBytes: number;
  log: Log;
  /** Milliseconds between two looks. */
  tickMs?: number;
  /** Bytes that the process holds. */
  readResident?: () => number;
}

const TICK_MS = 1000;
/** A worker that holds less than this share of what is allowed is not what fills the memory. */
const LEAST_SHARE = 0.25;
/** Looks after the end of one that held too much at which nobody is judged: its memory comes back late on a busy machine. */
const TICKS_TO_COME_BACK = 5;

/** A worker, or a session that has no worker yet. */
type WorkerKey = number | SessionHandle;

interface Question {
  handle: SessionHandle;
  /** Looks that have come and gone without an answer. */
  ticks: number;
  answer: WorkerMemory | null;
}

/**
 * Workers are asked only while somebody waits for one of their sessions, one session of each: an idle daemon sends nothing.
 * When the process holds more memory than it may, all are asked, and the one that holds most is ended.
 */
export class WorkerWatch {
  readonly #options: WorkerWatchOptions;
  readonly #tickMs: number;
  readonly #handles = new Set<SessionHandle>();
  readonly #questions = new Map<WorkerKey, Question>();
  #timer: NodeJS.Timeout | null = null;
  #lastTickAt = 0;
  #isShortOfMemory = false;
  #ticksToWait = 0;

  constructor(options: WorkerWatchOptions) {
    this.#options = options;
    this.#tickMs = options.tickMs ?? TICK_MS;
  }

  /** From the session's start; until `remove`. */
  add(handle: SessionHandle): void {
    this.#handles.add(handle);
    if (this.#timer !== null) return;
    this.#lastTickAt = performance.now();
    this.#timer = setInterval(() => this.#look(), this.#tickMs);
    this.#timer.unref();
  }

  remove(handle: SessionHandle): void {
    this.#handles.delete(handle);
    for (const [key, question] of this.#questions) if (question.handle === handle) this.#questions.delete(key);
    if (this.#handles.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#isShortOfMemory = false;
  }

  /** An answer to a ping. */
  noteAnswer(handle: SessionHandle, memory: WorkerMemory): void {
    for (const question of this.#questions.values()) if (question.handle === handle) question.answer = memory;
  }

  #look(): void {
    const now = performance.now();
    // A process that was stopped, or a machine that slept, has kept answers from coming.
    const isLate = now - this.#lastTickAt > 2 * this.#tickMs;
    this.#lastTickAt = now;
    if (!isLate) this.#judgeSilence();
    this.#judgeMemory();
    this.#ask();
  }

  #judgeSilence(): void {
    const { stuckMs } = this.#options;
    for (const question of this.#questions.values()) {
      if (question.answer !== null) continue;
      question.ticks += 1;
      if (stuckMs === 0 || question.ticks * this.#tickMs < stuckMs) continue;
      this.#end(question.handle, `the session's worker did not answer for ${stuckMs / 1000} s and was ended`);
    }
  }

  #judgeMemory(): void {
    const { maxMemoryBytes, log, readResident = () => process.memoryUsage.rss() } = this.#options;
    const resident = readResident();
    const wasShort = this.#isShortOfMemory;
    this.#isShortOfMemory = resident > maxMemoryBytes;
    const isWaiting = this.#ticksToWait > 0;
    if (isWaiting) this.#ticksToWait -= 1;
    // All have been asked when it began.
    if (!this.#isShortOfMemory || !wasShort || isWaiting) return;
    let largest: Question | null = null;
    for (const question of this.#questions.values()) {
      if (largest === null || heldBy(question) > heldBy(largest)) largest = question;
    }
    if (largest === null || heldBy(largest) < maxMemoryBytes * LEAST_SHARE) {
      log.warn('the daemon holds more memory than it should, and no session is to blame', { resident, maxMemoryBytes });
      return;
    }
    this.#ticksToWait = TICKS_TO_COME_BACK;
    this.#end(largest.handle, "the session's worker held too much memory and was ended");
  }

  #ask(): void {
    for (const [key, { answer }] of this.#questions) if (answer !== null) this.#questions.delete(key);
    for (const handle of this.#handles) {
      const key = handle.workerThreadId ?? handle;
      if (this.#questions.has(key) || !(handle.isAtWork || this.#isShortOfMemory)) continue;
      this.#questions.set(key, { handle, ticks: 0, answer: null });
      handle.ping();
    }
  }

  #end(handle: SessionHandle, message: string): void {
    this.#options.log.error(message, { worker: handle.workerThreadId });
    handle.killWorker(new DaemonError('worker_lost', message));
  }
}

/** One that does not answer may be busy with just that. */
function heldBy({ answer }: Question): number {
  return answer === null ? Infinity : answer.heapBytes + answer.bufferBytes;
}
