// What goes on during a soak: conversations with turns, clients that come and go, unloads, reads and lists. Main thread.
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConversationLife } from '../faults/disconnects/conversation-life.js';
import { emptyCounts } from '../faults/disconnects/follower.js';
import type { FollowCounts } from '../faults/disconnects/follower.js';
import { isSurelyKept } from '../faults/disconnects/kept.js';
import { FOUND_WITHIN_MS, HalfOpen } from '../faults/disconnects/half-open.js';
import { planConnection, planTurn } from '../faults/disconnects/plan-absence.js';
import type { ConnectionPlan, TurnPlan } from '../faults/disconnects/plan-absence.js';
import { makeRandom } from '../faults/random.js';
import type { Random } from '../faults/random.js';
import type { Violation } from '../faults/violation.js';
import { WireClient } from '../faults/wire-client.js';
import type { WireClientOptions } from '../faults/wire-client.js';
import type { WireProxy } from '../support/wire-proxy.js';

export interface SoakLoadOptions {
  conversations: number;
  seed: number;
  workspace: string;
  proxy: WireProxy;
  target: WireClientOptions;
}

export interface SoakCounts {
  conversations: number;
  turns: number;
  disconnects: number;
  unloads: number;
  reads: number;
  follows: FollowCounts;
}

/** Turns of a conversation before it is deleted and another takes its place: what there is stays as much as it is. */
const TURNS = { least: 4, most: 10 };
const READ_EVERY_MS = 500;
/** A client whose connection fell silent is there until the daemon finds out. */
const UNLOADED_WITHIN_MS = FOUND_WITHIN_MS + 10_000;

/** Must be stopped. */
export class SoakLoad {
  readonly counts: SoakCounts = {
    conversations: 0,
    turns: 0,
    disconnects: 0,
    unloads: 0,
    reads: 0,
    follows: emptyCounts(),
  };
  readonly violations: Violation[] = [];
  readonly #options: SoakLoadOptions;
  readonly #halfOpen = new HalfOpen(true);
  readonly #closings = new EventEmitter();
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor(options: SoakLoadOptions) {
    this.#options = options;
    this.#closings.setMaxListeners(0);
    this.#running = this.#run();
  }

  /** Resolves when all conversations of the load have ended and all their clients have gone. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await this.#halfOpen.settle();
  }

  async #run(): Promise<void> {
    const reader = await WireClient.open({
      ...this.#options.target,
      onMessage: ({ method, params }) => {
        if (method === 'thread/closed') this.#closings.emit(String(params?.threadId));
      },
    });
    const lanes = Array.from({ length: this.#options.conversations }, (_, lane) => this.#serve(lane, reader));
    await Promise.all([...lanes, this.#readAround(reader)]);
    reader.close();
    await reader.closed;
  }

  /** One conversation after the other. */
  async #serve(lane: number, reader: WireClient): Promise<void> {
    const { seed, workspace, proxy, target } = this.#options;
    for (let index = 0; !this.#isOver; index += 1) {
      const name = `s${lane + 1}.${index + 1}`;
      const random = makeRandom(seed, 'lane', name);
      // Not all at once.
      if (index === 0) await sleep(random.int(0, 3_000));
      const life = new ConversationLife({
        name,
        seed,
        clients: 1,
        turns: random.int(TURNS.least, TURNS.most),
        planTurn: (turnRandom) => this.#planTurn(turnRandom),
        planConnection: planCalmConnection,
        workspace,
        proxy,
        target,
        counts: this.counts.follows,
        isKept: isSurelyKept,
        onCut: ({ how, connection, plan }) => {
          this.counts.disconnects += 1;
          if (how === 'silent' && connection !== null) this.#halfOpen.add(connection, plan.resetMs);
        },
        isOver: () => this.#isOver,
      });
      this.counts.conversations += 1;
      try {
        const { threadId } = await life.live();
        await this.#wakeAndDelete(reader, threadId);
      } catch (error) {
        this.violations.push({ kind: 'broken', threadId: null, what: `${name}: ${String(error)}` });
        // Something is wrong with the daemon: the report matters more than the load.
        if (this.violations.length > 20) this.#isOver = true;
      }
      this.violations.push(...life.violations);
    }
  }

  /** Unloaded for want of clients, loaded again, and gone for good. */
  async #wakeAndDelete(reader: WireClient, threadId: string): Promise<void> {
    await once(this.#closings, threadId, { signal: AbortSignal.timeout(UNLOADED_WITHIN_MS) });
    this.counts.unloads += 1;
    await reader.request('thread/resume', { threadId });
    const closed = once(this.#closings, threadId, { signal: AbortSignal.timeout(UNLOADED_WITHIN_MS) });
    await reader.request('thread/unsubscribe', { threadId });
    await closed;
    this.counts.unloads += 1;
    await reader.request('thread/delete', { threadId });
  }

  async #readAround(reader: WireClient): Promise<void> {
    while (!this.#isOver) {
      const { data } = await reader.request('thread/list', { limit: 25 });
      await reader.request('thread/loaded/list', {});
      const [first] = data as { id: string }[];
      if (first !== undefined) {
        // It may be deleted meanwhile.
        await reader.request('thread/read', { threadId: first.id, includeTurns: true }).catch(() => {});
        await reader.request('thread/turns/list', { threadId: first.id, limit: 5 }).catch(() => {});
      }
      this.counts.reads += 1;
      await sleep(READ_EVERY_MS);
    }
  }

  /** The turns of the fault driver, at the pace of a model. */
  #planTurn(random: Random): TurnPlan {
    this.counts.turns += 1;
    const plan = planTurn(random);
    const pauseMs = random.int(0, 2_000);
    if (!plan.command.startsWith('deltas')) return { ...plan, pauseMs };
    return {
      ...plan,
      command: `deltas ${random.int(20, 80)} ${random.pick([8, 16, 60])} ${random.int(20, 50)}`,
      pauseMs,
    };
  }
}

function planCalmConnection(random: Random): ConnectionPlan {
  const plan = planConnection(random);
  if (plan.moment.type !== 'timer' && plan.moment.type !== 'message') return plan;
  return { ...plan, moment: { type: 'timer', afterMs: random.int(200, 6_000) } };
}
