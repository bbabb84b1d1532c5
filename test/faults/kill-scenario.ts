// The scenario that the driver began with: lives that end at random moments by SIGKILL. Any thread.
import type { TempHome } from '../support/temp-home.js';
import { MarkerWatch } from './marker-watch.js';
import { describePlan, planKill, planStep } from './plan.js';
import type { KillPlan, Step } from './plan.js';
import { makeRandom } from './random.js';
import type { Random } from './random.js';
import type { LifePlan, Scenario } from './scenario.js';
import { armTrap } from './trap.js';
import type { Violation } from './violation.js';

/** The share of steps whose model runs a command. */
const COMMAND_STEPS = 0.12;

export class KillScenario implements Scenario {
  readonly #kills: number;
  readonly #seed: number;
  readonly #markers: MarkerWatch;

  constructor(kills: number, seed: number, home: TempHome) {
    this.#markers = new MarkerWatch(home);
    this.#kills = kills;
    this.#seed = seed;
  }

  planLife(life: number): LifePlan {
    const plan = planKill(makeRandom(this.#seed, 'kill', life));
    return { title: describePlan(plan), signal: plan.signal, moment: momentOf(plan) };
  }

  isOver(lives: number): boolean {
    return lives >= this.#kills;
  }

  progress(lives: number): string {
    return `${lives} of ${this.#kills} kills`;
  }

  planStep = (random: Random): Step =>
    random.chance(COMMAND_STEPS) ? this.#markers.planStep(random) : planStep(random);

  inspectLife = (): Violation[] => this.#markers.check();

  describe(): [string, string][] {
    return [['commands that had an effect', String(this.#markers.count)]];
  }
}

function momentOf({ moment, signal }: KillPlan): LifePlan['moment'] {
  if (moment.type === 'startup' || moment.type === 'resume') return moment;
  return { type: 'work', until: ({ life, proxy }) => armTrap(life, proxy, moment, signal) };
}
