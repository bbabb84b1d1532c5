// Does what an operation says with a real daemon, and tells what came of it. Main thread.
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { holdText, RELEASED_TEXT } from './apply-operation.js';
import { compressFiles } from './files-on-disk.js';
import type { Given } from './gated-model.js';
import { currentFile, threadOf } from './model.js';
import type { Model, Thread } from './model.js';
import type { Operation, OperationOf, OperationType } from './operation.js';
import { waitForJournal } from './wait-for-journal.js';
import { heard } from './world.js';
import type { World } from './world.js';

export interface Performed {
  /** The `data.reason` of the refusal, or else its message; null when it was done. */
  refusal: string | null;
  /** Of the reply; empty where nobody asked for one. */
  result: any;
  /** What the language model was given, when it was asked for the first time. */
  given: Given | null;
}

type Performers = {
  readonly [T in OperationType]: (world: World, operation: OperationOf<T>, before: Model) => Promise<Performed>;
};

/** Resolves when everything that the operation sets off has come to rest. Rejects when it does not. */
export function perform(world: World, operation: Operation, before: Model): Promise<Performed> {
  const performer = PERFORMERS[operation.type] as (
    world: World,
    operation: Operation,
    before: Model,
  ) => Promise<Performed>;
  return performer(world, operation, before);
}

const PERFORMERS: Performers = {
  async start(world, { label, client, mode, ephemeral }) {
    const performed = await ask(world, client, 'thread/start', {
      cwd: world.home.workspace,
      ephemeral,
      ...(mode === 'legacy' ? { historyMode: mode } : {}),
    });
    if (performed.refusal === null) world.ids.set(label, performed.result.thread.id);
    return performed;
  },

  async turn(world, { label, client, thread, text, model }, before) {
    const mark = world.witness.received.length;
    const performed = await startTurn(world, { label, client, thread }, before, text, model);
    if (performed.refusal !== null) return performed;
    const wasRunning = threadOf(before, thread).running !== null;
    await idle(world, thread, wasRunning ? mark : await active(world, thread, mark));
    return { ...performed, given: world.gated.takeGiven(text) };
  },

  async hold(world, { label, client, thread, said }, before) {
    world.gated.prepareGate(label, said);
    const from = world.clients[client]!.received.length;
    const performed = await startTurn(world, { label, client, thread }, before, holdText(label), null);
    if (performed.refusal !== null) return performed;
    await heard(world.clients[client]!, from, ({ method, params }) => {
      return method === 'item/agentMessage/delta' && params!['delta'] === said.slice(3);
    });
    return { ...performed, given: world.gated.takeGiven(holdText(label)) };
  },

  async release(world, { thread }, before) {
    const mark = world.witness.received.length;
    world.gated.release(threadOf(before, thread).running!.gate, RELEASED_TEXT);
    await idle(world, thread, mark);
    return nothingTold();
  },

  async journal(world, { thread }, before) {
    await waitForJournalOf(world, threadOf(before, thread));
    return nothingTold();
  },

  async interrupt(world, { client, thread }, before) {
    const mark = world.witness.received.length;
    const turnId = world.turnIdOf(threadOf(before, thread).running!.turn);
    const performed = await ask(world, client, 'turn/interrupt', { threadId: world.idOf(thread), turnId });
    if (performed.refusal === null) await idle(world, thread, mark);
    return performed;
  },

  async fork(world, { label, client, thread, cut, byPath, ephemeral }) {
    const place = byPath ? { path: await pathOf(world, thread) } : {};
    const at =
      cut.type === 'whole'
        ? {}
        : cut.type === 'through'
          ? { lastTurnId: world.turnIdOf(cut.turn) }
          : { beforeTurnId: world.turnIdOf(cut.turn) };
    const params = { threadId: world.idOf(thread), ...place, ...at, ...(ephemeral ? { ephemeral } : {}) };
    const performed = await askAndHear(world, client, 'thread/fork', params, (result) => [
      ['thread/started', (told) => told['thread'].id === result.thread.id],
    ]);
    if (performed.refusal === null) world.ids.set(label, performed.result.thread.id);
    return performed;
  },

  async revert(world, { client, thread, before: turn }, before) {
    const params = { threadId: world.idOf(thread), beforeTurnId: world.turnIdOf(turn) };
    const performed = await ask(world, client, 'thread/revert', params);
    if (performed.refusal !== null) return performed;
    const { segment } = currentFile(threadOf(before, thread));
    world.learnSegment({ thread, segment: segment + 1 }, performed.result.thread.path);
    return performed;
  },

  archive(world, { client, thread }) {
    return askAboutThread(world, client, thread, 'thread/archive', 'thread/archived');
  },

  unarchive(world, { client, thread }) {
    return askAboutThread(world, client, thread, 'thread/unarchive', 'thread/unarchived');
  },

  delete(world, { client, thread, cascade }) {
    const params = { threadId: world.idOf(thread), ...(cascade ? { cascade } : {}) };
    return askAndHear(world, client, 'thread/delete', params, ({ deletedThreadIds }) =>
      (deletedThreadIds as string[]).map((id) => ['thread/deleted', (told) => told['threadId'] === id]),
    );
  },

  name(world, { client, thread, name }) {
    const told = { threadId: world.idOf(thread), threadName: name.trim() };
    return askAndHear(world, client, 'thread/name/set', { threadId: told.threadId, name }, () => [
      ['thread/name/updated', (params) => isDeepStrictEqual(params, told)],
    ]);
  },

  inject(world, { client, thread, messages }) {
    const items = messages.map(({ role, text }) => ({
      type: 'message',
      role,
      content: [{ type: role === 'user' ? 'input_text' : 'output_text', text }],
    }));
    return ask(world, client, 'thread/inject_items', { threadId: world.idOf(thread), items });
  },

  settings(world, { client, thread, model }) {
    return ask(world, client, 'thread/settings/update', { threadId: world.idOf(thread), model });
  },

  async resume(world, { client, thread, byPath }) {
    const place = byPath ? { path: await pathOf(world, thread) } : {};
    return ask(world, client, 'thread/resume', { threadId: world.idOf(thread), ...place });
  },

  read(world, { client, thread }) {
    return ask(world, client, 'thread/read', { threadId: world.idOf(thread), includeTurns: true });
  },

  list(world, { client, archived }) {
    return ask(world, client, 'thread/list', { archived, limit: 100 });
  },

  unsubscribe(world, { client, thread }) {
    return ask(world, client, 'thread/unsubscribe', { threadId: world.idOf(thread) });
  },

  async unload(world, { thread }, before) {
    const threadId = world.idOf(thread);
    const { subscribers } = threadOf(before, thread);
    for (const client of subscribers) await world.clients[client]!.call('thread/unsubscribe', { threadId });
    await world.host.unload?.(threadId);
    return nothingTold();
  },

  async reconnect(world, { client }) {
    await world.reconnect(client);
    return nothingTold();
  },

  async restart(world, { how }, before) {
    if (how === 'late kill') await waitForJournals(world, before);
    await (how === 'clean' ? world.host.restart() : world.host.kill());
    await world.connect();
    return nothingTold();
  },

  async compress(world, { thread, current }) {
    await compressFiles(world.home.path, world.idOf(thread), current);
    return nothingTold();
  },
};

