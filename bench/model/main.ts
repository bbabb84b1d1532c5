// The scripted model server with one command more, for latencies. A process of its own.
//
//   timed N GAPMS    N deltas, GAPMS apart, each of them the time at which it was sent
import { setTimeout as sleep } from 'node:timers/promises';
import { startModelServer } from '../../test/support/model-server.js';
import { sharedClockMs } from '../statistics.js';

const server = await startModelServer({ keepRequests: 0 });
server.script(async ({ lastUserText }, reply) => {
  const [command, count, gapMs] = lastUserText.split(' ');
  if (command !== 'timed') return false;
  reply.create();
  const id = reply.startMessage();
  let text = '';
  const startedAt = sharedClockMs();
  for (let index = 0; index < Number(count) && !reply.isClosed; index += 1) {
    // Late timers do not add up: the gaps are those of a model that keeps its pace.
    await sleep(Math.max(0, startedAt + index * Number(gapMs) - sharedClockMs()));
    const delta = `${sharedClockMs().toFixed(3)} `;
    text += delta;
    reply.delta(delta);
  }
  reply.endMessage(id, text);
  reply.complete();
});
process.stdout.write(`${server.baseUrl}\n`);
process.once('SIGTERM', () => void server.close());
