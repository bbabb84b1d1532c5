// A program that starts short commands without end: `node starter-main.js FOLDER`. Prints `ready` when it is at it. Main thread.
import { makeRunner } from './runner-rig.js';

const rig = makeRunner(process.argv[2] ?? '');
const request = rig.script('exit 0');
await rig.runner.exec(request);
console.log('ready');
for (;;) await Promise.all([1, 2, 3].map(() => rig.runner.exec(request)));