function nothingTold(): Performed {
  return { refusal: null, result: {}, given: null };
}

async function ask(world: World, client: number, method: string, params: object): Promise<Performed> {
  const { error, result } = await world.clients[client]!.ask(method, params);
  if (error === undefined) return { refusal: null, result, given: null };
  return { refusal: error.data?.reason ?? `${error.code} ${error.message}`, result: {}, given: null };
}

type Expected = readonly [method: string, matches: (params: Record<string, any>) => boolean];

/** Asks, and when it was done waits until everybody was told what `expected` lists. */
async function askAndHear(
  world: World,
  client: number,
  method: string,
  params: object,
  expected: (result: any) => readonly Expected[],
): Promise<Performed> {
  const mark = world.witness.received.length;
  const performed = await ask(world, client, method, params);
  if (performed.refusal !== null) return performed;
  for (const [name, matches] of expected(performed.result)) {
    await heard(world.witness, mark, (message) => message.method === name && matches(message.params!));
  }
  return performed;
}

function askAboutThread(
  world: World,
  client: number,
  thread: number,
  method: string,
  told: string,
): Promise<Performed> {
  const threadId = world.idOf(thread);
  return askAndHear(world, client, method, { threadId }, () => [[told, (params) => params['threadId'] === threadId]]);
}

async function startTurn(
  world: World,
  { label, client, thread }: { label: number; client: number; thread: number },
  before: Model,
  text: string,
  model: string | null,
): Promise<Performed> {
  const params = {
    threadId: world.idOf(thread),
    input: [{ type: 'text', text }],
    ...(model === null ? {} : { model }),
  };
  const performed = await ask(world, client, 'turn/start', params);
  if (performed.refusal !== null) return performed;
  const { running } = threadOf(before, thread);
  if (running === null) world.turnIds.set(label, performed.result.turn.id);
  else if (performed.result.turn.id !== world.turnIdOf(running.turn)) {
    throw new Error(`the input went to another turn than the running #${running.turn}`);
  }
  return performed;
}

/** The number of the message that told everybody that the conversation is active. */
async function active(world: World, thread: number, mark: number): Promise<number> {
  const isIt = isStatus(world.idOf(thread), (type) => type === 'active');
  const message = await heard(world.witness, mark, isIt);
  return world.witness.received.indexOf(message, mark);
}

async function idle(world: World, thread: number, mark: number): Promise<void> {
  await heard(
    world.witness,
    mark,
    isStatus(world.idOf(thread), (type) => type !== 'active'),
  );
}

function isStatus(threadId: string, matches: (type: string) => boolean): (message: WireMessage) => boolean {
  return ({ method, params }) =>
    method === 'thread/status/changed' && params!['threadId'] === threadId && matches(params!['status'].type);
}

/** What streams, and is to be kept, is in the journals, and these fit the rollouts. */
async function waitForJournals(world: World, model: Model): Promise<void> {
  for (const thread of model.threads.values()) {
    if (thread.running !== null && !thread.ephemeral) await waitForJournalOf(world, thread);
  }
}

async function waitForJournalOf(world: World, { label, running }: Thread): Promise<void> {
  const rollout = await pathOf(world, label);
  const journal = join(world.home.path, 'rolloutd', 'journal', `${world.idOf(label)}.jsonl`);
  await waitForJournal(journal, running!.said, rollout);
}

async function pathOf(world: World, thread: number): Promise<string> {
  const reader: CheckedClient = world.witness;
  return (await reader.call('thread/read', { threadId: world.idOf(thread) })).thread.path as string;
}
