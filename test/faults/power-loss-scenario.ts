// Lives that end as if the power had gone: what was not synced is taken away, and what had to be synced must be
// there. Main thread.
import type { DaemonLife } from './daemon-life.js';
import { planWorkMoment } from './plan.js';
import type { PowerLoss } from './power-loss.js';
import { makeRandom } from './random.js';
import type { LifePlan, Scenario } from './scenario.js';
import type { ToldThread } from './told.js';
import type { Violation } from './violation.js';
import { armTrap } from './trap.js';

export class PowerLossScenario implements Scenario {
  readonly keepsStreams = false;
  readonly #losses: number;
  readonly #seed: number;
  readonly #power: PowerLoss;
  #count = 0;
  #factsHeld = 0;
  #factsReleased = 0;

  constructor(losses: number, seed: number, power: PowerLoss) {
    this.#losses = losses;
    this.#seed = seed;
    this.#power = power;
  }

  isOver(lives: number): boolean {
    return lives >= this.#losses;
  }

  progress(lives: number): string {
    return `${lives} of ${this.#losses} losses of power`;
  }

  planLife(life: number): LifePlan {
    const { title, moment } = planWorkMoment(makeRandom(this.#seed, 'power loss', life));
    const until: (LifePlan['moment'] & { type: 'work' })['until'] = ({ life: struck, proxy }) =>
      armTrap(struck, proxy, moment, 'SIGKILL');
    return { title: `the power goes ${title}`, signal: 'SIGKILL', moment: { type: 'work', until } };
  }

  async afterLife(life: DaemonLife, threads: ReadonlyMap<string, ToldThread>): Promise<void> {
    if (life.struck?.signal !== 'SIGKILL') return;
    this.#count += 1;
    await this.#power.strike(makeRandom(this.#seed, 'what is lost', life.kill));
    for (const told of threads.values()) {
      const { held, released } = told.releaseUnsynced(life.kill);
      this.#factsHeld += held;
      this.#factsReleased += released;
    }
  }

  inspectRun(): Violation[] {
    const isTried = this.#factsHeld > 0 && this.#power.totals.bytesTaken > 0;
    return isTried ? [] : [{ kind: 'broken', threadId: null, what: 'no loss of power took anything' }];
  }

  describe(): [string, string][] {
    const { bytesTaken, filesTaken, zeroed, journalsTaken } = this.#power.totals;
    return [
      ['losses of power', String(this.#count)],
      ['  bytes taken', `${bytesTaken}, in ${zeroed} files as zeros`],
      ['  new files, journals taken', `${filesTaken}, ${journalsTaken}`],
      ['  facts of the lost lives held', `${this.#factsHeld}, not held ${this.#factsReleased}`],
    ];
  }
}
