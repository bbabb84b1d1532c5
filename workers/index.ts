// Entry of the index thread.
import { parentPort, workerData } from 'node:worker_threads';
import { IndexService } from '../src/index/index-service.js';
import type { IndexPing, IndexPong, IndexRequest } from '../src/index/index-messages.js';

const { home } = workerData as { home: string };
const service = new IndexService(home, (news) => parentPort!.postMessage(news));
parentPort!.on('message', (request: IndexRequest | IndexPing) => {
  if (request.method === 'ping') return parentPort!.postMessage({ pong: true } satisfies IndexPong);
  void service.answer(request).then((reply) => parentPort!.postMessage(reply));
});
