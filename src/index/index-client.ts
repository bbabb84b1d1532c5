// The main thread's end of the index: starts its thread when first needed, and again after it died. Main thread.
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { Turn } from '../protocol/thread.js';
import type {
  ConversationFile,
  CutParams,
  CutResult,
  Dependent,
  DescribeResult,
  IndexCalls,
  IndexMethod,
  IndexReply,
  IndexRequest,
  ItemsPageParams,
  ItemsReadParams,
  ListParams,
  ListResult,
  PageResult,
  ReadParams,
  ReadResult,
  TailCursorsParams,
  TailCursorsResult,
  TurnsPageParams,
} from './index-messages.js';

const WORKER_URL = new URL('../../workers/index.js', import.meta.url);

export interface IndexClientOptions {
  home: string;
  /** Another entry for the thread, for tests. */
  workerUrl?: URL;
}

/** How often a call is asked again when the thread died over it: it may be what the thread dies of. */
const MAX_RETRIES = 1;

interface Pending {
  request: IndexRequest;
  retries: number;
  resolve: (result: never) => void;
  reject: (error: DaemonError) => void;
}

/**
 * Every call rejects with a DaemonError: the service's own, `index_lost` when the thread dies over it twice,
 * `shutting_down` after close(). The thread keeps the process alive only while it is asked something.
 */
export class IndexClient {
  readonly #home: string;
  readonly #workerUrl: URL;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #nextRequestId = 1;
  #isClosed = false;

  constructor({ home, workerUrl = WORKER_URL }: IndexClientOptions) {
    this.#home = resolve(home);
    this.#workerUrl = workerUrl;
  }

  /** Conversations with at least one message of a user, newest file of each. */
  list(params: ListParams): Promise<ListResult> {
    return this.#call('list', params);
  }

  /**
   * Throws rollout_path_not_allowed, rollout_not_found, rollout_unreadable, and lineage_broken when a file is missing that
   * the history goes back to; so do all that are given a path.
   */
  read(params: ReadParams): Promise<ReadResult> {
    return this.#call('read', params);
  }

  /** Path of the newest rollout of a conversation, archived ones last, or null. */
  find(id: string): Promise<string | null> {
    return this.#call('find', { id });
  }

  /** What a conversation is, as of the whole file, without its turns. */
  describe(path: string): Promise<DescribeResult> {
    return this.#call('describe', { path });
  }

  /** Throws invalid_params for a cursor that is none. */
  turnsPage(params: TurnsPageParams): Promise<PageResult> {
    return this.#call('turnsPage', params);
  }

  /** With its items; null when the conversation has no turns. */
  async lastTurn(threadId: string, path: string): Promise<Turn | null> {
    const page = { path, threadId, cursor: null, limit: 1, sortDirection: 'desc', itemsView: 'full' } as const;
    const { data } = JSON.parse((await this.turnsPage(page)).json) as { data: Turn[] };
    return data[0] ?? null;
  }

  /** Throws invalid_params for a cursor that is none. An unknown turn has no items. */
  itemsPage(params: ItemsPageParams): Promise<PageResult> {
    return this.#call('itemsPage', params);
  }

  itemsRead(params: ItemsReadParams): Promise<PageResult> {
    return this.#call('itemsRead', params);
  }

  tailCursors(params: TailCursorsParams): Promise<TailCursorsResult> {
    return this.#call('tailCursors', params);
  }

  /** Throws turn_not_found. */
  cut(params: CutParams): Promise<CutResult> {
    return this.#call('cut', params);
  }

  /** Every file of a conversation, the current one last; none when there is no such conversation. */
  files(id: string): Promise<ConversationFile[]> {
    return this.#call('files', { id });
  }

  /** Conversations that would lose part of their history with this one. */
  dependents(id: string): Promise<Dependent[]> {
    return this.#call('dependents', { id });
  }

  /** Makes sure that the rollout can be appended to. */
  async restore(path: string): Promise<void> {
    await this.#call('restore', { path });
  }

  /** Ends the thread; calls that wait for an answer reject. Resolves once it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#rejectAll(shuttingDown());
    await worker?.terminate();
  }

  #call<M extends IndexMethod>(method: M, params: IndexCalls[M]['params']): Promise<IndexCalls[M]['result']> {
    if (this.#isClosed) return Promise.reject(shuttingDown());
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    return new Promise<IndexCalls[M]['result']>((resolveCall, reject) => {
      const request = { requestId, method, params } as IndexRequest;
      this.#ask({ request, retries: 0, resolve: resolveCall, reject });
    });
  }

  #ask(pending: Pending): void {
    const worker = (this.#worker ??= this.#start());
    this.#pending.set(pending.request.requestId, pending);
    worker.ref();
    worker.postMessage(pending.request);
  }

  #start(): Worker {
    const worker = new Worker(this.#workerUrl, { workerData: { home: this.#home }, name: 'index' });
    let cause: unknown;
    worker.on('message', (reply: IndexReply) => this.#settle(worker, reply));
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#takeDeath(cause);
    });
    worker.unref();
    return worker;
  }

  #settle(worker: Worker, reply: IndexReply): void {
    const pending = this.#pending.get(reply.requestId);
    this.#pending.delete(reply.requestId);
    if (this.#pending.size === 0) worker.unref();
    if ('error' in reply) pending?.reject(DaemonError.fromData(reply.error));
    else pending?.resolve(reply.result as never);
  }

  #takeDeath(cause: unknown): void {
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of lost) {
      if (pending.retries < MAX_RETRIES) this.#ask({ ...pending, retries: pending.retries + 1 });
      else pending.reject(new DaemonError('index_lost', 'the index thread keeps dying over this', { cause }));
    }
  }

  #rejectAll(error: DaemonError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}

function shuttingDown(): DaemonError {
  return new DaemonError('shutting_down', 'the index is closed');
}
