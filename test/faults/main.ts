// npm run test:faults: kills the daemon at random moments and proves that nothing it told is lost. Main thread.
//
//   --kills N            how many kills (50)
//   --seed S[,S...]      which plans (1); each seed gets its N kills, and a report names it to run it again
//   --conversations N    how many at once (8)
//   --self-test          only shows that the oracle finds losses when the daemon publishes before it records
//   --no-record-first-self-test   leaves that out
//   --keep               keeps the home also when all is well
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { daemonProgram } from '../support/daemon-process.js';
import { startModelProcess } from '../support/model-process.js';
import { makeTempHome } from '../support/temp-home.js';
import { runOracle } from './oracle.js';
import type { OracleResult } from './oracle.js';
import { formatTable, formatViolation } from './report.js';

/** Makes the daemon publish first and write late: what the oracle must not let pass. */
const UNSAFE = { ROLLOUTD_UNSAFE_PUBLISH_FIRST: '1' };
const SELF_TEST_KILLS = 8;
const MAX_VIOLATIONS = 20;
const SHOWN_VIOLATIONS = 12;

interface RunOptions {
  title: string;
  kills: number;
  seed: number;
  conversations: number;
  env: Record<string, string>;
  keep: boolean;
  maxViolations: number;
}

async function run(options: RunOptions): Promise<{ result: OracleResult; root: string }> {
  const startedAt = performance.now();
  let { keep } = options;
  const model = await startModelProcess(join(import.meta.dirname, 'model', 'main.js'));
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  print(`${options.title}: ${options.kills} kills, seed ${options.seed}, ${options.conversations} conversations`);
  try {
    const result = await runOracle({
      ...options,
      home,
      program: daemonProgram({ home: home.path, env: options.env }),
      onProgress: ({ kill, fresh }) => {
        if (kill % 10 !== 0 && kill !== options.kills) return;
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        print(
          `  ${String(kill).padStart(5)} kills, ${seconds} s${fresh.length > 0 ? `, ${fresh.length} violations` : ''}`,
        );
      },
    });
    print(formatTable(result, (performance.now() - startedAt) / 1000));
    if (result.violations.length > 0) keep ||= options.maxViolations < Infinity;
    return { result, root: home.root };
  } finally {
    await model.stop();
    if (!keep) await home.remove();
  }
}

/** A broken daemon must not pass. */
async function selfTest(seed: number, conversations: number): Promise<boolean> {
  const title = 'self-test: the daemon publishes before it records';
  const { result } = await run({
    title,
    kills: SELF_TEST_KILLS,
    seed,
    conversations,
    env: UNSAFE,
    keep: false,
    maxViolations: Infinity,
  });
  const lost = result.violations.filter(({ kind }) => kind === 'lost').length;
  print(lost > 0 ? `  as it should: ${lost} losses were reported\n` : '  WRONG: no loss was reported\n');
  return lost > 0;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      conversations: { type: 'string', default: '8' },
      'self-test': { type: 'boolean', default: false },
      'no-record-first-self-test': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const seeds = values.seed.split(',').map(Number);
  const conversations = Number(values.conversations);
  if (values['self-test'] || !values['no-record-first-self-test']) {
    if (!(await selfTest(seeds[0]!, conversations))) return false;
    if (values['self-test']) return true;
  }
  let isWell = true;
  for (const seed of seeds) {
    isWell = (await killAndCheck(Number(values.kills), seed, conversations, values.keep)) && isWell;
  }
  return isWell;
}

async function killAndCheck(kills: number, seed: number, conversations: number, keep: boolean): Promise<boolean> {
  const maxViolations = MAX_VIOLATIONS;
  const { result, root } = await run({ title: 'faults', kills, seed, conversations, env: {}, keep, maxViolations });
  if (result.violations.length === 0) return true;
  for (const violation of result.violations.slice(0, SHOWN_VIOLATIONS)) print(`\n${formatViolation(violation)}`);
  print(`\n${result.violations.length} violations. The home and the byte logs of the last lives: ${root}`);
  print(`Again: npm run test:faults -- --no-record-first-self-test --kills ${kills} --seed ${seed}\n`);
  return false;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Programs that were started are ended when this one exits, and only then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
