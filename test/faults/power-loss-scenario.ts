// Lives that end as if the power had gone: what was not synced is taken away, and what had to be synced must be
// there. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonLife } from './daemon-life.js';
import { planWorkMoment } from './plan.js';
import type { PowerLoss } from './power-loss.js';
import { makeRandom } from './random.js';
import type { LifePlan, Scenario, Scene } from './scenario.js';
import type { ToldThread } from './told.js';
import type { Violation } from './violation.js';
import { armTrap } from './trap.js';

const START_PATIENCE_MS = 10_000;
const START_POLL_MS = 10;

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
    this.#power.settle();
    const { title, moment } = planWorkMoment(makeRandom(this.#seed, 'power loss', life));
    const until = async (scene: Scene) => {
      await whenStarted(scene);
      await armTrap(scene.life, scene.proxy, moment, 'SIGKILL');
    };
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

/** Where a slow machine takes longer to start a conversation than the plan waits, nothing would ever be lost. */
async function whenStarted({ conversations, life }: Scene): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  while (conversations.some(({ told }) => told === null) && life.fault === null && performance.now() < deadline) {
    await sleep(START_POLL_MS);
  }
}
