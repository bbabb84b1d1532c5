// Session workers die under streaming conversations, several in each life of the daemon. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDeath, REVIVAL_MS } from './check-death.js';
import type { Death } from './check-death.js';
import type { DaemonLife } from './daemon-life.js';
import type { WayToDie } from './inject/orders.js';
import { describeTimes } from './lateness.js';
import { LatenessJudge } from './lateness-judge.js';
import { NextTurns } from './next-turns.js';
import type { DaemonThread } from './order-line.js';
import type { Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import { slackOf } from './slack.js';
import type { StallMeter } from './stall-meter.js';
import { planStreamStep } from './stream-steps.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';
import type { RequestRefused, TurnEnd } from './wire-client.js';
import type { Conversation } from './workload.js';

export interface WorkerDeathOptions {
  judgesTimes: boolean;
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
/** So long after a death its consequences are still about. */
const AFTERMATH_MS = 1500;
/** A new worker takes a while to have conversations. */
const VICTIM_TRIES = 200;
const VICTIM_PAUSE_MS = 50;

export class WorkerDeathScenario implements Scenario {
  readonly #options: WorkerDeathOptions;
  readonly #deathsByWay = new Map<WayToDie, number>();
  readonly #deaths: Death[] = [];
  readonly #nextTurns = new NextTurns({
    limitMs: REVIVAL_MS,
    countsFrom: 'fault',
    isMet: (end) => errorOf(end) === 'worker_lost',
  });
  #count = 0;
  #turnsCut = 0;
  #endedAfterMs: number[] = [];
  readonly #lateness = new LatenessJudge();
  #stalls: StallMeter | null = null;

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

  async onStepEnd(...step: Parameters<NextTurns['tryAfter']>): Promise<void> {
    await this.#nextTurns.tryAfter(...step);
  }

  inspectLife(life: DaemonLife, connections: readonly LoggedConnection[]): Violation[] {
    const deaths = this.#deaths.splice(0);
    const last = deaths.at(-1);
    if (last === undefined) return [];
    last.untilMs = life.struck?.atMs ?? Infinity;
    const windows = deaths.map(({ way, orderedAtMs, deadAtMs, hosted }) => ({
      what: `a worker died: ${way}`,
      fromMs: orderedAtMs,
      untilMs: deadAtMs + AFTERMATH_MS,
      victims: hosted,
    }));
    this.#lateness.noteLife(connections, windows, this.#stalls!, life.struck?.atMs ?? Infinity);
    return deaths.flatMap((death) => {
      const findings = checkDeath(death, connections);
      this.#turnsCut += findings.turnsCut;
      this.#endedAfterMs.push(...findings.endedAfterMs);
      return findings.violations;
    });
  }

  inspectRun(): Violation[] {
    const isTried = this.#turnsCut > 0 && this.#nextTurns.doneAfterMs.length > 0 && this.#lateness.hasTried;
    if (isTried) return this.#options.judgesTimes ? this.#lateness.inspect() : [];
    return [{ kind: 'broken', threadId: null, what: 'no death met a turn while others streamed' }];
  }

  describe(): [string, string][] {
    const ways = [...this.#deathsByWay].sort().map(([way, count]) => `${way} ${count}`);
    return [
      ['worker deaths', `${this.#count} (${ways.join(', ')})`],
      ['turns cut by them', String(this.#turnsCut)],
      ['  told to have failed after', describeTimes(this.#endedAfterMs)],
      ['  next turn was done after', describeTimes(this.#nextTurns.doneAfterMs)],
      ...this.#lateness.describe(),
    ];
  }

  async #strikeAll(scene: Scene): Promise<void> {
    this.#stalls = scene.stalls;
    const deathsOf = new Map<string, number>();
    for (let inLife = 0; inLife < MAX_DEATHS_OF_A_LIFE && !this.isOver(); inLife += 1) {
      const random = makeRandom(this.#options.seed, 'worker death', this.#count + 1);
      await sleep(random.int(50, 700));
      const victim = await waitForVictim(scene, deathsOf, random);
      if (victim === null) return;
      const death = await this.#strike(scene, victim, random.pick(this.#options.ways));
      if (death === null) return;
      for (const id of death.hosted) deathsOf.set(id, (deathsOf.get(id) ?? 0) + 1);
      // A worker keeps some that nobody works with any more: those take no turn.
      const working = death.hosted.filter((id) => scene.conversations.some(({ told }) => told?.threadId === id));
      this.#nextTurns.expect(scene, working, death.deadAtMs, death.way);
      await this.#nextTurns.settle();
      death.slackMs = slackOf(scene.stalls.worstSince(death.orderedAtMs));
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
    return death;
  }
}

function errorOf(end: TurnEnd | null): string | null {
  return end?.error?.additionalDetails ?? null;
}

/** Null when all conversations have died often enough, or none gets a worker for long. */
async function waitForVictim(
  scene: Scene,
  deathsOf: ReadonlyMap<string, number>,
  random: Random,
): Promise<DaemonThread | null> {
  for (let tries = 0; tries < VICTIM_TRIES; tries += 1) {
    const able = chooseAble(scene, deathsOf);
    if (able.length > 0) return random.pick(able);
    const isTired = ({ told }: Conversation) =>
      told !== null && (deathsOf.get(told.threadId) ?? 0) >= MAX_DEATHS_OF_ONE;
    if (scene.conversations.some(isTired)) return null;
    await sleep(VICTIM_PAUSE_MS);
  }
  return null;
}

/** Workers none of whose conversations has died too often. */
function chooseAble(scene: Scene, deathsOf: ReadonlyMap<string, number>): DaemonThread[] {
  const { orders } = scene.life;
  const threads = new Set<DaemonThread>();
  for (const { told } of scene.conversations) {
    const thread = told === null ? null : orders.hostOf(told.threadId);
    if (thread !== null) threads.add(thread);
  }
  return [...threads].filter((thread) =>
    orders.hostedBy(thread).every((id) => (deathsOf.get(id) ?? 0) < MAX_DEATHS_OF_ONE),
  );
}
