// The disk fails under streaming conversations, for one file or for all, and mends again without a restart. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDiskFault } from './check-disk.js';
import type { DiskOutage } from './check-disk.js';
import type { DaemonLife } from './daemon-life.js';
import type { DiskFault } from './inject/orders.js';
import { describeTimes } from './lateness.js';
import { LatenessJudge } from './lateness-judge.js';
import { NextTurns } from './next-turns.js';
import type { Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import type { StallMeter } from './stall-meter.js';
import { planStreamStep } from './stream-steps.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';
import type { RequestRefused } from './wire-client.js';

/** A disk that can really be full. */
export interface SmallDisk {
  /** Leaves no room. */
  fill(): void;
  /** Makes room again. */
  empty(): void;
}

export interface DiskScenarioOptions {
  judgesTimes: boolean;
  faults: number;
  seed: number;
  /** Null where none can be had: then only the layer fails. */
  disk: SmallDisk | null;
}

const FAULTS_IN_A_LIFE = 8;
const SET_PATIENCE_MS = 5000;
/** When the disk is well again, so is every conversation, within this time. */
const MENDED_MS = 2000;

interface DiskPlan {
  title: string;
  at: DiskFault['at'];
  errno: DiskFault['errno'];
}

const PLANS: readonly DiskPlan[] = [
  { title: 'no space', at: 'write', errno: 'ENOSPC' },
  { title: 'half a write, then no space', at: 'half', errno: 'ENOSPC' },
  { title: 'write errors', at: 'write', errno: 'EIO' },
  { title: 'half a write, then an error', at: 'half', errno: 'EIO' },
  { title: 'sync errors', at: 'sync', errno: 'EIO' },
  { title: 'read-only', at: 'write', errno: 'EROFS' },
];
/** The share of faults that meet all files. */
const ALL_SHARE = 0.35;
/** Of those, the share that really fills the disk. */
const FULL_SHARE = 0.5;

export class DiskScenario implements Scenario {
  readonly #options: DiskScenarioOptions;
  readonly #byTitle = new Map<string, number>();
  readonly #nextTurns = new NextTurns({
    limitMs: MENDED_MS,
    countsFrom: 'stepEnd',
    isMet: () => true,
    mayRefuse: ({ reason }) => reason === 'rollout_write_failed',
  });
  #outages: DiskOutage[] = [];
  #count = 0;
  #failures = 0;
  readonly #lateness = new LatenessJudge();
  #stalls: StallMeter | null = null;

  constructor(options: DiskScenarioOptions) {
    this.#options = options;
  }

  isOver(): boolean {
    return this.#count >= this.#options.faults;
  }

  progress(): string {
    return `${this.#count} of ${this.#options.faults} faults of the disk`;
  }

  planStep(random: Random): Step {
    return planStreamStep(random);
  }

  planLife(life: number): LifePlan {
    const signal = makeRandom(this.#options.seed, 'end of life', life).chance(0.3) ? 'SIGTERM' : 'SIGKILL';
    const title = `the disk fails, from number ${this.#count + 1} on; then ${signal}`;
    return { title, signal, moment: { type: 'work', until: (scene) => this.#failAll(scene) } };
  }

  tolerates({ reason }: RequestRefused): boolean {
    return reason === 'rollout_write_failed';
  }

  async onStepEnd(...step: Parameters<NextTurns['tryAfter']>): Promise<void> {
    await this.#nextTurns.tryAfter(...step);
  }

  inspectLife(life: DaemonLife, connections: readonly LoggedConnection[]): Violation[] {
    const outages = this.#outages;
    this.#outages = [];
    const windows = outages.map(({ title, ...outage }) => ({ what: title, ...outage }));
    const untilMs = life.struck?.atMs ?? Infinity;
    if (this.#stalls !== null) this.#lateness.noteLife(connections, windows, this.#stalls, untilMs);
    return outages.flatMap((outage) => {
      const { failures, violations } = checkDiskFault(outage, connections);
      this.#failures += failures;
      return violations;
    });
  }

  inspectRun(): Violation[] {
    const isTried = this.#failures > 0 && this.#nextTurns.doneAfterMs.length > 0;
    if (isTried) return this.#options.judgesTimes ? this.#lateness.inspect() : [];
    return [{ kind: 'broken', threadId: null, what: 'no fault of the disk met a turn' }];
  }

  describe(): [string, string][] {
    return [
      ['faults of the disk', String(this.#count)],
      ...[...this.#byTitle].sort().map(([title, count]): [string, string] => [`  ${title}`, String(count)]),
      ['turns that failed by them', String(this.#failures)],
      ['next turn was done after', describeTimes(this.#nextTurns.doneAfterMs)],
      ...this.#lateness.describe(),
    ];
  }

  async #failAll(scene: Scene): Promise<void> {
    this.#stalls = scene.stalls;
    await scene.life.orders.waitForThread('writer', SET_PATIENCE_MS);
    for (let inLife = 0; inLife < FAULTS_IN_A_LIFE && !this.isOver(); inLife += 1) {
      const random = makeRandom(this.#options.seed, 'disk', this.#count + 1);
      await sleep(random.int(50, 500));
      if (!(await this.#failOnce(scene, random))) return;
    }
  }

  async #failOnce(scene: Scene, random: Random): Promise<boolean> {
    const started = scene.conversations.flatMap(({ told }) => (told === null ? [] : [told.threadId]));
    if (started.length === 0) return true;
    const victims = random.chance(ALL_SHARE) ? started : [random.pick(started)];
    const { disk } = this.#options;
    const isFull = disk !== null && victims.length > 1 && random.chance(FULL_SHARE);
    const plan = random.pick(PLANS);
    const title = `${isFull ? 'a full disk' : plan.title}, ${victims.length > 1 ? 'all files' : 'one file'}`;
    this.#count += 1;
    this.#byTitle.set(title, (this.#byTitle.get(title) ?? 0) + 1);
    const fault = { errno: plan.errno, at: plan.at, path: victims.length > 1 ? null : victims[0]! };
    const fromMs = performance.now();
    if (isFull) disk.fill();
    else if (!(await this.#set(scene, [fault]))) return false;
    await sleep(random.int(50, 800));
    disk?.empty();
    if (!(await this.#set(scene, []))) return false;
    const mendedMs = performance.now();
    this.#nextTurns.expect(scene, victims, mendedMs, title);
    await this.#nextTurns.settle();
    this.#outages.push({ title, victims, fromMs, untilMs: performance.now() });
    return true;
  }

  async #set({ life, report }: Scene, faults: DiskFault[]): Promise<boolean> {
    if (await life.orders.setDiskFaults(faults, SET_PATIENCE_MS)) return true;
    report([{ kind: 'broken', threadId: null, what: 'there is no writer', found: life.stderr.slice(-2000) }]);
    return false;
  }
}
