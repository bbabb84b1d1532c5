// A model that calls what a text says, and what must hold of every conversation with tools. Main thread.
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { CONVERSATION_MARK, hasVariable } from '../../src/session/process-mark.js';
import { listProcesses, selectByEnvironment } from '../../src/session/process-table.js';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { readLines } from '../support/daemon-rig.js';
import type { ModelServer, ModelServerRequest } from '../support/model-server.js';

/** A function, or with `input` a freeform tool. */
export interface ToolCall {
  id: string;
  name: string;
  /** JSON text, or what is made into it. */
  args?: unknown;
  input?: string;
}

/** The calls of one answer of the model. */
export type Round = readonly ToolCall[];

const DO = 'do ';

/** What a user says to a model that follows scriptRounds(): it calls these, round after round, then says "done". */
export function doAll(rounds: readonly Round[]): string {
  return `${DO}${JSON.stringify(rounds)}`;
}

/** From now on the model does what doAll() says. Other texts are left to the command language. */
export function scriptRounds(model: ModelServer): void {
  model.script((request, reply) => {
    const next = nextRound(request);
    if (next === null) return false;
    reply.create();
    for (const { id, name, args, input } of next) {
      if (input === undefined) reply.functionCall(name, typeof args === 'string' ? args : JSON.stringify(args), id);
      else reply.item({ type: 'custom_tool_call', id: `ctc_${id}`, status: 'completed', call_id: id, name, input });
    }
    if (next.length === 0) reply.message(['done']);
    reply.complete();
    return undefined;
  });
}

/** Null when what doAll() said is over, or was never said; no calls when all have been made. */
function nextRound({ input }: ModelServerRequest): Round | null {
  const begin = input.findLastIndex((item) => textOf(item).startsWith(DO));
  if (begin < 0) return null;
  const since = input.slice(begin);
  if (since.some((item) => item['role'] === 'assistant' || textOf(item).includes('<turn_aborted>'))) return null;
  const rounds = JSON.parse(textOf(since[0]!).slice(DO.length)) as Round[];
  const called = new Set(since.filter(isCall).map((item) => item['call_id']));
  return rounds.find((round) => !round.every(({ id }) => called.has(id))) ?? [];
}

function textOf(item: Record<string, any>): string {
  return item['role'] === 'user' ? (item['content'][0]?.text ?? '') : '';
}

function isCall(item: Record<string, any>): boolean {
  return item['type'] === 'function_call' || item['type'] === 'custom_tool_call';
}

function isOutput(item: Record<string, any>): boolean {
  return item['type'] === 'function_call_output' || item['type'] === 'custom_tool_call_output';
}

/** Outputs in a request to the model, by the ids of their calls. */
export function outputsOf(request: ModelServerRequest): Record<string, string> {
  return Object.fromEntries(request.input.filter(isOutput).map((item) => [item['call_id'], String(item['output'])]));
}

/** The items of a kind of notification, in order. */
export function itemsTold(client: CheckedClient, threadId: string, method: 'item/started' | 'item/completed'): any[] {
  return client
    .notificationsOf(threadId)
    .filter((message) => message.method === method)
    .map(({ params }) => params!['item']);
}

export interface StoryOptions {
  /** Calls that show no item of their own when they go well. */
  silent?: readonly string[];
  /** Commands that may run on beyond a turn that was not interrupted. */
  mayOutlive?: boolean;
}

/**
 * What was told of one conversation from its start, and what its file says: every item that began has ended, before its
 * turn; every call has an item and one output; what is read afterwards is what was told.
 */
export async function checkStory(
  client: CheckedClient,
  threadId: string,
  file: string,
  { silent = [], mayOutlive = false }: StoryOptions = {},
): Promise<void> {
  const messages = client.notificationsOf(threadId);
  const open = new Map<string, string>();
  const ended = new Map<string, any[]>();
  for (const { method, params } of messages as (WireMessage & { params: any })[]) {
    const turnId: string = params.turnId ?? params.turn?.id;
    if (method === 'item/started') {
      const { id } = params.item;
      expect(open.has(id), `${id} begins twice`).to.equal(false);
      open.set(id, turnId);
    } else if (method === 'item/completed') {
      expect(open.get(params.item.id), `${params.item.id} ends`).to.equal(turnId);
      open.delete(params.item.id);
      ended.set(turnId, [...(ended.get(turnId) ?? []), params.item]);
    } else if (method === 'item/commandExecution/outputDelta') {
      expect(open.has(params.itemId), `output of ${params.itemId} while it runs`).to.equal(true);
    } else if (method === 'turn/completed') {
      const left = [...open].filter(([, ofTurn]) => ofTurn === turnId).map(([id]) => id);
      if (!mayOutlive || params.turn.status === 'interrupted') expect(left, 'open at the end').to.deep.equal([]);
    }
  }
  expect([...open.keys()], 'never ended').to.deep.equal([]);
  checkFile(file, ended, silent);
  const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
  for (const turn of thread.turns) {
    const told = ended.get(turn.id) ?? [];
    const byId = (items: any[]): any[] => items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(byId(turn.items), 'what is read').to.deep.equal(byId(told));
  }
}

function checkFile(file: string, ended: ReadonlyMap<string, any[]>, silent: readonly string[]): void {
  const items = readLines(file)
    .filter(({ type }) => type === 'response_item')
    .map(({ payload }) => payload);
  const calls = items.filter(isCall).map(({ call_id }) => call_id as string);
  const outputs = items.filter(isOutput).map(({ call_id }) => call_id as string);
  expect(outputs.toSorted(), 'one output for each call').to.deep.equal(calls.toSorted());
  const shown = new Set([...ended.values()].flat().map(({ id }) => id as string));
  expect(
    calls.filter((id) => !shown.has(id) && !silent.includes(id)),
    'calls without an item',
  ).to.deep.equal([]);
}

/** Processes of the conversation that run. */
export async function processesOf(threadId: string): Promise<number[]> {
  const running = (await listProcesses()).filter(({ ended }) => !ended);
  return (await selectByEnvironment(running, hasVariable(CONVERSATION_MARK, threadId))).map(({ pid }) => pid);
}

/**
 * Resolves when none is left; after `patienceMs`, to those that are, with what they are. Two seconds are what is promised
 * on a machine that has time; many interrupts at once on one that has none may take more.
 */
export async function processesLeft(threadId: string, patienceMs = 2000): Promise<string[]> {
  const since = performance.now();
  for (;;) {
    const left = await processesOf(threadId);
    if (left.length === 0 || performance.now() - since > patienceMs) return left.map(describeProcess);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function describeProcess(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
  } catch {
    return `${pid}, gone by now`;
  }
}

/** Files that patches and commands put aside while they work. */
export function litterIn(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => /\.rolloutd-|rolloutd-pipe-/.test(name));
}
