// The scripted model server with one command more, by which it tells what history it was given. A process of its own.
//
//   history    JSON: { users: texts of all users' messages, assistants: hashes of all assistants' texts }, in order
import { startModelServer } from '../../support/model-server.js';
import { userText } from '../items.js';
import { hashText } from '../model-history.js';
import type { ModelHistory } from '../model-history.js';

const server = await startModelServer({ keepRequests: 0 });
server.script(({ lastUserText, input }, reply) => {
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
