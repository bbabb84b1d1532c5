// Runs one scenario on a fresh home, with a model server of its own, and prints what came of it. Main thread.
import { join } from 'node:path';
import { daemonProgram } from '../support/daemon-process.js';
import { startModelProcess } from '../support/model-process.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import type { ModeRun } from './mode.js';
import { runOracle } from './oracle.js';
import type { OracleResult } from './oracle.js';
import { formatTable, formatViolation } from './report.js';
import type { Scenario } from './scenario.js';

const MAX_VIOLATIONS = 20;
const SHOWN_VIOLATIONS = 12;
const PROGRESS_INTERVAL_MS = 10_000;

export interface ScenarioRun extends Omit<ModeRun, 'count'> {
  title: string;
  /** Made for the home of the run. */
  scenario: (home: TempHome) => Scenario;
  /** Further environment, flags of Node and arguments of the daemon. */
  env?: (home: TempHome) => Record<string, string>;
  nodeArgs?: readonly string[];
  args?: readonly string[];
  /** Called after the last life. */
  onDone?: () => void;
  /** A self-test expects violations: they are counted, not shown. */
  expectsViolations?: boolean;
}

/** Prints the title, progress, the table; and, unless they are expected, the violations with how to run it again. */
export async function runScenario(run: ScenarioRun, again: string): Promise<OracleResult> {
  const { print, seed, expectsViolations = false } = run;
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  let { keep } = run;
  let toldAt = startedAt;
  const model = await startModelProcess(join(import.meta.dirname, 'model', 'main.js'));
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  const scenario = run.scenario(home);
  print(`${run.title}, seed ${seed}, ${run.conversations} conversations`);
  try {
    const result = await runOracle({
      scenario,
      seed,
      conversations: run.conversations,
      maxViolations: expectsViolations ? Infinity : MAX_VIOLATIONS,
      home,
      program: daemonProgram({ home: home.path, env: run.env?.(home), args: run.args, nodeArgs: run.nodeArgs }),
      onProgress: ({ life, fresh }) => {
        if (performance.now() - toldAt < PROGRESS_INTERVAL_MS && !scenario.isOver(life) && fresh.length === 0) return;
        toldAt = performance.now();
        const found = fresh.length > 0 ? `, ${fresh.length} violations` : '';
        print(`  ${scenario.progress(life)}, ${seconds()} s${found}`);
      },
    });
    print(formatTable(result, scenario.describe(), seconds()));
    if (result.violations.length > 0 && !expectsViolations) {
      keep = true;
      for (const violation of result.violations.slice(0, SHOWN_VIOLATIONS)) print(`\n${formatViolation(violation)}`);
      print(`\n${result.violations.length} violations. The home and the byte logs of the last lives: ${home.root}`);
      print(`Again: npm run test:faults -- --no-self-test ${again} --seed ${seed}\n`);
    }
    return result;
  } finally {
    await model.stop();
    run.onDone?.();
    if (!keep) await home.remove();
  }
}
