// A server on loopback that answers GET /v1/models as a test says, or not at all. Main thread.
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ListServer {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** In order of arrival. */
  readonly requests: readonly IncomingMessage[];
  /** Resolves with request number `n` (from 1). */
  waitForRequest(n: number): Promise<IncomingMessage>;
  /** Breaks every connection; may be called twice. */
  close(): Promise<void>;
}

export async function startListServer(answer: RequestListener): Promise<ListServer> {
  const requests: IncomingMessage[] = [];
  const waiters: { number: number; resolve: (request: IncomingMessage) => void }[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    for (const waiter of waiters) if (waiter.number === requests.length) waiter.resolve(request);
    // Clients that leave early are what is tested.
    response.on('error', () => undefined);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    waitForRequest: (number) => {
      const arrived = requests[number - 1];
      return arrived === undefined
        ? new Promise((resolve) => waiters.push({ number, resolve }))
        : Promise.resolve(arrived);
    },
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The list in OpenAI's form. */
export function listOf(...names: string[]): string {
  return JSON.stringify({ object: 'list', data: names.map((id) => ({ id, object: 'model' })) });
}
