// A client that does not keep up: until the daemon cuts it off, and back again. Main thread.
import type { WireClientOptions } from '../wire-client.js';
import { ByteClient } from './byte-client.js';
import type { Pace } from './byte-client.js';
import type { Listener } from './listener.js';

/** `deaf`: never reads again. `dozing`: the same, but wakes up when it is cut off. `slow`: reads, but not enough. */
export type SlowKind = 'deaf' | 'dozing' | 'slow';

export const SLOW_KINDS: readonly SlowKind[] = ['deaf', 'dozing', 'slow'];

export interface SlowClientOptions {
  kind: SlowKind;
  name: string;
  listener: Listener;
  target: WireClientOptions;
}

export interface SlowOutcome {
  kind: SlowKind;
  name: string;
  /** When the daemon said that it does not read, in milliseconds from the beginning; null when it never did. */
  cutOffAfterMs: number | null;
  /** How its connection ended, as far as it got to see that. */
  closed: { code: number; reason: string } | null;
  /** Frames that stood for several deltas. */
  joined: number;
  /** When it came back: events that it was given again, and whether it was too many for that. */
  replayed: number;
  resynced: number;
  requests: number;
  replies: number;
  /** Replies that are missing although a later one came. */
  skippedReplies: number;
}

const SLOW_BYTES_A_SECOND = 400_000;
const PACES: Record<SlowKind, Pace> = { deaf: 'none', dozing: 'none', slow: SLOW_BYTES_A_SECOND };
const ASK_EVERY_MS = 250;
/** Longer than the daemon waits for a client to take its last words. */
const DEAF_MS = 8_000;

export class SlowClient {
  readonly listener: Listener;
  readonly #options: SlowClientOptions;
  #client: ByteClient | null = null;
  #asking: NodeJS.Timeout | undefined;
  #openedAt = 0;
  #cutOffAfterMs: number | null = null;
  #closed: SlowOutcome['closed'] = null;
  #joined = 0;

  constructor(options: SlowClientOptions) {
    this.#options = options;
    this.listener = options.listener;
  }

  /** True when its connection has ended. */
  get isOver(): boolean {
    return this.#closed !== null;
  }

  async open(): Promise<void> {
    const { kind, name, listener, target } = this.#options;
    const client = await ByteClient.open(target, name);
    await listener.attach(client);
    client.setPace(PACES[kind]);
    this.#client = client;
    this.#openedAt = performance.now();
    // Whoever does not keep up with what it is told may still want something.
    this.#asking = setInterval(() => void client.request('thread/loaded/list', {}).catch(() => {}), ASK_EVERY_MS);
    void client.closed.then((closed) => {
      clearInterval(this.#asking);
      this.#closed = closed;
    });
  }

  /** The daemon's log, as far as it goes: what it says of clients that do not read. */
  noteLog(log: string): void {
    const { kind, name } = this.#options;
    if (this.#cutOffAfterMs !== null || !log.includes(`"client":"${name}"`)) return;
    this.#cutOffAfterMs = performance.now() - this.#openedAt;
    clearInterval(this.#asking);
    if (kind === 'slow') return;
    setTimeout(() => this.#client?.setPace('all'), kind === 'deaf' ? DEAF_MS : 0);
  }

  /** Takes up again where it was; the connection is the caller's to close. */
  async comeBack(): Promise<ByteClient> {
    const { listener, target, name } = this.#options;
    this.#client!.close();
    await this.#client!.closed;
    this.#joined = listener.joined;
    const again = await ByteClient.open(target, name);
    await listener.attach(again);
    return again;
  }

  outcome(): SlowOutcome {
    const { kind, name, listener } = this.#options;
    const { asked, answered } = this.#client!;
    return {
      kind,
      name,
      cutOffAfterMs: this.#cutOffAfterMs,
      closed: this.#closed,
      joined: this.#joined,
      replayed: listener.replayed,
      resynced: listener.resynced,
      requests: asked.length,
      replies: answered.length,
      skippedReplies: Math.max(0, ...answered) - answered.length,
    };
  }
}
