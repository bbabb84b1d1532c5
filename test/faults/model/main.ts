// The scripted model server with three commands more. A process of its own.
//
//   history              JSON: { users: texts of all users' messages, assistants: hashes of all assistants' texts }, in order
//   clock N GAPMS        N deltas GAPMS apart, each of them the time at which it was sent: see formatSentAt
//   flood N SIZE GAPMS   N deltas of SIZE characters, GAPMS apart, of a message that is short in its final form
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelReply } from '../../support/model-reply.js';
import { deltaText } from '../../support/model-script.js';
import { startModelServer } from '../../support/model-server.js';
import { userText } from '../items.js';
import { formatSentAt } from '../lateness.js';
import { hashText } from '../model-history.js';
import type { ModelHistory } from '../model-history.js';

const server = await startModelServer({ keepRequests: 0 });
server.script(({ lastUserText, input }, reply) => {
  const clock = /^clock (\d+) (\d+)$/.exec(lastUserText);
  if (clock !== null) return streamClock(reply, Number(clock[1]), Number(clock[2]));
  const flood = /^flood (\d+) (\d+) (\d+)$/.exec(lastUserText);
  if (flood !== null) return streamFlood(reply, Number(flood[1]), Number(flood[2]), Number(flood[3]));
  if (lastUserText !== 'history') return false;
  const history: ModelHistory = { users: [], assistants: [] };
  for (const { role, content } of input as { role?: string; content: { text?: string }[] }[]) {
    if (role === 'user') history.users.push(userText(content));
    if (role === 'assistant') history.assistants.push(hashText(content.map(({ text }) => text ?? '').join('')));
  }
  reply.create();
  reply.message([JSON.stringify(history)]);
  reply.complete();
});
process.stdout.write(`${server.baseUrl}\n`);
process.once('SIGTERM', () => void server.close());

async function streamClock(reply: ModelReply, count: number, gapMs: number): Promise<void> {
  reply.create();
  const id = reply.startMessage();
  let whole = '';
  for (let index = 0; index < count && !reply.isClosed; index += 1) {
    const text = formatSentAt();
    whole += text;
    await reply.write(reply.formatDelta(text));
    await delay(gapMs);
  }
  if (reply.isClosed) return;
  reply.endMessage(id, whole);
  reply.complete();
}

async function streamFlood(reply: ModelReply, count: number, size: number, gapMs: number): Promise<void> {
  reply.create();
  const id = reply.startMessage();
  const startedAt = performance.now();
  for (let index = 0; index < count && !reply.isClosed; index += 1) {
    await reply.write(reply.formatDelta(deltaText(index, size)));
    // By the clock: a timer that is late must not make the flood a smaller one.
    await delay(Math.max(0, startedAt + (index + 1) * gapMs - performance.now()));
  }
  if (reply.isClosed) return;
  reply.endMessage(id, 'done');
  reply.complete();
}
