// --model-faults N: the model's connection breaks, falls silent, or carries what means nothing. Main thread.
import type { FaultMode } from './mode.js';
import { ModelFaultScenario, SILENCE_MS } from './model-fault-scenario.js';
import { PRELOAD_ARGS } from './order-line.js';
import { runScenario } from './run-scenario.js';

export const MODEL_FAULTS: FaultMode = {
  name: 'model-faults',
  share: 60,
  run: async ({ count, ...run }) => {
    const scenario = () => new ModelFaultScenario({ ...run, faults: count });
    const title = `faults of the model: ${count}`;
    const args = ['-c', `model_providers.mock.stream_idle_timeout_ms=${SILENCE_MS}`];
    const result = await runScenario(
      { ...run, title, scenario, args, nodeArgs: PRELOAD_ARGS },
      `--model-faults ${count}`,
    );
    return result.violations.length === 0;
  },
};
