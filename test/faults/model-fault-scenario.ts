// The model's connection breaks, falls silent or carries garbage: its turn ends so, and nobody else sees it. Any thread.
import { checkModelFaults, MODEL_FAULTS } from './check-model-faults.js';
import type { DaemonLife } from './daemon-life.js';
import { LatenessJudge } from './lateness-judge.js';
import type { Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import { slackOf } from './slack.js';
import type { StallMeter } from './stall-meter.js';
import { planStreamStep } from './stream-steps.js';
import type { LoggedConnection } from './told.js';
import type { Violation } from './violation.js';

export interface ModelFaultOptions {
  judgesTimes: boolean;
  faults: number;
  seed: number;
}

/** Milliseconds for which a stream may be silent in these runs. */
export const SILENCE_MS = 400;
/** Two silences with a pause between them, and some. */
const TURN_LIMIT_MS = 3000;
/** The share of steps that meet a fault. */
const FAULT_SHARE = 0.4;
const FAULTS_IN_A_LIFE = 60;

export class ModelFaultScenario implements Scenario {
  readonly #options: ModelFaultOptions;
  readonly #lateness = new LatenessJudge();
  readonly #met = new Map<string, number>();
  /** Steps with a fault, of this life and of those before. */
  #begun = 0;
  #begunBefore = 0;
  #wake: () => void = () => undefined;
  #stalls: StallMeter | null = null;

  constructor(options: ModelFaultOptions) {
    this.#options = options;
  }

  isOver(): boolean {
    return this.#begun >= this.#options.faults;
  }

  progress(): string {
    return `${this.#begun} of ${this.#options.faults} faults of the model`;
  }

  planStep(random: Random): Step {
    if (!random.chance(FAULT_SHARE)) return planStreamStep(random);
    this.#begun += 1;
    this.#wake();
    return { type: 'special', command: random.pick(MODEL_FAULTS).command, during: [] };
  }

  planLife(life: number): LifePlan {
    const signal = makeRandom(this.#options.seed, 'end of life', life).chance(0.3) ? 'SIGTERM' : 'SIGKILL';
    const title = `the model fails, from number ${this.#begun + 1} on; then ${signal}`;
    return { title, signal, moment: { type: 'work', until: (scene) => this.#watch(scene) } };
  }

  inspectLife(life: DaemonLife, connections: readonly LoggedConnection[]): Violation[] {
    const stalls = this.#stalls;
    if (stalls === null) return [];
    const untilMs = life.struck?.atMs ?? Infinity;
    const told = connections.map((connection) => ({
      ...connection,
      messages: connection.messages.filter(({ atMs }) => atMs < untilMs),
    }));
    const slackSince = (fromMs: number) => slackOf(stalls.worstSince(fromMs));
    const { violations, met, windows } = checkModelFaults(told, TURN_LIMIT_MS, slackSince);
    for (const title of met) this.#met.set(title, (this.#met.get(title) ?? 0) + 1);
    this.#lateness.noteLife(connections, windows, stalls, untilMs);
    return violations;
  }

  inspectRun(): Violation[] {
    if (this.#met.size === 0) return [{ kind: 'broken', threadId: null, what: 'no fault of the model met a turn' }];
    return this.#options.judgesTimes ? this.#lateness.inspect() : [];
  }

  describe(): [string, string][] {
    const total = [...this.#met.values()].reduce((sum, count) => sum + count, 0);
    return [
      ['faults of the model', `${this.#begun}, ${total} of them to the end of their turn`],
      ...[...this.#met].sort().map(([title, count]): [string, string] => [`  ${title}`, String(count)]),
      ...this.#lateness.describe(),
    ];
  }

  async #watch({ stalls }: Scene): Promise<void> {
    this.#stalls = stalls;
    this.#begunBefore = this.#begun;
    while (!this.isOver() && this.#begun < this.#begunBefore + FAULTS_IN_A_LIFE) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    // Its last fault is to come to its end, most of the time.
    await new Promise((resolve) => setTimeout(resolve, TURN_LIMIT_MS / 2));
  }
}
