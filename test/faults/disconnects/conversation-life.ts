// One conversation from its start to the moment at which all its clients know the same. Main thread.
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireProxy } from '../../support/wire-proxy.js';
import type { WireMessage } from '../byte-log.js';
import type { Random } from '../random.js';
import { makeRandom } from '../random.js';
import type { Violation } from '../violation.js';
import { RequestRefused, WireClient } from '../wire-client.js';
import type { WireClientOptions } from '../wire-client.js';
import { EventLedger } from './event-ledger.js';
import { Follower } from './follower.js';
import type { FollowCounts, FollowerOptions } from './follower.js';
import type { TurnPlan } from './plan-absence.js';
import { Roamer } from './roamer.js';
import type { RoamerOptions } from './roamer.js';

export interface ConversationLifeOptions {
  /** Unique in the run. */
  name: string;
  seed: number;
  clients: number;
  turns: number;
  planTurn: (random: Random) => TurnPlan;
  planConnection: RoamerOptions['planConnection'];
  workspace: string;
  proxy: WireProxy;
  /** Where a client that never leaves connects. */
  target: WireClientOptions;
  counts: FollowCounts;
  isKept: FollowerOptions['isKept'];
  onCut: (cut: Parameters<RoamerOptions['onCut']>[0], isStreaming: boolean) => void;
  /** True when the run has seen enough. */
  isOver: () => boolean;
  /** Of the first client only: what makes it a broken one. */
  swallow?: (message: WireMessage) => boolean;
}

const FIRST_TURN: TurnPlan = { command: 'say hello', interruptAfterMs: null, steerAfterMs: null, pauseMs: 0 };
/** Everyone may lag behind for so long after the last turn. */
const CATCH_UP_MS = 15_000;

/** What is left of a conversation whose clients have gone: for who wants to come back in another life of the daemon. */
export interface Remains {
  threadId: string;
  witness: Follower;
  followers: Follower[];
}

export class ConversationLife {
  readonly #options: ConversationLifeOptions;
  readonly #ledger = new EventLedger();
  readonly #events = new EventEmitter();
  readonly #random: Random;
  readonly violations: Violation[] = [];
  #isStreaming = false;
  #inputs = 0;

  constructor(options: ConversationLifeOptions) {
    this.#options = options;
    this.#random = makeRandom(options.seed, 'conversation', options.name);
    this.#events.setMaxListeners(0);
  }

  /** Resolves when all clients have gone. What was wrong is in `violations`. */
  async live(): Promise<Remains> {
    const { name, target, workspace, clients, turns } = this.#options;
    const witness: { follower: Follower | null } = { follower: null };
    const client = await WireClient.open({
      ...target,
      onMessage: (message, text, { requests }) => {
        if (message.method !== undefined) witness.follower?.takeNotification(message, text);
        else if (requests.get(Number(message.id))?.method === 'thread/start' && message.result !== undefined) {
          witness.follower = this.#follow('witness', (message.result.thread as { id: string }).id);
          witness.follower.takeReply(message.result);
        }
        this.#events.emit('event');
      },
    });
    const { thread } = await client.request('thread/start', { cwd: workspace });
    const threadId = (thread as { id: string }).id;
    const faithful = witness.follower!;
    // There is a file, and something to resume, from the first input on.
    await this.#takeTurn(client, threadId, FIRST_TURN);
    const followers = Array.from({ length: clients }, (_, index) => this.#follow(`client ${index}`, threadId));
    const roamers = followers.map((follower, index) => this.#makeRoamer(follower, threadId, index));
    const roaming = Promise.all(roamers.map((roamer) => roamer.roam()));
    try {
      for (let turn = 0; turn < turns && !this.#options.isOver(); turn += 1) {
        await Promise.race([this.#takeTurn(client, threadId, this.#options.planTurn(this.#random)), roaming]);
      }
    } finally {
      for (const roamer of roamers) roamer.stop();
    }
    await roaming;
    const homes = await Promise.all(roamers.map((roamer) => roamer.comeHome()));
    // A last turn, so that everybody has something to hear.
    await this.#takeTurn(client, threadId, this.#options.planTurn(this.#random));
    for (const follower of followers) {
      if (await this.#catchesUp(follower, faithful)) follower.compareWith(faithful);
      else
        this.#report(
          `client ${name} did not catch up`,
          JSON.stringify(follower.cursor),
          JSON.stringify(faithful.cursor),
        );
    }
    for (const follower of [faithful, ...followers]) this.violations.push(...follower.violations);
    for (const gone of [client, ...homes]) gone.close();
    await Promise.all([client, ...homes].map(({ closed }) => closed));
    return { threadId, witness: faithful, followers };
  }

  #follow(who: string, threadId: string): Follower {
    const { name, counts, isKept } = this.#options;
    return new Follower({ name: `${name} ${who}`, threadId, ledger: this.#ledger, counts, isKept });
  }

  #makeRoamer(follower: Follower, threadId: string, index: number): Roamer {
    const { name, seed, proxy, target, planConnection, onCut, swallow } = this.#options;
    return new Roamer({
      follower,
      threadId,
      proxy,
      target,
      planConnection,
      random: makeRandom(seed, 'client', name, index),
      onCut: (cut) => onCut(cut, this.#isStreaming),
      onEvent: () => this.#events.emit('event'),
      ...(swallow === undefined || index > 0 ? {} : { swallow }),
    });
  }

  async #takeTurn(client: WireClient, threadId: string, plan: TurnPlan): Promise<void> {
    const { turn } = await client.request('turn/start', { threadId, input: this.#input(plan.command) });
    const turnId = (turn as { id: string }).id;
    this.#isStreaming = true;
    await Promise.all([client.turnEnd(turnId), this.#disturb(client, threadId, turnId, plan)]);
    this.#isStreaming = false;
    await sleep(plan.pauseMs);
  }

  /** May come too late for its turn: then the daemon refuses, and that is fine. */
  async #disturb(client: WireClient, threadId: string, turnId: string, plan: TurnPlan): Promise<void> {
    try {
      if (plan.steerAfterMs !== null) {
        await sleep(plan.steerAfterMs);
        await client.request('turn/steer', { threadId, expectedTurnId: turnId, input: this.#input('say also') });
      }
      if (plan.interruptAfterMs !== null) {
        await sleep(plan.interruptAfterMs);
        await client.request('turn/interrupt', { threadId, turnId });
      }
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
    }
  }

  #input(command: string): unknown[] {
    this.#inputs += 1;
    return [`#${this.#options.name}.${this.#inputs} `, command].map((text) => ({
      type: 'text',
      text,
      text_elements: [],
    }));
  }

  async #catchesUp(follower: Follower, witness: Follower): Promise<boolean> {
    const signal = AbortSignal.timeout(CATCH_UP_MS);
    while (follower.cursor?.epoch !== witness.cursor?.epoch || follower.cursor!.seq < witness.cursor!.seq) {
      try {
        await once(this.#events, 'event', { signal });
      } catch {
        return false;
      }
    }
    return true;
  }

  #report(what: string, found: string, told: string): void {
    this.violations.push({ kind: 'broken', threadId: null, what: `${this.#options.name}: ${what}`, found, told });
  }
}
