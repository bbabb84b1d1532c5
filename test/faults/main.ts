// npm run test:faults: breaks the daemon in all ways of modes.ts and proves that nothing it told is lost. Main thread.
//
//   --kills N, ...       only the named modes, with so many faults each; without any, every mode does its share
//   --seed S[,S...]      which plans (1); each seed gets its faults, and a report names it to run it again
//   --conversations N    how many at once (8)
//   --self-test          only shows that the modes notice a daemon that is broken on purpose
//   --no-self-test       leaves that out
//   --judge-times        waits that are too long fail the run: for a machine that has nothing else to do
//   --keep               keeps the homes also when all is well
import { parseArgs } from 'node:util';
import type { FaultMode } from './mode.js';
import { FAULT_MODES } from './modes.js';

interface Wanted {
  mode: FaultMode;
  count: number;
}

async function main(): Promise<boolean> {
  const counts = FAULT_MODES.map(({ name }) => [name, { type: 'string' }] as const);
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(counts),
      seed: { type: 'string', default: '1' },
      conversations: { type: 'string', default: '8' },
      'self-test': { type: 'boolean', default: false },
      'no-self-test': { type: 'boolean', default: false },
      'judge-times': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const wanted = chooseModes(values);
  const common = {
    conversations: Number(values.conversations),
    keep: values.keep,
    judgesTimes: values['judge-times'],
    print,
  };
  const seeds = values.seed.split(',').map(Number);
  let isWell = true;
  for (const { mode } of wanted) {
    if (values['no-self-test'] || mode.selfTest === undefined) continue;
    isWell = (await mode.selfTest({ ...common, seed: seeds[0]! })) && isWell;
  }
  if (values['self-test'] || !isWell) return isWell;
  for (const seed of seeds) {
    for (const { mode, count } of wanted) isWell = (await mode.run({ ...common, seed, count })) && isWell;
  }
  return isWell;
}

function chooseModes(values: Record<string, unknown>): Wanted[] {
  const named = FAULT_MODES.filter(({ name }) => values[name] !== undefined);
  if (named.length === 0) return FAULT_MODES.map((mode) => ({ mode, count: mode.share }));
  return named.map((mode) => ({ mode, count: toCount(mode, String(values[mode.name])) }));
}

function toCount({ name }: FaultMode, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new Error(`--${name} takes a number above 0, not ${text}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Programs that were started are ended when this one exits, and only then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
