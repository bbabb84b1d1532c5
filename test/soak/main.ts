// npm run test:soak: the daemon under load for a long time; nothing may grow, stall or be left behind. Main thread.
//
//   --minutes N         how long (30)
//   --conversations N   how many at once (50)
//   --seed S            which plans (1)
//   --idle N            seconds of each of the two times of silence afterwards (30)
import { parseArgs } from 'node:util';
import { formatJudgements, isAllWell } from '../support/judgement.js';
import type { Judgement } from '../support/judgement.js';
import { judgeSoak } from './judge-soak.js';
import { runSoak } from './run-soak.js';
import type { SoakResult } from './run-soak.js';

const SHOWN_VIOLATIONS = 10;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    conversations: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    idle: { type: 'string', default: '30' },
  },
});

// Programs that were started are ended when this one exits, and only then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

print(`soak: ${values.minutes} minutes, ${values.conversations} conversations, seed ${values.seed}`);
const result = await runSoak({
  minutes: Number(values.minutes),
  conversations: Number(values.conversations),
  seed: Number(values.seed),
  idleSeconds: Number(values.idle),
  onMinute: (minute, { samples }, { turns, disconnects }) => {
    const last = samples.at(-1);
    if (last === undefined) return;
    const { rssMb, descriptors, threads } = last;
    print(
      `  minute ${minute}: ${rssMb.toFixed(0)} MB, ${descriptors} descriptors, ${threads} threads, ${turns} turns, ${disconnects} disconnects`,
    );
  },
});
const judgements = [...count(result), ...judgeSoak(result.measured)];
print(formatJudgements(judgements));
for (const { kind, what, told, found } of result.violations.slice(0, SHOWN_VIOLATIONS)) {
  print(`\n${kind.toUpperCase()}  ${what}\n  told:  ${told ?? ''}\n  found: ${found ?? ''}`);
}
const isWell = isAllWell(judgements);
if (!isWell && result.stderr !== '') print(`\nThe daemon said:\n${result.stderr.slice(-2000)}`);
process.exitCode = isWell ? 0 : 1;

function count({ counts, measured }: SoakResult): Judgement[] {
  const { conversations, turns, disconnects, unloads, reads, follows } = counts;
  return [
    { name: 'samples', value: String(measured.samples.length) },
    { name: 'conversations, each deleted at its end', value: String(conversations) },
    { name: 'turns', value: String(turns) },
    { name: 'disconnects', value: String(disconnects) },
    { name: 'events seen in order', value: `${follows.events}, ${follows.replayed} of them by replay` },
    { name: 'unloads', value: String(unloads) },
    { name: 'rounds of lists and reads', value: String(reads) },
  ];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
