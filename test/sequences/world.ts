// A home with its daemon, its clients and its language model, and the ids behind the labels of a run. Main thread.
import { basename } from 'node:path';
import { CheckedClient } from '../support/checked-client.js';
import type { WireMessage } from '../support/checked-client.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { EmbeddedHost, ProcessHost } from './daemon-host.js';
import type { DaemonHost } from './daemon-host.js';
import { GatedModel } from './gated-model.js';
import type { FileRef } from './model.js';

export type WorldKind = 'embedded' | 'process';

export const CLIENTS = 2;

/** Whoever started it closes it. */
export class World {
  readonly home: TempHome;
  readonly server: ModelServer;
  readonly gated: GatedModel;
  readonly host: DaemonHost;
  readonly clients: CheckedClient[] = [];
  /** Subscribes to nothing: it hears what everybody hears. */
  witness!: CheckedClient;
  /** By label. */
  readonly ids = new Map<number, string>();
  readonly turnIds = new Map<number, string>();
  /** Of the items of each turn, as they were first seen. */
  readonly itemIds = new Map<string, readonly string[]>();
  readonly #segmentIds = new Map<string, string>();
  readonly #former: CheckedClient[] = [];

  private constructor(home: TempHome, server: ModelServer, host: DaemonHost) {
    this.home = home;
    this.server = server;
    this.gated = new GatedModel(server);
    this.host = host;
  }

  static async start(kind: WorldKind): Promise<World> {
    const server = await startModelServer({ keepRequests: 0 });
    const home = await makeTempHome({ modelBaseUrl: server.baseUrl });
    const host = kind === 'embedded' ? await EmbeddedHost.start(home.path) : await ProcessHost.start(home.path);
    const world = new World(home, server, host);
    await world.connect();
    return world;
  }

  /** All clients anew, after the daemon was replaced. */
  async connect(): Promise<void> {
    this.#former.push(...this.clients, ...(this.witness === undefined ? [] : [this.witness]));
    this.witness = await this.#open('witness');
    for (let number = 0; number < CLIENTS; number += 1) this.clients[number] = await this.#open(`client-${number}`);
  }

  async reconnect(number: number): Promise<void> {
    const former = this.clients[number]!;
    this.#former.push(former);
    await former.close();
    this.clients[number] = await this.#open(`client-${number}`);
  }

  idOf(label: number): string {
    const id = this.ids.get(label);
    if (id === undefined) throw new Error(`t${label} has no id`);
    return id;
  }

  turnIdOf(label: number): string {
    const id = this.turnIds.get(label);
    if (id === undefined) throw new Error(`turn #${label} has no id`);
    return id;
  }

  /** What history_base calls this file. */
  segmentIdOf({ thread, segment }: FileRef): string {
    return segment === 0 ? this.idOf(thread) : (this.#segmentIds.get(`${thread}/${segment}`) ?? '?');
  }

  /** From the name of the file: `rollout-TIME-THREAD_SEGMENT.jsonl`. */
  learnSegment({ thread, segment }: FileRef, path: string): void {
    this.#segmentIds.set(`${thread}/${segment}`, /_([^_]+)\.jsonl$/.exec(basename(path))?.[1] ?? '?');
  }

  /** For people: `t3` and `#5` instead of ids. */
  label(text: string): string {
    let labelled = text;
    for (const [label, id] of this.ids) labelled = labelled.replaceAll(id, `t${label}`);
    for (const [label, id] of this.turnIds) labelled = labelled.replaceAll(id, `#${label}`);
    return labelled.replaceAll(this.home.path, 'HOME');
  }

  /** Messages of any client that do not fit the schema. */
  schemaErrors(): string[] {
    return [...this.#former, ...this.clients, this.witness].flatMap((client) => client.schemaErrors);
  }

  async close(): Promise<void> {
    await this.host.stop();
    await this.server.close();
    await this.home.remove();
  }

  #open(name: string): Promise<CheckedClient> {
    return CheckedClient.connect(this.host.url, { token: this.host.token, name });
  }
}

/** The first message that a client was given after its `from`-th, or will be, that matches. */
export function heard(
  client: CheckedClient,
  from: number,
  matches: (message: WireMessage) => boolean,
): Promise<WireMessage> {
  for (let index = from; index < client.received.length; index += 1) {
    const message = client.received[index]!;
    if (matches(message)) return Promise.resolve(message);
  }
  return client.next(matches);
}
