// The main thread's end of the rollout writer: starts its thread, opens channels to it, replaces it when it dies.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import { ThreadPulse } from './thread-pulse.js';
import type { WriterControl, WriterReport } from './writer-messages.js';

const DEATH_WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 1000;

export interface WriterThreadOptions {
  /** Another entry than the built one. */
  workerUrl?: URL;
  /** With so many deaths within a minute the thread is not started again. Default 10. */
  maxDeathsPerMinute?: number;
  /** Milliseconds without an answer after which the thread is ended, as if it had died; default 0: never. */
  stuckMs?: number;
  /** Whether anybody waits for what it writes: only then is it asked. Default: always. */
  isNeeded?: () => boolean;
  /**
   * A new thread took over this conversation. The session must close its former port, use this one and send again all
   * that was not acknowledged to the level it asked for; what it had sent to the journal may be lost.
   */
  onReplaced: (conversationId: string, port: MessagePort) => void;
  /**
   * The thread died too often. No open conversation has a writer any more, and open() throws until the last minute has
   * seen fewer deaths. The error's code is writer_lost.
   */
  onParked: (error: DaemonError) => void;
  /** Told at every unexpected death, before onParked and onReplaced. The error's code is writer_lost. */
  onDied?: (error: DaemonError) => void;
}

export interface OpenRequest {
  conversationId: string;
  /** Absolute path of the rollout. */
  path: string;
  /** Absolute path of the side journal; null keeps none. */
  journalPath: string | null;
}

interface OpenConversation {
  request: OpenRequest;
  /** The writer's end of a channel that no thread has got yet. */
  undelivered: MessagePort | null;
}

/** The thread starts with the first conversation; whoever made this closes it. */
export class WriterThread {
  readonly #options: WriterThreadOptions;
  readonly #maxDeaths: number;
  readonly #conversations = new Map<string, OpenConversation>();
  /** Those who wait for a release, first come first. */
  readonly #releases = new Map<string, (() => void)[]>();
  #worker: Worker | null = null;
  #restart: NodeJS.Timeout | null = null;
  #deaths: number[] = [];
  #failure: Error | null = null;
  #closing: Promise<void> | null = null;
  #onGone: (() => void) | null = null;

  constructor(options: WriterThreadOptions) {
    this.#options = options;
    this.#maxDeaths = options.maxDeathsPerMinute ?? 10;
  }

  /** Null while no thread runs. */
  get threadId(): number | null {
    return this.#worker?.threadId ?? null;
  }

