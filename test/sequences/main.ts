// npm run test:sequences: random operations on many conversations, against a daemon and a simple model. Main thread.
//
//   --steps N       how many operations at least (10000)
//   --seed S        which programs (1); a report names it, and the number of the program, to run it again
//   --program N     only this one
//   --at-once N     how many programs run side by side (2)
//   --failures N    how many programs may fail before it stops (1)
import { parseArgs } from 'node:util';
import { describeStep } from './operation.js';
import { runSequences } from './run-sequences.js';
import type { Failure } from './run-sequences.js';

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      program: { type: 'string' },
      'at-once': { type: 'string', default: '2' },
      failures: { type: 'string', default: '1' },
    },
  });
  const seed = Number(values.seed);
  let nextReport = 1000;
  const result = await runSequences({
    seed,
    steps: Number(values.steps),
    ...(values.program === undefined ? {} : { only: Number(values.program) }),
    maxFailures: Number(values.failures),
    atOnce: Number(values['at-once']),
    onProgram: ({ steps, programs }) => {
      if (steps < nextReport) return;
      nextReport = steps + 1000;
      print(`  ${steps} steps, ${programs} programs`);
    },
  });
  const { steps, programs, seconds, counts, failures } = result;
  const kinds = Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`);
  print(
    `${steps} steps in ${programs} programs of seed ${seed}, ${seconds.toFixed(1)} s, ${(steps / seconds).toFixed(0)} a second`,
  );
  print(`  ${kinds.join(', ')}`);
  for (const failure of failures) print(formatFailure(failure));
  return failures.length === 0;
}

function formatFailure({ seed, index, world, program, length, differences }: Failure): string {
  return [
    '',
    `program ${index} of seed ${seed} (${world} daemon), ${length} steps, made as short as these:`,
    ...program.map(describeStep),
    '',
    ...differences,
    '',
    `Again: npm run test:sequences -- --seed ${seed} --program ${index}`,
    '',
  ].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
