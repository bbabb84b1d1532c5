// The main thread's end of the thread that runs commands without a conversation: starts it when it is first needed, and again
// after it died. Main thread.
import { Worker } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type {
  CommandThreadData,
  CommandThreadNews,
  CommandThreadRequest,
  StandaloneOutput,
  StandaloneRequest,
  StandaloneResult,
} from './command-messages.js';
import { CreditGiver, makeCreditMemory } from './output-credit.js';
import type { ProcessReport } from './process-report.js';

export interface CommandThreadOptions {
  home: string;
  onProcess: (group: string, report: ProcessReport) => void;
  /** The thread died, and with it what it knew of the processes of these groups: they are to be ended. */
  onDied: (error: Error, groups: string[]) => void;
  /** Another entry than the built one. */
  workerUrl?: URL;
}

export interface StandaloneHandlers {
  onOutput: (output: StandaloneOutput) => void;
  /** Once, unless onFailed is. */
  onEnded: (result: StandaloneResult) => void;
  /** command_not_started, sandbox_unavailable, worker_lost. */
  onFailed: (error: DaemonError) => void;
}

/** How many may run at once. */
const MAX_RUNNING = 64;
/** For the thread to end all that runs, which takes it less than two seconds. */
const END_ALL_MS = 2_500;
const WORKER_URL = new URL('../../workers/commands.js', import.meta.url);

interface Running {
  group: string;
  handlers: StandaloneHandlers;
}

/** Whoever made it closes it. */
export class CommandThread {
  readonly #options: CommandThreadOptions;
  readonly #running = new Map<number, Running>();
  #worker: Worker | null = null;
  #nextId = 1;
  #onAllEnded: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: CommandThreadOptions) {
    this.#options = options;
  }

  /** The number that the other calls take. Throws too_many_commands, shutting_down after close(). */
  start(request: StandaloneRequest, handlers: StandaloneHandlers): number {
    if (this.#closing !== null) throw new DaemonError('shutting_down', 'the daemon is shutting down');
    if (this.#running.size >= MAX_RUNNING) {
      throw new DaemonError('too_many_commands', `${MAX_RUNNING} commands run already: end one of them first`);
    }
    const worker = (this.#worker ??= this.#startThread());
    const id = this.#nextId++;
    this.#running.set(id, { group: request.group, handlers });
    post(worker, { type: 'start', id, request });
    return id;
  }

  /** In order; one that has not begun yet gets it when it has. */
  write(id: number, bytes: Uint8Array, close: boolean): void {
    this.#tell({ type: 'write', id, bytes, close });
  }

  resize(id: number, size: { columns: number; rows: number }): void {
    this.#tell({ type: 'resize', id, ...size });
  }

  /** With all that it has started; its end is told as that of any other. */
  end(id: number): void {
    this.#tell({ type: 'end', id });
  }

  /** Ends all commands, then the thread. Those that wait are told how theirs have ended. Never rejects; may be called twice. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onAllEnded = resolve;
      timer = setTimeout(resolve, END_ALL_MS);
      post(worker, { type: 'endAll' });
    });
    clearTimeout(timer);
    await worker.terminate();
    this.#failAll(new DaemonError('shutting_down', 'the daemon is shutting down'));
  }

  #tell(request: CommandThreadRequest & { id: number }): void {
    if (this.#worker !== null && this.#running.has(request.id)) post(this.#worker, request);
  }

  #startThread(): Worker {
    const { home, workerUrl = WORKER_URL } = this.#options;
    const workerData: CommandThreadData = { home, credit: makeCreditMemory() };
    const credit = new CreditGiver(workerData.credit);
    // Node would count descriptors that a socket closes as open, and close whatever has their number when the thread ends.
    const worker = new Worker(workerUrl, { workerData, trackUnmanagedFds: false });
    let cause = new Error('it ended by itself');
    worker.on('message', (news: CommandThreadNews) => {
      this.#take(news);
      if (news.type === 'output') credit.give(news.bytes);
    });
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => this.#noteExit(worker, cause));
    return worker;
  }

  #take(news: CommandThreadNews): void {
    if (news.type === 'process') return this.#options.onProcess(news.group, news.report);
    if (news.type === 'allEnded') return this.#onAllEnded?.();
    const running = this.#running.get(news.id);
    if (running === undefined) return;
    const { handlers } = running;
    if (news.type === 'output') {
      const { stream, deltaBase64, bytes, capReached } = news;
      return handlers.onOutput({ stream, deltaBase64, bytes, capReached });
    }
    this.#running.delete(news.id);
    if (news.type === 'ended') handlers.onEnded(news.result);
    else handlers.onFailed(DaemonError.fromData(news.error));
  }

  #noteExit(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    if (this.#closing !== null) return this.#onAllEnded?.();
    const groups = [...new Set([...this.#running.values()].map(({ group }) => group))];
    this.#failAll(new DaemonError('worker_lost', `the command's worker was lost: ${cause.message}`, { cause }));
    this.#options.onDied(cause, groups);
  }

  #failAll(error: DaemonError): void {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { handlers } of running) handlers.onFailed(error);
  }
}

function post(worker: Worker, request: CommandThreadRequest): void {
  worker.postMessage(request);
}
