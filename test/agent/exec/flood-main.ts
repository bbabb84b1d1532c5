// A program that runs one command which floods its output: `node flood-main.js FOLDER MEGABYTES pipe|tty`. Prints as JSON what
// was kept of it and how much memory that took. Main thread.
import { makeRunner } from './runner-rig.js';

const [, , folder = '', megabytes = '', kind = 'pipe'] = process.argv;
const rig = makeRunner(folder);
let shown = 0;
let deltas = 0;

// Everything that is loaded and grown once.
await rig.runner.exec(rig.script('yes x | head -c 4000000', { tty: kind === 'tty' }));
globalThis.gc?.();
const before = process.memoryUsage().rss;
let most = before;
const timer = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 5);
const { output, exit } = await rig.runner.exec(
  rig.script(`echo first; yes 0123456789abcde | head -c ${megabytes}000000; echo last`, {
    tty: kind === 'tty',
    yieldMs: 300_000,
    onDelta: (text) => {
      shown += text.length;
      deltas += 1;
    },
  }),
);
clearInterval(timer);
console.log(
  JSON.stringify({
    exit,
    head: output.head.slice(0, 5),
    tail: output.tail.trimEnd().slice(-4),
    kept: output.head.length + output.tail.length,
    totalBytes: output.totalBytes,
    shown,
    deltas,
    grewBy: Math.max(most, process.memoryUsage().rss) - before,
  }),
);
