// A few questions to the daemon of a home over one short connection. Clients.
import type { RpcClient } from '../client/rpc-client.js';
import { connectClient } from './connect-client.js';

/** Rejects with CliFailure when there is no daemon to ask, and with what `ask` rejects with. */
export async function askDaemon<Answer>(home: string, ask: (client: RpcClient) => Promise<Answer>): Promise<Answer> {
  const client = await connectClient({ home, url: undefined });
  try {
    return await ask(client);
  } finally {
    await client.close();
  }
}
