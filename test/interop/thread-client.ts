// One client of a server, ours or the peer's: both speak the same protocol. Main thread.
import { connect } from '../../src/client/rpc-client.js';
import type { RpcClient, ServerNotification } from '../../src/client/rpc-client.js';
import { RpcClientError } from '../../src/client/rpc-client-error.js';
import type { Thread, Turn } from '../../src/protocol/thread.js';

/** A turn without what differs from run to run. */
export interface PlainTurn {
  status: Turn['status'];
  /** Who said what: `user: hello`, `agent: echo: hello`, `command: OUTPUT`; other items by their type. */
  said: string[];
}

export class ThreadClient {
  readonly rpc: RpcClient;
  /** All that came, in order. */
  readonly heard: ServerNotification[];

  private constructor(rpc: RpcClient, heard: ServerNotification[]) {
    this.rpc = rpc;
    this.heard = heard;
  }

  static async open(url: string, token: string | null, name = 'interop'): Promise<ThreadClient> {
    const heard: ServerNotification[] = [];
    const rpc = await connect({
      url,
      token,
      clientInfo: { name, version: '0' },
      onNotification: (notification) => heard.push(notification),
    });
    return new ThreadClient(rpc, heard);
  }

  async start(cwd: string): Promise<string> {
    return (await this.rpc.request('thread/start', { cwd })).thread.id;
  }

  async resume(threadId: string): Promise<Thread> {
    return (await this.rpc.request('thread/resume', { threadId })).thread;
  }

  /** The turn as turn/completed told it; `meanwhile` gets its id as soon as it is accepted. */
  async runTurn(threadId: string, text: string, meanwhile?: (turnId: string) => Promise<void>): Promise<Turn> {
    const { turn } = await this.startTurn(threadId, text);
    await meanwhile?.(turn.id);
    return this.endOfTurn(turn.id);
  }

  startTurn(threadId: string, text: string): Promise<{ turn: Turn }> {
    const input = [{ type: 'text' as const, text, text_elements: [] }];
    return this.rpc.request('turn/start', { threadId, input });
  }

  async steer(threadId: string, expectedTurnId: string, text: string): Promise<void> {
    const input = [{ type: 'text' as const, text, text_elements: [] }];
    await this.rpc.request('turn/steer', { threadId, expectedTurnId, input });
  }

  /** Lets go of it and waits until the server has, too: that takes as long as its configuration says. */
  async unload(threadId: string): Promise<void> {
    const closed = this.rpc.waitFor('thread/closed', (params) => params.threadId === threadId);
    await this.rpc.request('thread/unsubscribe', { threadId });
    await closed;
  }

  async endOfTurn(turnId: string): Promise<Turn> {
    const completed = await this.notification(
      (notification) => notification.method === 'turn/completed' && notification.params.turn.id === turnId,
    );
    return (completed.params as { turn: Turn }).turn;
  }

  /** The first that fits of all that has come or will come. */
  async notification(fits: (notification: ServerNotification) => boolean): Promise<ServerNotification> {
    return this.heard.find(fits) ?? (await this.rpc.waitFor(fits));
  }

  async readTurns(threadId: string): Promise<PlainTurn[]> {
    const { thread } = await this.rpc.request('thread/read', { threadId, includeTurns: true });
    return plainTurns(thread);
  }

  /** What the server refused a request with. Throws when it did not refuse. */
  async refusal(method: string, params: unknown): Promise<{ code: number; message: string; data: unknown }> {
    let result: unknown;
    try {
      result = await this.rpc.requestUntyped(method, params);
    } catch (error) {
      if (!(error instanceof RpcClientError) || error.kind !== 'reply') throw error;
      return { code: error.code, message: error.message, data: error.data };
    }
    throw new Error(`${method} was not refused: ${JSON.stringify(result)}`);
  }
}

function plainTurns(thread: Thread): PlainTurn[] {
  return thread.turns.map(({ status, items }) => ({ status, said: items.map(describeItem) }));
}

function describeItem(item: Turn['items'][number]): string {
  if (item.type === 'agentMessage') return `agent: ${item.text}`;
  if (item.type === 'commandExecution') return `command: ${item.aggregatedOutput?.trim()}`;
  if (item.type !== 'userMessage') return item.type;
  return `user: ${item.content.map((part) => (part.type === 'text' ? part.text : part.type)).join('|')}`;
}
