// Replays one recording against the live daemon, step by step, and collects where the two differ. Main thread.
import { setTimeout as delay } from 'node:timers/promises';
import { isMethodName } from '../../../src/protocol/methods.js';
import { ValueComparer } from './compare-values.js';
import type { Difference } from './difference.js';
import { findHook } from './hooks.js';
import type { Action, HookContext } from './hooks.js';
import type { RecordingSetup } from './families.js';
import type { Ledger } from './ledger.js';
import { LiveConnection } from './live-connection.js';
import { compareSequences, threadOf } from './notices.js';
import type { PlacedNotice } from './notices.js';
import { isObject, methodOf } from './recording.js';
import type { ClientStep, Json, JsonObject, NoteStep, ReplyStep, Step } from './recording.js';
import type { ReplayWorld } from './replay-world.js';

type Place = Pick<Step, 'line' | 'section'>;

export interface ReplayResult {
  /** What no table explains. */
  differences: Difference[];
  /** Messages that do not fit the schema. */
  malformed: string[];
}

export async function replay(
  steps: readonly Step[],
  setup: RecordingSetup,
  world: ReplayWorld,
  ledger: Ledger,
): Promise<ReplayResult> {
  const run = new Replay(steps, setup, world, ledger);
  try {
    for (const step of steps) await run.take(step);
    await run.finish();
  } finally {
    await run.closeAll();
  }
  return { differences: run.differences, malformed: run.malformed };
}

class Replay {
  readonly differences: Difference[] = [];
  readonly malformed: string[] = [];
  readonly #setup: RecordingSetup;
  readonly #world: ReplayWorld;
  readonly #ledger: Ledger;
  readonly #connections = new Map<number, LiveConnection>();
  /** Requests by connection and id that were sent, and wait for their recorded replies. */
  readonly #open = new Map<string, string>();
  readonly #skippedTurns = new Set<string>();
  /** Conversations that this recording is about, by their recorded ids. */
  readonly #threads = new Set<string>();
  #before: { method: string; action: Action }[] = [];
  #beforeConnecting: Action[] = [];

  constructor(steps: readonly Step[], setup: RecordingSetup, world: ReplayWorld, ledger: Ledger) {
    this.#setup = setup;
    this.#world = world;
    this.#ledger = ledger;
    for (const step of steps) {
      if (step.kind === 'notice') {
        world.bindings.note(step.params);
        const { turn } = step.params;
        if (this.#isSkipped(step) && isObject(turn)) this.#skippedTurns.add(turn['id'] as string);
      } else if (step.kind === 'reply') {
        world.bindings.note(step.message['result'] ?? null);
      }
    }
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'note':
        return this.#doByHand(step);
      case 'send':
        return this.#send(step);
      case 'reply':
        return this.#compareReply(step);
      case 'notice':
        if (!this.#isSkipped(step)) {
          this.#connections.get(step.connection)?.recorded.push(step);
          this.#threads.add(threadOf(step));
        }
        return;
      case 'close':
        return this.#finishConnection(step.connection);
    }
  }

