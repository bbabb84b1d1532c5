// --power-losses N: SIGKILL, and everything that was not synced is gone. Main thread.
import { join } from 'node:path';
import type { TempHome } from '../support/temp-home.js';
import type { FaultMode, ModeRun } from './mode.js';
import type { OracleResult } from './oracle.js';
import { PRELOAD_ARGS } from './order-line.js';
import { PowerLoss } from './power-loss.js';
import { PowerLossScenario } from './power-loss-scenario.js';
import { runScenario } from './run-scenario.js';
import type { ScenarioRun } from './run-scenario.js';

const SELF_TEST_LOSSES = 4;

export const POWER_LOSSES: FaultMode = {
  name: 'power-losses',
  share: 10,
  run: async (run) => {
    const result = await runLosses(run, { title: `losses of power: ${run.count}` }, `--power-losses ${run.count}`);
    return result.violations.length === 0;
  },
  selfTest: async (run) => {
    const title = `self-test of losses of power: nothing is synced, ${SELF_TEST_LOSSES} losses`;
    const env = { ROLLOUTD_FAULTS_NO_SYNC: '1' };
    const result = await runLosses({ ...run, count: SELF_TEST_LOSSES }, { title, env, expectsViolations: true }, '');
    const lost = result.violations.filter(({ kind }) => kind === 'lost').length;
    run.print(lost > 0 ? `  as it should: ${lost} losses were reported\n` : '  WRONG: no loss was reported\n');
    return lost > 0;
  },
};

function runLosses(
  { count, ...run }: ModeRun,
  more: { title: string; env?: Record<string, string>; expectsViolations?: boolean },
  again: string,
): Promise<OracleResult> {
  const makeScenario: ScenarioRun['scenario'] = ({ path, root }) =>
    new PowerLossScenario(count, run.seed, new PowerLoss(path, join(root, 'sync.log')));
  const env = ({ root }: TempHome) => ({ ...more.env, ROLLOUTD_FAULTS_SYNC_LOG: join(root, 'sync.log') });
  return runScenario({ ...run, ...more, env, scenario: makeScenario, nodeArgs: PRELOAD_ARGS }, again);
}
