// npm run bench: what the daemon reaches on this machine, beside what it aims at. Writes nothing but its table.
//
//   --quick           one short run of each measurement
//   --only A,B        some of: start, lone, turns-1, turns-50, deltas, latency, memory
//   --connections N   WebSocket connections that the conversations share (1)
//   --json            rows as JSON instead of the table
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { MEASUREMENTS } from './measurements.js';
import type { Row } from './measurements.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(MEASUREMENTS).join(',') },
    connections: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const options = {
  runs: values.quick ? 1 : 3,
  scale: values.quick ? 0.25 : 1,
  connections: Number(values.connections),
};

// Programs that were started are ended when this one exits, and only then.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const rows: Row[] = [];
if (!values.json)
  print(`${cpus().length} cores, Node ${process.version}, ${options.runs} runs, ${options.connections} connections`);
for (const name of values.only.split(',')) {
  const measure = MEASUREMENTS[name];
  if (measure === undefined)
    throw new Error(`no measurement ${name}; there are ${Object.keys(MEASUREMENTS).join(', ')}`);
  const measured = await measure(options);
  rows.push(...measured);
  if (!values.json) for (const row of measured) print(formatRow(row));
}
if (values.json) print(JSON.stringify(rows, null, 2));

function formatRow({ name, value, unit, target }: Row): string {
  const shown = `${formatNumber(value)} ${unit}`;
  const line = `  ${name.padEnd(52)} ${shown.padStart(14)}`;
  if (target === null) return line;
  const [word, figure] = 'atMost' in target ? ['at most', target.atMost] : ['at least', target.atLeast];
  const met = 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
  return `${line}   ${met ? 'ok  ' : 'MISS'}  ${word} ${formatNumber(figure)} ${unit}`;
}

function formatNumber(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
