// The writer's or the index's thread dies under streaming conversations, which must not be told of it. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonLife } from './daemon-life.js';
import type { WayToDie } from './inject/orders.js';
import { LatenessJudge } from './lateness-judge.js';
import type { Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import { Readers } from './readers.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import type { StallMeter } from './stall-meter.js';
import { planStreamStep } from './stream-steps.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';
import type { RequestRefused } from './wire-client.js';

export interface ServiceDeathOptions {
  judgesTimes: boolean;
  role: 'writer' | 'index';
  deaths: number;
  seed: number;
  ways: readonly WayToDie[];
  /** With so many deaths a life is over: the daemon gives up a writer that dies ten times within a minute. */
  mostInALife: number;
}

const THREAD_PATIENCE_MS = 10_000;
/** So long after a death deltas are held to come in time. */
const AFTERMATH_MS = 1000;

interface ServiceDeath {
  way: WayToDie;
  orderedAtMs: number;
  deadAtMs: number;
}

export class ServiceDeathScenario implements Scenario {
  readonly #options: ServiceDeathOptions;
  readonly #deathsByWay = new Map<WayToDie, number>();
  readonly #readers = new Readers();
  #deaths: ServiceDeath[] = [];
  #count = 0;
  readonly #lateness = new LatenessJudge();
  #stalls: StallMeter | null = null;

  constructor(options: ServiceDeathOptions) {
    this.#options = options;
  }

  isOver(): boolean {
    return this.#count >= this.#options.deaths;
  }

  progress(): string {
    return `${this.#count} of ${this.#options.deaths} deaths of the ${this.#options.role}`;
  }

  planStep(random: Random): Step {
    return planStreamStep(random);
  }

  planLife(life: number): LifePlan {
    const { role, seed } = this.#options;
    const signal = makeRandom(seed, 'end of life', life).chance(0.3) ? 'SIGTERM' : 'SIGKILL';
    const title = `the ${role} dies, from number ${this.#count + 1} on; then ${signal}`;
    return { title, signal, moment: { type: 'work', until: (scene) => this.#strikeAll(scene) } };
  }

  tolerates({ reason }: RequestRefused): boolean {
    return this.#options.role === 'index' && reason === 'index_lost';
  }

  inspectLife(life: DaemonLife, connections: readonly LoggedConnection[]): Violation[] {
    const deaths = this.#deaths;
    this.#deaths = [];
    const untilMs = life.struck?.atMs ?? Infinity;
    const windows = deaths.map(({ way, orderedAtMs, deadAtMs }) => ({
      what: `the ${this.#options.role} died: ${way}`,
      fromMs: orderedAtMs,
      untilMs: deadAtMs + AFTERMATH_MS,
      victims: [],
    }));
    if (this.#stalls !== null) this.#lateness.noteLife(connections, windows, this.#stalls, untilMs);
    return tellings(connections, untilMs);
  }

  /** A delta waits behind the facts of its conversation, and those for a writer: only the index may keep nobody waiting. */
  inspectRun(): Violation[] {
    return this.#options.role === 'index' && this.#options.judgesTimes ? this.#lateness.inspect() : [];
  }

  describe(): [string, string][] {
    const ways = [...this.#deathsByWay].sort().map(([way, count]) => `${way} ${count}`);
    const rows: [string, string][] = [
      [`deaths of the ${this.#options.role}`, `${this.#count} (${ways.join(', ')})`],
      ...this.#lateness.describe(),
    ];
    return this.#options.role === 'index' ? [...rows, ...this.#readers.describe()] : rows;
  }

  async #strikeAll(scene: Scene): Promise<void> {
    this.#stalls = scene.stalls;
    const { role, seed, mostInALife, ways } = this.#options;
    const reading = role === 'index' ? this.#readers.read(scene) : null;
    for (let inLife = 0; inLife < mostInALife && !this.isOver(); inLife += 1) {
      const random = makeRandom(seed, `${role} death`, this.#count + 1);
      await sleep(random.int(30, 400));
      if (!(await this.#strike(scene, random.pick(ways)))) break;
    }
    await reading?.stop();
    // While there is no writer nothing keeps what streams: that is known, and not what is tried here.
    await scene.life.orders.waitForThread(role, THREAD_PATIENCE_MS);
    await sleep(AFTERMATH_MS);
  }

  async #strike(scene: Scene, way: WayToDie): Promise<boolean> {
    const { role } = this.#options;
    const { orders, stderr } = scene.life;
    const refuse = (what: string) => {
      scene.report([{ kind: 'broken', threadId: null, what, found: stderr.slice(-2000) }]);
      return false;
    };
    const victim = await orders.waitForThread(role, THREAD_PATIENCE_MS);
    if (victim === null) return refuse(`no ${role} runs any more`);
    const orderedAtMs = performance.now();
    orders.die(victim, way);
    this.#count += 1;
    this.#deathsByWay.set(way, (this.#deathsByWay.get(way) ?? 0) + 1);
    if (!(await orders.waitForExit(victim, THREAD_PATIENCE_MS))) {
      return refuse(`the ${role} was still there ${THREAD_PATIENCE_MS} ms after an order to die (${way})`);
    }
    const deadAtMs = victim.exitedAtMs!;
    this.#deaths.push({ way, orderedAtMs, deadAtMs });
    return true;
  }
}

/** Conversations are told nothing of a thread that is replaced: an error with a code of the daemon, a conversation that closes. */
function tellings(connections: readonly LoggedConnection[], untilMs: number): Violation[] {
  const violations: Violation[] = [];
  for (const { messages } of connections) {
    for (const { message, atMs } of messages) {
      // When the daemon is asked to end, everybody is told.
      if (atMs >= untilMs) break;
      const params = message.params as { threadId?: string; error?: { additionalDetails?: string | null } } | undefined;
      const code = message.method === 'error' ? params?.error?.additionalDetails : null;
      if (!/^[a-z]+_(lost|failed|conflict)$/.test(code ?? '') && message.method !== 'thread/closed') continue;
      const found = code ?? 'thread/closed';
      const what = 'a conversation was told of the death of a thread that is not its own';
      violations.push({ kind: 'broken', threadId: params?.threadId ?? null, what, found });
    }
  }
  return violations;
}
