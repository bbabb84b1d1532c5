// A client that loses its connection again and again, and comes back to where it was. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireConnection, WireProxy } from '../../support/wire-proxy.js';
import type { WireMessage } from '../byte-log.js';
import type { Random } from '../random.js';
import { ConnectionLost, WireClient } from '../wire-client.js';
import type { WireClientOptions } from '../wire-client.js';
import type { Cursor } from './event-ledger.js';
import type { Follower } from './follower.js';
import type { ConnectionPlan } from './plan-absence.js';

export interface RoamerOptions {
  follower: Follower;
  threadId: string;
  random: Random;
  planConnection: (random: Random) => ConnectionPlan;
  proxy: WireProxy;
  target: WireClientOptions;
  /** Called for each connection that was cut. */
  onCut: (cut: { how: ConnectionPlan['how']; connection: WireConnection | null; plan: ConnectionPlan }) => void;
  /** Called after each message. */
  onEvent: () => void;
  /** What a broken client does to what it is given; true keeps it from the follower. */
  swallow?: (message: WireMessage) => boolean;
}

export class Roamer {
  readonly #options: RoamerOptions;
  #client: WireClient | null = null;
  #connection: WireConnection | null = null;
  /** Called for each message that comes after the reply to thread/resume. */
  #onFollowed: () => void = () => {};
  #isStopping = false;

  constructor(options: RoamerOptions) {
    this.#options = options;
  }

  /** Comes and goes until stop() was called. Rejects when the daemon refuses it, or does not answer. */
  async roam(): Promise<void> {
    while (!this.#isStopping) {
      const plan = this.#options.planConnection(this.#options.random);
      await this.#visit(plan);
      if (!this.#isStopping) await sleep(plan.awayMs);
    }
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** One last connection, that nobody cuts; it is the caller's to close. */
  async comeHome(): Promise<WireClient> {
    const { follower } = this.#options;
    const client = await this.#open(() => {});
    await this.#resume(client, follower.claim);
    return client;
  }

  /** One connection from its beginning to its end. */
  async #visit(plan: ConnectionPlan): Promise<void> {
    const { moment } = plan;
    const before = this.#client;
    const cut = () => this.#cut(plan);
    try {
      const client = await this.#open(() => {
        if (moment.type === 'greeting') setTimeout(cut, moment.afterMs);
      });
      // Nothing would come any more that could be cut in two.
      if (plan.how === 'midRequest') cut();
      const answered = this.#resume(client, this.#claimOf(plan));
      if (moment.type === 'resuming' && plan.how !== 'midRequest') setTimeout(cut, moment.afterMs);
      await answered;
      if (moment.type === 'timer') setTimeout(cut, moment.afterMs);
      if (moment.type === 'message') this.#cutAtMessage(moment, cut);
    } catch (error) {
      // Without a connection there was nothing to cut.
      if (!(error instanceof ConnectionLost) || this.#client === before) throw error;
    }
    await this.#client?.closed;
    this.#onFollowed = () => {};
  }

  async #open(onConnected: () => void): Promise<WireClient> {
    const { target, proxy } = this.#options;
    return WireClient.open({
      ...target,
      url: proxy.url,
      onConnected: (client) => {
        this.#client = client;
        this.#options.follower.reconnect();
        this.#connection = proxy.find(client.clientPort);
        onConnected();
      },
      onMessage: (message, text, client) => this.#take(message, text, client),
    });
  }

  #resume(client: WireClient, claim: Cursor | null): Promise<unknown> {
    const { follower, threadId } = this.#options;
    follower.ask(claim);
    const after = claim === null ? {} : { afterEpoch: claim.epoch, afterSeq: claim.seq };
    return client.request('thread/resume', { threadId, ...after });
  }

  #claimOf({ claim }: ConnectionPlan): Cursor | null {
    const honest = this.#options.follower.claim;
    if (honest === null || claim === 'nothing') return null;
    if (claim === 'otherEpoch') return { ...honest, epoch: `${honest.epoch}-of-another-life` };
    return claim === 'ahead' ? { ...honest, seq: honest.seq + 1_000_000 } : honest;
  }

  #take(message: WireMessage, text: string, client: WireClient): void {
    // What still comes on a connection that was given up is not seen any more.
    if (client !== this.#client) return;
    this.#follow(message, text, client);
    this.#options.onEvent();
  }

  #follow(message: WireMessage, text: string, client: WireClient): void {
    const { follower, swallow } = this.#options;
    if (message.method === undefined) {
      const isResume = client.requests.get(Number(message.id))?.method === 'thread/resume';
      if (isResume && message.result !== undefined) follower.takeReply(message.result);
      return;
    }
    if (swallow?.(message) !== true) follower.takeNotification(message, text);
    this.#onFollowed();
  }

  #cutAtMessage({ nth, latestMs }: { nth: number; latestMs: number }, cut: () => void): void {
    let left = nth;
    const latest = setTimeout(cut, latestMs);
    this.#onFollowed = () => {
      left -= 1;
      if (left > 0) return;
      clearTimeout(latest);
      this.#onFollowed = () => {};
      cut();
    };
  }

  #cut(plan: ConnectionPlan): void {
    const client = this.#client;
    const connection = this.#connection;
    if (client === null) return;
    this.#options.onCut({ how: plan.how, connection, plan });
    if (plan.how === 'leave' || connection === null) client.close();
    else connection.cut(plan.how, plan.share);
    if (plan.how === 'silent') {
      setTimeout(() => client.drop(), plan.giveUpMs);
    } else if (plan.how === 'midFrame' || plan.how === 'midRequest') {
      // There may be nothing left to cut in two.
      const late = setTimeout(() => connection?.cut('reset'), plan.giveUpMs);
      void client.closed.then(() => clearTimeout(late));
    }
  }
}
