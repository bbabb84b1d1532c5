// The main thread's end of the index: starts its thread when first needed, and again after it died. Main thread.
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DaemonError } from '../errors.js';
import type { Turn } from '../protocol/thread.js';
import { ThreadPulse } from '../rollout/thread-pulse.js';
import type {
  ConversationFile,
  CutParams,
  CutResult,
  Dependent,
  DescribeResult,
  FollowedPlace,
  FollowNews,
  FollowParams,
  IndexCalls,
  IndexMethod,
  IndexNews,
  IndexPing,
  IndexPong,
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
  /** Milliseconds without an answer after which the thread is ended, as if it had died; default 0: never. */
  stuckMs?: number;
  /** Another entry for the thread, for tests. */
  workerUrl?: URL;
}

/** How often a call is asked again when the thread died over it: it may be what the thread dies of. */
const MAX_RETRIES = 1;

/** How often in a row a rollout is followed anew when the thread dies of something. */
const MAX_RESTARTS = 3;

/** Somebody who follows a rollout, and where the next thread has to go on when this one dies. */
interface Follower {
  params: FollowParams;
  onNews: (news: FollowNews) => void;
  onLost: (error: DaemonError) => void;
  restarts: number;
  isRestarting: boolean;
}

/** A rollout that is followed; whoever started it closes it. */
export interface Following {
  /** Resolves when all that was in the file at the time of the call is told. Rejects with a DaemonError. */
  catchUp(): Promise<void>;
  close(): void;
}

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
  readonly #stuckMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #followers = new Map<number, Follower>();
  #worker: Worker | null = null;
  #nextRequestId = 1;
  #isClosed = false;

  constructor({ home, stuckMs = 0, workerUrl = WORKER_URL }: IndexClientOptions) {
    this.#home = resolve(home);
    this.#stuckMs = stuckMs;
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

  /**
   * Tells of what somebody else writes to a conversation's rollout, from its present end on, in order and without gaps; the
   * first news may come before this resolves. `onLost` is called when it cannot be followed any more. Rejects as read().
   */
  async follow(
    { conversationId, path }: Pick<FollowParams, 'conversationId' | 'path'>,
    onNews: (news: FollowNews) => void,
    onLost: (error: DaemonError) => void,
  ): Promise<{ place: FollowedPlace; following: Following }> {
    const followId = this.#nextRequestId;
    const follower: Follower = {
      params: { followId, conversationId, path },
      onNews,
      onLost,
      restarts: 0,
      isRestarting: false,
    };
    this.#followers.set(followId, follower);
    let place: FollowedPlace;
    try {
      place = await this.#call('follow', follower.params);
    } catch (error) {
      this.#followers.delete(followId);
      throw error;
    }
    if (follower.params.end === undefined) follower.params = { ...follower.params, path: place.path, end: place.end };
    const following: Following = {
      catchUp: async () => void (await this.#call('catchUp', { followId })),
      close: () => {
        if (!this.#followers.delete(followId) || this.#worker === null) return;
        void this.#call('unfollow', { followId }).catch(() => undefined);
      },
    };
    return { place, following };
  }

  /** Ends the thread; calls that wait for an answer reject. Resolves once it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#followers.clear();
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
    const pulse = new ThreadPulse({
      stuckMs: this.#stuckMs,
      isNeeded: () => this.#pending.size > 0 || this.#followers.size > 0,
      ping: () => worker.postMessage({ method: 'ping' } satisfies IndexPing),
      onStuck: () => {
        cause = new Error(`it did not answer for ${this.#stuckMs / 1000} s and was ended`);
        void worker.terminate();
      },
    });
    worker.on('message', (message: IndexReply | IndexNews | IndexPong) => {
      if ('pong' in message) pulse.noteAnswer();
      else if ('followId' in message) this.#takeNews(message);
      else this.#settle(worker, message);
    });
    worker.on('error', (error) => (cause = error));
    worker.on('exit', () => {
      pulse.stop();
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
    // Before what was asked of them is asked again. Whoever waits for a first answer is no follower yet.
    const started = [...this.#followers.values()].filter(({ params }) => params.end !== undefined);
    for (const follower of started) void this.#followAgain(follower);
    for (const pending of lost) {
      if (pending.retries < MAX_RETRIES) this.#ask({ ...pending, retries: pending.retries + 1 });
      else pending.reject(new DaemonError('index_lost', 'the index thread keeps dying over this', { cause }));
    }
  }

  #takeNews({ followId, news }: IndexNews): void {
    const follower = this.#followers.get(followId);
    if (follower === undefined) return;
    if (news.type === 'gone') this.#followers.delete(followId);
    else {
      const { path, end } = news.place;
      follower.params = { ...follower.params, path, end };
      follower.restarts = 0;
    }
    follower.onNews(news);
  }

  /** From where the former thread had come. */
  async #followAgain(follower: Follower): Promise<void> {
    // What was asked of a thread that died is asked again anyway.
    if (follower.isRestarting) return;
    follower.isRestarting = true;
    follower.restarts += 1;
    try {
      if (follower.restarts > MAX_RESTARTS)
        throw new DaemonError('index_lost', 'the index thread keeps dying over this');
      await this.#call('follow', follower.params);
    } catch (error) {
      const isFollowed = this.#followers.delete(follower.params.followId);
      if (isFollowed) follower.onLost(DaemonError.from(error, 'index_lost'));
    } finally {
      follower.isRestarting = false;
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
