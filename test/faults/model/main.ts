// The scripted model server with two commands more. A process of its own.
//
//   history         JSON: { users: texts of all users' messages, assistants: hashes of all assistants' texts }, in order
//   clock N GAPMS   N deltas GAPMS apart, each of them the time at which it was sent: see formatSentAt
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelReply } from '../../support/model-reply.js';
import { startModelServer } from '../../support/model-server.js';
import { userText } from '../items.js';
import { formatSentAt } from '../lateness.js';
import { hashText } from '../model-history.js';
import type { ModelHistory } from '../model-history.js';

const server = await startModelServer({ keepRequests: 0 });
server.script(({ lastUserText, input }, reply) => {
  const clock = /^clock (\d+) (\d+)$/.exec(lastUserText);
  if (clock !== null) return streamClock(reply, Number(clock[1]), Number(clock[2]));
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
