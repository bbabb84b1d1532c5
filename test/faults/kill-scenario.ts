// The scenario that the driver began with: lives that end at random moments by SIGKILL. Any thread.
import { describePlan, planKill } from './plan.js';
import type { KillPlan } from './plan.js';
import { makeRandom } from './random.js';
import type { LifePlan, Scenario } from './scenario.js';
import { armTrap } from './trap.js';

export class KillScenario implements Scenario {
  readonly #kills: number;
  readonly #seed: number;

  constructor(kills: number, seed: number) {
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

  describe(): [string, string][] {
    return [];
  }
}

function momentOf({ moment, signal }: KillPlan): LifePlan['moment'] {
  if (moment.type === 'startup' || moment.type === 'resume') return moment;
  return { type: 'work', until: ({ life, proxy }) => armTrap(life, proxy, moment, signal) };
}
