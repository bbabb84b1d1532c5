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
  /** Opens another connection to the same daemon. Rejects with RpcClientError. */
  connect: () => Promise<RpcClient>;
  /** How long to go on trying after something of the thread was heard last; 0 gives up at once. */
  patienceMs: number;
  /** Everything of the thread in order, nothing twice, unless onResync came in between. */
  onNotification: (notification: ServerNotification) => void;
  /** The connection has ended, and another one is tried. */
  onLost: (closed: ClosedConnection) => void;
  /**
   * What was missed is not known any more: the reply has the last turns, the newest first, and what runs is told again.
   * Called before any notification that follows the reply.
   */
  onResync: (reply: ResultOf<'thread/resume'>) => void;
}

export class FollowedThread {
  readonly threadId: string;
  readonly #options: FollowOptions;
  #client: RpcClient;
  #cursor: EventsCursor | null;
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
    this.#cursor = laterOf(options.cursor, client.lastEvent(options.threadId));
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
    if (epoch !== undefined && seq !== undefined) this.#cursor = { epoch, seq };
    this.#giveUpAt = null;
    this.#options.onNotification(notification);
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
        this.#cursor = reply.eventsCursor;
        onResync(reply);
      });
    } catch (error) {
      await client.close();
      throw error;
    }
    this.#watch(client);
  }
}

function laterOf(one: EventsCursor | null, other: EventsCursor | null): EventsCursor | null {
  return one === null || (other !== null && other.seq > one.seq) ? other : one;
}

/** Whether it may be otherwise in a moment: a daemon that starts, stops, or has too much to do. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof RpcClientError)) return false;
  if (error.kind === 'reply') return error.code === OVERLOADED;
  return error.kind !== 'refused' || error.code === 503;
}
