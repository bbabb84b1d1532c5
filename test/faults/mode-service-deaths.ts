// --writer-deaths N, --index-deaths N: the threads that write and that read for all conversations die. Main thread.
import type { WayToDie } from './inject/orders.js';
import type { FaultMode } from './mode.js';
import { PRELOAD_ARGS } from './order-line.js';
import { runScenario } from './run-scenario.js';
import { ServiceDeathScenario } from './service-death-scenario.js';

const WAYS: readonly WayToDie[] = ['heap', 'throw', 'exit', 'reject', 'spin'];
/** Little heap, so that it is full soon, and an early look at who does not answer. */
const ENV = { ROLLOUTD_FAULTS_HEAP_MB: '64' };
const ARGS = ['-c', 'worker_stuck_secs=2'];

export const WRITER_DEATHS = serviceDeaths('writer', 8, 8);
export const INDEX_DEATHS = serviceDeaths('index', 8, 16);

function serviceDeaths(role: 'writer' | 'index', share: number, mostInALife: number): FaultMode {
  const name = `${role}-deaths`;
  return {
    name,
    share,
    run: async ({ count, ...run }) => {
      const options = { role, deaths: count, seed: run.seed, ways: WAYS, mostInALife, judgesTimes: run.judgesTimes };
      const scenario = () => new ServiceDeathScenario(options);
      const title = `deaths of the ${role}: ${count}`;
      const result = await runScenario(
        { ...run, title, scenario, nodeArgs: PRELOAD_ARGS, args: ARGS, env: () => ENV },
        `--${name} ${count}`,
      );
      return result.violations.length === 0;
    },
  };
}
