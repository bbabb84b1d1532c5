// One thread, followed over connections that break: what was missed comes first, then the rest. Clients, Node and browser.
import type { ResultOf } from '../protocol/methods.js';
import { closedError, RpcClientError } from './rpc-client-error.js';
import type { ClosedConnection } from './rpc-client-error.js';
import { threadIdOf } from './rpc-client.js';
import type { EventsCursor, RpcClient, ServerNotification } from './rpc-client.js';

/** Turns that a reply shows when what was missed is not known any more. */
const SHOWN_TURNS = 5;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;
const OVERLOADED = -32001;

export interface FollowOptions {
  threadId: string;
  /** `eventsCursor` of the reply that subscribed; null when the daemon told none. */
  cursor: EventsCursor | null;
  /** True when that was the reply to thread/start: nothing ran there, so that nothing of it is told behind the reply. */
  isNew: boolean;
  /** Opens another connection to the same daemon. Rejects with RpcClientError. */
  connect: () => Promise<RpcClient>;
  /** How long to go on trying after something of the thread was heard last; 0 gives up at once. */
  patienceMs: number;
  /** Everything of the thread in order, nothing twice, unless onResync came in between. */
  onNotification: (notification: ServerNotification) => void;
  /** The connection has ended, and another one is tried. */
  onLost: (closed: ClosedConnection) => void;
  /**
   * What was missed is not known any more, or nothing had been heard yet (no `reattach` then): the reply has the last turns,
   * the newest first, and what runs is told again.
   * Called before any notification that follows the reply.
   */
  onResync: (reply: ResultOf<'thread/resume'>) => void;
}

export class FollowedThread {
  readonly threadId: string;
  readonly #options: FollowOptions;
  #client: RpcClient;
  /** The last event that was heard behind the reply that subscribed. */
  #cursor: EventsCursor | null = null;
  /** Place of that reply. What ran there is told behind it under the same number, and nothing says that this was all. */
  #subscribedAt: EventsCursor | null;
  /** Settles when the thread is followed, or cannot be any more. */
  #attached: Promise<void> = Promise.resolve();
  #giveUpAt: number | null = null;
  #over = false;
  #fail!: (error: unknown) => void;
  /** Rejects when the thread cannot be followed any more: with kind `closed`, or with what the daemon refused it by. */
  readonly failed: Promise<never>;

  /** `client` is subscribed to the thread already; all clients are closed by close(). */
  constructor(client: RpcClient, options: FollowOptions) {
    this.threadId = options.threadId;
    this.#options = options;
    this.#client = client;
    this.#subscribedAt = options.cursor;
    if (options.isNew) this.#cursor = options.cursor;
    this.#note(client.lastEvent(options.threadId));
    this.failed = new Promise((_resolve, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
    client.onNotification((notification) => this.#hear(notification));
    this.#watch(client);
  }

  /** The connection, once the thread is followed on it. Rejects like `failed`. */
  async client(): Promise<RpcClient> {
    await this.#attached;
    return this.#client;
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#client.close();
  }

  #hear(notification: ServerNotification): void {
    if (threadIdOf(notification) !== this.threadId) return;
    const { epoch, seq } = notification;
    this.#note(epoch === undefined || seq === undefined ? null : { epoch, seq });
    this.#giveUpAt = null;
    this.#options.onNotification(notification);
  }

  #note(event: EventsCursor | null): void {
    if (event !== null && event.seq > (this.#subscribedAt?.seq ?? 0)) this.#cursor = event;
  }

  #watch(client: RpcClient): void {
    void client.closed.then((closed) => {
      if (this.#over) return;
      this.#attached = this.#comeBack(closed);
      this.#attached.catch((error: unknown) => this.#fail(error));
    });
  }

  async #comeBack(closed: ClosedConnection): Promise<void> {
    const { patienceMs, onLost, connect } = this.#options;
    this.#giveUpAt ??= performance.now() + patienceMs;
    if (performance.now() >= this.#giveUpAt) throw closedError(closed);
    onLost(closed);
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LAST_RETRY_MS)) {
      try {
        return await this.#attach(await connect());
      } catch (error) {
        if (!mayPass(error)) throw error;
        if (this.#over || performance.now() + retryMs >= this.#giveUpAt) throw closedError(closed);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #attach(client: RpcClient): Promise<void> {
    const { threadId, onResync } = this.#options;
    this.#client = client;
    if (this.#over) return client.close();
    // What comes before the reply comes again behind it.
    let isAttached = false;
    client.onNotification((notification) => {
      if (isAttached) this.#hear(notification);
    });
    const after = this.#cursor === null ? {} : { afterEpoch: this.#cursor.epoch, afterSeq: this.#cursor.seq };
    const params = {
      threadId,
      excludeTurns: true,
      initialTurnsPage: { limit: SHOWN_TURNS, itemsView: 'full' as const },
      ...after,
    };
    try {
      await client.request('thread/resume', params, (reply) => {
        isAttached = true;
        const type = reply.reattach?.type ?? 'resync';
        if (type !== 'resync') return;
        this.#cursor = null;
        this.#subscribedAt = reply.eventsCursor;
        onResync(reply);
      });
    } catch (error) {
      await client.close();
      throw error;
    }
    this.#watch(client);
  }
}

/** Whether it may be otherwise in a moment: a daemon that starts, stops, or has too much to do. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof RpcClientError)) return false;
  if (error.kind === 'reply') return error.code === OVERLOADED;
  return error.kind !== 'refused' || error.code === 503;
}