  /** Compares what is only known at the end. */
  async finish(): Promise<void> {
    await this.#catchUp();
    for (const number of [...this.#connections.keys()]) await this.#finishConnection(number);
  }

  async closeAll(): Promise<void> {
    for (const connection of this.#connections.values()) await connection.close();
  }

  async #doByHand({ text }: NoteStep): Promise<void> {
    const hook = findHook(this.#setup.name, text);
    if (hook === undefined) return;
    await this.#catchUp();
    const context: HookContext = {
      world: this.#world,
      before: (method, action) => this.#before.push({ method, action }),
      beforeConnecting: (action) => this.#beforeConnecting.push(action),
      close: async (connection) => {
        await this.#finishConnection(connection);
        await this.#world.settle(this.#setup.servers?.[connection] ?? 'one');
      },
    };
    await hook.act(context);
  }

  async #send(step: ClientStep): Promise<void> {
    const method = methodOf(step.message);
    if (this.#isSkipped({ ...step, method })) {
      this.#ledger.skipped += 1;
      return;
    }
    if (isRequest(step.message) && !isMethodName(method) && !isProbeOfUnknown(method)) {
      this.#ledger.unserved.set(method, (this.#ledger.unserved.get(method) ?? 0) + 1);
      return;
    }
    const missing = new Set<string>();
    const message = this.#world.bindings.translate(restoreCutText(step.message), missing);
    if (missing.size > 0) {
      this.#ledger.blocked.push(`${this.#setup.name}:${step.line}`);
      return;
    }
    await this.#catchUp();
    const due = this.#before.filter((waiting) => waiting.method === method);
    this.#before = this.#before.filter((waiting) => waiting.method !== method);
    for (const { action } of due) await action();
    if (this.#setup.isPaced === true && method === 'thread/start') await untilNextSecond();
    const connection = await this.#connectionFor(step);
    const isAnswer = isObject(message) && !('method' in message) && 'id' in message;
    connection.send(step, isAnswer ? { ...message, id: connection.questionId(message['id']) as Json } : message);
    if (isRequest(step.message)) this.#open.set(keyOf(step.connection, step.message['id']), method);
  }

  /** A client that says initialize under the first id again has connected anew. */
  async #connectionFor(step: ClientStep): Promise<LiveConnection> {
    const { connection: number, message } = step;
    const known = this.#connections.get(number);
    const isAnew = isObject(message) && message['method'] === 'initialize' && message['id'] === 1;
    if (known !== undefined && !isAnew) return known;
    if (known !== undefined) await this.#finishConnection(number);
    for (const action of this.#beforeConnecting.splice(0)) await action();
    const client = await this.#world.connect(this.#setup.servers?.[number] ?? 'one');
    const connection = new LiveConnection(client, this.#world.bindings, this.#world.gate);
    this.#connections.set(number, connection);
    return connection;
  }

  async #compareReply(step: ReplyStep): Promise<void> {
    const key = keyOf(step.connection, step.message['id']);
    const method = this.#open.get(key);
    const connection = this.#connections.get(step.connection);
    if (method === undefined || connection === undefined) return;
    this.#open.delete(key);
    this.#ledger.compared += 1;
    const { id: _, ...recorded } = step.message;
    const live = await connection.reply(step.message['id']);
    if (live === null) return this.#report(step, method, '', recorded, undefined);
    const told: JsonObject = live.error === undefined ? { result: live.result as Json } : { error: live.error };
    const isSameKind = 'error' in recorded === 'error' in told;
    if (!isSameKind) return this.#report(step, method, '', recorded, told);
    this.#comparer(step, method).compare('', recorded, told);
  }

  async #catchUp(): Promise<void> {
    for (const connection of this.#connections.values()) await connection.catchUp();
  }

  async #finishConnection(number: number): Promise<void> {
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    await connection.catchUp();
    this.#connections.delete(number);
    await connection.close();
    this.malformed.push(...connection.client.schemaErrors);
    for (const { message, place } of connection.unexpectedReplies()) {
      const { id, ...told } = message;
      // An answer to no request in particular.
      const method = id === null ? '' : methodOf(place.message);
      this.#report(place, method, '', undefined, told);
    }
    this.#compareNotices(connection);
  }

  #compareNotices(connection: LiveConnection): void {
    const { bindings } = this.#world;
    const live = connection.liveNotices();
    const recorded: PlacedNotice<Place>[] = connection.recorded.map((step) => ({ ...step, place: step }));
    for (const thread of new Set(recorded.map(threadOf))) {
      if (thread !== '' && !bindings.isBound(thread)) continue;
      const theirs = recorded.filter((notice) => threadOf(notice) === thread);
      const ours = live.filter((notice) => {
        const id = threadOf(notice);
        return thread === '' ? id === '' : bindings.recordedOf(id) === thread;
      });
      this.#ledger.notices += theirs.length;
      compareSequences<Place>(theirs, ours, bindings, {
        alone: (side, { method, params, place }) => {
          if (side === 'recorded') this.#report(place, method, '', params, undefined);
          else this.#report(place, method, '', undefined, params);
        },
        comparer: (method, place) => this.#comparer(place, method),
      });
    }
  }

  #comparer(place: Place, method: string): ValueComparer {
    return new ValueComparer({
      bindings: this.#world.bindings,
      skippedTurns: this.#skippedTurns,
      report: (path, recorded, live) => this.#report(place, method, path, recorded, live),
    });
  }

  #report({ line, section }: Place, method: string, path: string, recorded: unknown, live: unknown): void {
    const difference = { recording: this.#setup.name, section, line, method, path, recorded, live };
    if (!this.#ledger.explains(difference)) this.differences.push(difference);
  }

  #isSkipped({ section, method = '' }: { section: string; method?: string }): boolean {
    return this.#ledger.isSkipped(this.#setup.name, section, method);
  }
}

function keyOf(connection: number, id: Json | undefined): string {
  return JSON.stringify([connection, id]);
}

function isRequest(message: Json): message is JsonObject {
  return isObject(message) && typeof message['method'] === 'string' && 'id' in message;
}

function untilNextSecond(): Promise<void> {
  return delay(1000 - (Date.now() % 1000));
}

/** The recordings ask for these to see how a server refuses what it has never heard of. */
function isProbeOfUnknown(method: string): boolean {
  return method === 'nope/nope';
}

/** What was left of the one text that was too long for the peer: it has to be so for us. */
const TOO_LONG = 1_048_581;

/** Long texts are cut in the recordings. */
function restoreCutText(message: Json): Json {
  if (typeof message === 'string') {
    const kept = message.endsWith('…[cut]') ? message.slice(0, -'…[cut]'.length) : null;
    return kept === null ? message : kept.padEnd(TOO_LONG, kept.at(-1));
  }
  if (Array.isArray(message)) return message.map(restoreCutText);
  if (!isObject(message)) return message;
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key, restoreCutText(value)]));
}
