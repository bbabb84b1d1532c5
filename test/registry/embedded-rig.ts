// A registry embedded in the test process, without a server: its home, its model, and a program that listens. Main thread.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRegistry } from '../../src/daemon.js';
import type { RegistryHost } from '../../src/daemon.js';
import { createLog } from '../../src/log.js';
import type { Conversation } from '../../src/registry/conversation.js';
import type { ConversationRegistry } from '../../src/registry/conversation-registry.js';
import type { OutgoingFrame, Subscriber } from '../../src/registry/subscription.js';
import type { ConversationRequest } from '../../src/registry/seams.js';
import { NOTHING_ASKED } from '../support/nothing-asked.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';

/** Everything as configured. */
export const REQUEST: ConversationRequest = { ...NOTHING_ASKED, originator: 'embedding' };

/** What a program that embeds the registry has in place of a connection. */
class Program implements Subscriber {
  readonly received: { method: string; params: any }[] = [];
  readonly #waiters: { method: string; matches: (params: any) => boolean; resolve: (params: any) => void }[] = [];

  deliver({ bytes }: OutgoingFrame): void {
    const message = JSON.parse(bytes.toString()) as { method: string; params: any };
    this.received.push(message);
    for (const waiter of this.#waiters) {
      if (waiter.method === message.method && waiter.matches(message.params)) waiter.resolve(message.params);
    }
  }

  whenReady(): null {
    return null;
  }

  next(method: string, matches: (params: any) => boolean = () => true): Promise<any> {
    return new Promise((resolve) => this.#waiters.push({ method, matches, resolve }));
  }

  /** Resolves with the id of the turn once it has started. */
  startTurn(conversation: Conversation, text: string): Promise<string> {
    conversation.addSubscriber(this);
    return new Promise((resolve, reject) => {
      const input = [{ type: 'text' as const, text, text_elements: [] }];
      conversation.request(
        { type: 'startTurn', input, clientId: null, overrides: {} },
        { onResult: (result) => resolve(JSON.parse(result).turn.id), onError: reject },
      );
    });
  }

  async runTurn(conversation: Conversation, text: string): Promise<any> {
    const ended = this.next('turn/completed', ({ threadId }) => threadId === conversation.id);
    await this.startTurn(conversation, text);
    return (await ended).turn;
  }
}

/** Whoever starts it closes it. */
export class EmbeddedRig {
  readonly home: TempHome;
  readonly model: ModelServer;
  /** Hears everything, and is subscribed where it starts turns. */
  readonly program = new Program();
  host: RegistryHost;
  readonly #log = createLog({ dir: null, level: 'error', console: false });

  private constructor(home: TempHome, model: ModelServer) {
    this.home = home;
    this.model = model;
    this.host = this.#open();
  }

  static async start(): Promise<EmbeddedRig> {
    const model = await startModelServer();
    return new EmbeddedRig(await makeTempHome({ modelBaseUrl: model.baseUrl }), model);
  }

  get registry(): ConversationRegistry {
    return this.host.registry;
  }

  /** Closes the registry and opens another on the same home. */
  async reopen(): Promise<void> {
    await this.host.close();
    this.host = this.#open();
  }

  /** A conversation with these turns, as a file; its session has ended. */
  async record(...texts: string[]): Promise<{ id: string; file: string }> {
    const { conversation, conversationId } = await this.registry.newConversation(REQUEST);
    for (const text of texts) await this.program.runTurn(conversation, text);
    const file = conversation.facts.path!;
    await this.registry.removeConversation(conversationId);
    return { id: conversationId, file };
  }

  lockOf(id: string): string {
    return join(this.home.path, 'thread-writer-locks', `${id}.lock`);
  }

  rolloutFiles(): string[] {
    const root = join(this.home.path, 'sessions');
    if (!existsSync(root)) return [];
    const names = readdirSync(root, { recursive: true }) as string[];
    return names.filter((name) => name.endsWith('.jsonl')).map((name) => join(root, name));
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.#log.close();
    await this.model.close();
    await this.home.remove();
  }

  #open(): RegistryHost {
    const host = createRegistry({ home: this.home.path, configOverrides: [], env: {}, log: this.#log });
    host.registry.addListener(this.program);
    return host;
  }
}
