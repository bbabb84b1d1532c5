// Runs a command that leaves processes behind, as a session does: in a worker with `workerData`, which posts reports and
// `ready`, or as `node command-session.js FOLDER CONVERSATION TIME`, which prints `ready`. Worker, or main thread of a program.
import { parentPort, workerData } from 'node:worker_threads';
import { makeRunner } from '../agent/exec/runner-rig.js';

interface SessionData {
  folder: string;
  conversationId: string;
  time: string;
  tty: boolean;
  /** Begins the script. */
  traps: string;
}

const [, , folder = '', conversationId = '', time = ''] = process.argv;
const data = (workerData as SessionData | null) ?? {
  folder,
  conversationId,
  time,
  tty: false,
  traps: 'trap "" TERM HUP;',
};

const rig = makeRunner(data.folder, {
  conversationId: data.conversationId,
  onProcess: (report) => parentPort?.postMessage(report),
});
// Some that end: what they needed is free again.
for (const tty of [true, false, true, false]) await rig.runner.exec(rig.script('true', { tty }));
await rig.runner.exec(
  rig.script(
    `${data.traps} setsid sleep ${data.time} & nohup sleep ${data.time} >/dev/null & echo ready; wait; sleep 60`,
    {
      tty: data.tty,
      yieldMs: 1_000,
      onDelta: (text) => {
        if (!text.includes('ready')) return;
        if (parentPort === null) console.log('ready');
        else parentPort.postMessage('ready');
      },
    },
  ),
);
// As a session that waits for its next turn.
setInterval(() => undefined, 60_000);
