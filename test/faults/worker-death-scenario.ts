// Session workers die under streaming conversations, several in each life of the daemon. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDeath, REVIVAL_MS } from './check-death.js';
import type { Death } from './check-death.js';
import type { DaemonLife } from './daemon-life.js';
import type { WayToDie } from './inject/orders.js';
import { percentile } from './lateness.js';
import type { DaemonThread } from './order-line.js';
import type { Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import { planStreamStep } from './stream-steps.js';
import type { LoggedConnection, ToldThread } from './told.js';
import type { Violation } from './violation.js';
import type { RequestRefused, TurnEnd, WireClient } from './wire-client.js';
import { startTurn } from './workload.js';
import type { Conversation } from './workload.js';

export interface WorkerDeathOptions {
  deaths: number;
  seed: number;
  /** Ways to die, taken with equal chances. */
  ways: readonly WayToDie[];
}

/** A conversation that dies more often within a minute is given up, as it should be: the driver stays below. */
const MAX_DEATHS_OF_ONE = 3;
const MAX_DEATHS_OF_A_LIFE = 8;
/** An endless loop is only found after a while, and a heap takes a while to fill. */
const DEATH_PATIENCE_MS = 30_000;
const SETTLE_PATIENCE_MS = 15_000;
/** A new worker takes a while to have conversations. */
const VICTIM_TRIES = 20;
const VICTIM_PAUSE_MS = 50;

export class WorkerDeathScenario implements Scenario {
  readonly #options: WorkerDeathOptions;
  readonly #deathsByWay = new Map<WayToDie, number>();
  readonly #deaths: Death[] = [];
  #count = 0;
  #turnsCut = 0;
  #endedAfterMs: number[] = [];
  #nextTurnAfterMs: number[] = [];
  #lateMs: number[] = [];
  /** The last death by conversation, while its next turn has not been tried. */
  readonly #untried = new Map<string, Death>();
  #tried: () => void = () => undefined;
  #scene: Scene | null = null;

  constructor(options: WorkerDeathOptions) {
    this.#options = options;
  }

  isOver(): boolean {
    return this.#count >= this.#options.deaths;
  }

  progress(): string {
    return `${this.#count} of ${this.#options.deaths} worker deaths`;
  }

  planStep(random: Random): Step {
    return planStreamStep(random);
  }

  planLife(life: number): LifePlan {
    const signal = makeRandom(this.#options.seed, 'end of life', life).chance(0.3) ? 'SIGTERM' : 'SIGKILL';
    const title = `session workers die, from number ${this.#count + 1} on; then ${signal}`;
    return { title, signal, moment: { type: 'work', until: (scene) => this.#strikeAll(scene) } };
  }

  tolerates({ reason }: RequestRefused): boolean {
    // The request was under way when the worker died.
    return reason === 'worker_lost';
  }

  /** The next turn after a death is a short one, and has to work in time. */
  async onStepEnd(
    conversation: Conversation,
    told: ToldThread,
    client: WireClient,
    end: TurnEnd | null,
  ): Promise<void> {
    const death = this.#untried.get(told.threadId);
    if (death === undefined) return;
    this.#untried.delete(told.threadId);
    if (end?.error?.additionalDetails === 'worker_lost') {
      const next = await client.turnEnd(await startTurn(conversation, told, client, 'say alive'));
      const afterMs = performance.now() - death.deadAtMs;
      this.#nextTurnAfterMs.push(afterMs);
      this.#checkNextTurn(told.threadId, death, next, afterMs);
    }
    this.#tried();
  }

  inspectLife(_life: DaemonLife, connections: readonly LoggedConnection[]): Violation[] {
    const deaths = this.#deaths.splice(0);
    return deaths.flatMap((death) => {
      const findings = checkDeath(death, connections);
      this.#turnsCut += findings.turnsCut;
      this.#endedAfterMs.push(...findings.endedAfterMs);
      this.#lateMs.push(...findings.lateMs);
      return findings.violations;
    });
  }

  describe(): [string, string][] {
    const ways = [...this.#deathsByWay].sort().map(([way, count]) => `${way} ${count}`);
    return [
      ['worker deaths', `${this.#count} (${ways.join(', ')})`],
      ['turns cut by them', String(this.#turnsCut)],
      ['  told to have failed after', describeTimes(this.#endedAfterMs)],
      ['  next turn was done after', describeTimes(this.#nextTurnAfterMs)],
      ['deltas of other workers around deaths', String(this.#lateMs.length)],
      ['  late by', describeTimes(this.#lateMs)],
    ];
  }

  async #strikeAll(scene: Scene): Promise<void> {
    this.#scene = scene;
    const deathsOf = new Map<string, number>();
    for (let inLife = 0; inLife < MAX_DEATHS_OF_A_LIFE && !this.isOver(); inLife += 1) {
      const random = makeRandom(this.#options.seed, 'worker death', this.#count + 1);
      await sleep(random.int(50, 700));
      const victim = await waitForVictim(scene, deathsOf, random);
      if (victim === null) return;
      const death = await this.#strike(scene, victim, random.pick(this.#options.ways));
      if (death === null) return;
      for (const id of death.hosted) deathsOf.set(id, (deathsOf.get(id) ?? 0) + 1);
      await this.#settle(scene, death);
    }
  }

  async #strike(scene: Scene, victim: DaemonThread, way: WayToDie): Promise<Death | null> {
    const { orders } = scene.life;
    const former = this.#deaths.at(-1);
    const orderedAtMs = performance.now();
    if (former !== undefined) former.untilMs = orderedAtMs;
    orders.die(victim, way);
    this.#count += 1;
    this.#deathsByWay.set(way, (this.#deathsByWay.get(way) ?? 0) + 1);
    if (!(await orders.waitForExit(victim, DEATH_PATIENCE_MS))) {
      const what = `a worker was still there ${DEATH_PATIENCE_MS} ms after an order to die (${way})`;
      scene.report([{ kind: 'broken', threadId: null, what, found: scene.life.stderr.slice(-2000) }]);
      return null;
    }
    const hosted = victim.hostedAtExit;
    const deadAtMs = victim.exitedAtMs!;
    const death = { way, orderedAtMs, deadAtMs, untilMs: Infinity, hosted, slackMs: 0 };
    this.#deaths.push(death);
    for (const id of hosted) this.#untried.set(id, death);
    return death;
  }

  /** Until the next turn of each of its conversations was tried. */
  async #settle({ stalls }: Scene, death: Death): Promise<void> {
    const deadline = performance.now() + SETTLE_PATIENCE_MS;
    while (this.#untried.size > 0 && performance.now() < deadline) {
      await Promise.race([new Promise<void>((resolve) => (this.#tried = resolve)), sleep(SETTLE_PATIENCE_MS)]);
    }
    this.#untried.clear();
    death.slackMs = slackOf(stalls.worstSince(death.orderedAtMs));
  }

  #checkNextTurn(threadId: string, death: Death, next: TurnEnd, afterMs: number): void {
    const { stalls, report } = this.#scene!;
    const limitMs = REVIVAL_MS + slackOf(stalls.worstSince(death.orderedAtMs));
    if (next.status === 'completed' && afterMs <= limitMs) return;
    const what = `the next turn after a death did not work in time (${death.way})`;
    const found = `${next.status} ${next.error?.message ?? ''} after ${afterMs.toFixed(0)} ms`;
    report([{ kind: 'broken', threadId, what, told: `completed within ${limitMs.toFixed(0)} ms`, found }]);
  }
}

/** What a machine that stalled for so long is given: the daemon stalls as well, and more than once. */
function slackOf(stallMs: number): number {
  return Math.min(400, 2 * stallMs);
}

/** Null when there is none before long: all conversations have died often enough. */
async function waitForVictim(
  scene: Scene,
  deathsOf: ReadonlyMap<string, number>,
  random: Random,
): Promise<DaemonThread | null> {
  for (let tries = 0; tries < VICTIM_TRIES; tries += 1) {
    const victim = chooseVictim(scene, deathsOf, random);
    if (victim !== null) return victim;
    await sleep(VICTIM_PAUSE_MS);
  }
  return null;
}

/** A worker none of whose conversations has died too often. */
function chooseVictim(scene: Scene, deathsOf: ReadonlyMap<string, number>, random: Random): DaemonThread | null {
  const { orders } = scene.life;
  const threads = new Set<DaemonThread>();
  for (const { told } of scene.conversations) {
    const thread = told === null ? null : orders.hostOf(told.threadId);
    if (thread !== null) threads.add(thread);
  }
  const able = [...threads].filter((thread) =>
    orders.hostedBy(thread).every((id) => (deathsOf.get(id) ?? 0) < MAX_DEATHS_OF_ONE),
  );
  return able.length === 0 ? null : random.pick(able);
}

function describeTimes(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  const [median, p99, most] = [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(0));
  return `${median} ms, p99 ${p99} ms, at most ${most} ms`;
}
