// --worker-deaths N: session workers die, half of them with workers that conversations share. Main thread.
import type { WayToDie } from './inject/orders.js';
import type { FaultMode } from './mode.js';
import { PRELOAD_ARGS } from './order-line.js';
import { runScenario } from './run-scenario.js';
import { WorkerDeathScenario } from './worker-death-scenario.js';

/** So that none of it takes long: little heap, an early look at who does not answer, little memory in all. */
const LIMITS = ['-c', 'worker_heap_mb=96', '-c', 'worker_stuck_secs=5', '-c', 'memory_limit_mb=1000'];
/** By default only as many workers as processors. */
const ISOLATED = ['-c', 'sessions_per_worker=1', '-c', 'max_threads=64'];
const WAYS: readonly WayToDie[] = ['heap', 'buffers', 'spin', 'throw', 'exit', 'reject'];
const SELF_TEST_DEATHS = 4;

export const WORKER_DEATHS: FaultMode = {
  name: 'worker-deaths',
  share: 10,
  run: async ({ count, ...run }) => {
    const again = `--worker-deaths ${count}`;
    let isWell = true;
    for (const [place, deaths, args] of [
      ['shared workers', Math.ceil(count / 2), []],
      ['a worker for each', Math.floor(count / 2), ISOLATED],
    ] as const) {
      if (deaths === 0) continue;
      const scenario = () => new WorkerDeathScenario({ ...run, deaths, ways: WAYS });
      const title = `worker deaths: ${deaths}, ${place}`;
      const all = { ...run, title, scenario, nodeArgs: PRELOAD_ARGS, args: [...LIMITS, ...args] };
      isWell = (await runScenario(all, again)).violations.length === 0 && isWell;
    }
    return isWell;
  },
  selfTest: async (run) => {
    const scenario = () => new WorkerDeathScenario({ ...run, deaths: SELF_TEST_DEATHS, ways: ['exit'] });
    const title = `self-test of worker deaths: the daemon publishes before it records, ${SELF_TEST_DEATHS} deaths`;
    const env = () => ({ ROLLOUTD_UNSAFE_PUBLISH_FIRST: '1' });
    const all = { ...run, title, scenario, nodeArgs: PRELOAD_ARGS, args: LIMITS, env, expectsViolations: true };
    const lost = (await runScenario(all, '')).violations.filter(({ kind }) => kind === 'lost').length;
    run.print(lost > 0 ? `  as it should: ${lost} losses were reported\n` : '  WRONG: no loss was reported\n');
    return lost > 0;
  },
};