  /**
   * The session's end of a fresh channel, to be transferred to the session's worker. A conversation that was open must
   * have been released. Throws writer_lost when the thread died too often, shutting_down after close().
   */
  open(request: OpenRequest): MessagePort {
    if (this.#closing !== null) throw new DaemonError('shutting_down', 'the rollout writer is closed');
    if (this.#worker === null && this.#restart === null) {
      if (this.#countDeaths() >= this.#maxDeaths) throw this.#lost('died too often');
      this.#start();
    }
    const { port1, port2 } = new MessageChannel();
    const conversation: OpenConversation = { request, undelivered: port2 };
    this.#conversations.set(request.conversationId, conversation);
    if (this.#worker !== null) this.#deliver(this.#worker, conversation);
    return port1;
  }

  /**
   * Resolves once nothing more will be written for this conversation: what its session had sent is in the file, the file
   * is closed. To be called when the session has ended, however it did. Never rejects.
   */
  release(conversationId: string): Promise<void> {
    this.#conversations.get(conversationId)?.undelivered?.close();
    this.#conversations.delete(conversationId);
    const worker = this.#worker;
    // A dead thread writes nothing any more.
    if (worker === null) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#releases.get(conversationId);
      if (waiting === undefined) this.#releases.set(conversationId, [resolve]);
      else waiting.push(resolve);
      post(worker, { type: 'release', conversationId });
    });
  }

  /** Resolves when every file is written, synced and closed and the thread is gone. Never rejects. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = null;
    this.#forgetConversations();
    const worker = this.#worker;
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      this.#onGone = resolve;
      post(worker, { type: 'close' });
    });
  }

  #start(): void {
    // This file is dist/src/rollout/writer-thread.js once built.
    const url = this.#options.workerUrl ?? new URL('../../workers/rollout-writer.js', import.meta.url);
    const worker = new Worker(url, { name: 'rollout-writer' });
    let closed = false;
    const { stuckMs = 0, isNeeded = () => true } = this.#options;
    const pulse = new ThreadPulse({
      stuckMs,
      isNeeded: () => isNeeded() || this.#releases.size > 0,
      ping: () => post(worker, { type: 'ping' }),
      onStuck: () => {
        this.#failure = new Error(`it did not answer for ${stuckMs / 1000} s and was ended`);
        void worker.terminate();
      },
    });
    worker.on('message', (report: WriterReport) => {
      if (report.type === 'closed') closed = true;
      else if (report.type === 'pong') pulse.noteAnswer();
      else this.#finishRelease(report.conversationId);
    });
    worker.on('error', (error) => (this.#failure = error));
    worker.on('exit', (code) => {
      pulse.stop();
      this.#takeExit(code, closed);
    });
    this.#worker = worker;
    this.#failure = null;
  }

  #deliver(worker: Worker, conversation: OpenConversation): void {
    const port = conversation.undelivered;
    if (port === null) return;
    conversation.undelivered = null;
    post(worker, { type: 'open', ...conversation.request, port }, [port]);
  }

  #takeExit(code: number, closed: boolean): void {
    this.#worker = null;
    for (const waiting of this.#releases.values()) for (const resolve of waiting) resolve();
    this.#releases.clear();
    if (!closed) this.#takeDeath(code);
    this.#onGone?.();
  }

  /** Settles first what comes next: the callbacks may open and release conversations. */
  #takeDeath(code: number): void {
    const error = this.#lost(this.#failure === null ? `ended with code ${code}` : `died: ${this.#failure.message}`);
    this.#deaths.push(performance.now());
    const deaths = this.#countDeaths();
    const park = deaths >= this.#maxDeaths;
    if (park) this.#forgetConversations();
    else if (this.#closing === null) this.#restartAfter(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (deaths - 1)));
    this.#options.onDied?.(error);
    if (park) this.#options.onParked(error);
  }

  #restartAfter(delayMs: number): void {
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#replace();
    }, delayMs);
  }

  #replace(): void {
    if (this.#conversations.size === 0) return;
    this.#start();
    const worker = this.#worker!;
    for (const [conversationId, conversation] of Array.from(this.#conversations)) {
      if (this.#conversations.get(conversationId) !== conversation) continue;
      if (conversation.undelivered !== null) {
        this.#deliver(worker, conversation);
        continue;
      }
      const { port1, port2 } = new MessageChannel();
      conversation.undelivered = port2;
      this.#deliver(worker, conversation);
      this.#options.onReplaced(conversationId, port1);
    }
  }

  #forgetConversations(): void {
    for (const { undelivered } of this.#conversations.values()) undelivered?.close();
    this.#conversations.clear();
  }

  #finishRelease(conversationId: string): void {
    const waiting = this.#releases.get(conversationId);
    waiting?.shift()?.();
    if (waiting?.length === 0) this.#releases.delete(conversationId);
  }

  #countDeaths(): number {
    const since = performance.now() - DEATH_WINDOW_MS;
    this.#deaths = this.#deaths.filter((time) => time > since);
    return this.#deaths.length;
  }

  #lost(what: string): DaemonError {
    const cause = this.#failure ?? undefined;
    return new DaemonError('writer_lost', `the rollout writer ${what}`, cause === undefined ? {} : { cause });
  }
}

function post(worker: Worker, control: WriterControl, transfer: MessagePort[] = []): void {
  worker.postMessage(control, transfer);
}
