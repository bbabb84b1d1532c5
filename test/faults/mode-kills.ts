// --kills N: SIGKILL of the daemon at random moments. Main thread.
import type { TempHome } from '../support/temp-home.js';
import { KillScenario } from './kill-scenario.js';
import type { FaultMode } from './mode.js';
import { runScenario } from './run-scenario.js';

/** Makes the daemon publish first and write late: what the oracle must not let pass. */
const UNSAFE = { ROLLOUTD_UNSAFE_PUBLISH_FIRST: '1' };
const SELF_TEST_KILLS = 8;

export const KILLS: FaultMode = {
  name: 'kills',
  share: 50,
  run: async ({ count, ...run }) => {
    const scenario = (home: TempHome) => new KillScenario(count, run.seed, home);
    const result = await runScenario({ ...run, title: `kills: ${count}`, scenario }, `--kills ${count}`);
    return result.violations.length === 0;
  },
  selfTest: async (run) => {
    const title = `self-test of kills: the daemon publishes before it records, ${SELF_TEST_KILLS} kills`;
    const scenario = (home: TempHome) => new KillScenario(SELF_TEST_KILLS, run.seed, home);
    const result = await runScenario(
      { ...run, title, scenario, env: () => UNSAFE, expectsViolations: true },
      '--self-test',
    );
    const lost = result.violations.filter(({ kind }) => kind === 'lost').length;
    run.print(lost > 0 ? `  as it should: ${lost} losses were reported\n` : '  WRONG: no loss was reported\n');
    return lost > 0;
  },
};
