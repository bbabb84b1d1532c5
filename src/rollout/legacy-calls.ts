// Follows the calls of a legacy file and their outputs, and shows them as items of the turns they were made in. Any thread.
import type { ThreadItem } from '../protocol/thread.js';
import { callItem, continuedCommand } from './call-item.js';
import { readCallOutput } from './call-output.js';
import { hostMessageItem } from './host-message-item.js';
import { NO_TIMES } from './item-times.js';
import type { CoreItemOfType } from './line.js';
import { toContinuedSession, toModelCall } from './model-call.js';
import type { ModelCall } from './model-call.js';
import { isResponseItem } from './response-item.js';
import type { ResponseItem, WebSearchCallItem } from './response-item.js';
import { queryOf } from './search-query.js';
import { toThreadItem } from './thread-item.js';

/** Items of one turn, by id. */
export type TurnItems = Map<string, ThreadItem>;

type CommandItem = Extract<ThreadItem, { type: 'commandExecution' }>;

/** An item made here, as it was put into its turn: once something else stands there, a line recorded it. */
interface Shown<T extends ThreadItem = ThreadItem> {
  items: TurnItems;
  item: T;
}

interface TurnCounts {
  /** How often each id was called. */
  calls: Map<string, number>;
  searches: number;
  shellCommands: number;
}

interface OpenCall extends Shown {
  call: ModelCall;
  cwd: string;
}

/**
 * Items have the ids of their calls, so that lines that record one replace what is made of its call here. Where a line
 * gives no id, one is counted out in the order of the file. Ids are the same however far the file is read.
 */
export class LegacyCalls {
  #cwd = '/';
  readonly #open = new Map<string, OpenCall>();
  /** Processes that were running when their call returned, by the name that later calls have for them. */
  readonly #processes = new Map<string, Shown<CommandItem>>();
  /** Calls that go on with one of them. */
  readonly #continuing = new Map<string, { call: ModelCall; session: string }>();
  readonly #counts = new WeakMap<TurnItems, TurnCounts>();
  readonly #madeIds = { 'web-search': 0, 'host-message': 0 };

  /** Where commands run from here on. */
  setFolder(cwd: string): void {
    this.#cwd = cwd;
  }

  /** Says that an event recorded something whose own line, which need not name its id, is still to come. */
  expectRecorded(what: 'searches' | 'shellCommands', items: TurnItems): void {
    this.#countsOf(items)[what] += 1;
  }

  /** `items` are those of the turn that the item belongs to; without any, what it calls is not shown. */
  apply(item: ResponseItem, items: TurnItems | null): void {
    if (isResponseItem(item, 'function_call_output') || isResponseItem(item, 'custom_tool_call_output')) {
      this.#end(item.call_id, item.output ?? '', items);
    } else if (item.type === 'tool_search_output') {
      this.#end((item as { call_id?: unknown }).call_id, [], items);
    } else if (items === null) {
      return;
    } else if (isResponseItem(item, 'web_search_call')) {
      this.#addSearch(item, items);
    } else if (isResponseItem(item, 'message')) {
      this.#addHostMessage(item, items);
    } else if (item.type === 'image_generation_call') {
      addPicture(item, items);
    } else {
      const call = toModelCall(item);
      if (call !== null) this.#begin(call, items);
    }
  }

  #begin(call: ModelCall, items: TurnItems): void {
    const session = toContinuedSession(call);
    if (session !== null && this.#processes.has(session)) {
      this.#continuing.set(call.callId, { call, session });
      return;
    }
    const id = this.#claimId(call.callId, items);
    if (items.has(id)) return;
    const item = callItem({ ...call, callId: id }, this.#cwd, undefined);
    items.set(id, item);
    this.#open.set(call.callId, { call: { ...call, callId: id }, cwd: this.#cwd, items, item });
  }

  /** Some models repeat ids within a turn. */
  #claimId(callId: string, items: TurnItems): string {
    const { calls } = this.#countsOf(items);
    const count = (calls.get(callId) ?? 0) + 1;
    calls.set(callId, count);
    return count === 1 ? callId : `${callId}-${count}`;
  }

  #end(callId: unknown, output: unknown, items: TurnItems | null): void {
    if (typeof callId !== 'string') return;
    const continuing = this.#continuing.get(callId);
    const open = this.#open.get(callId);
    this.#continuing.delete(callId);
    this.#open.delete(callId);
    if (continuing !== undefined) this.#goOn(continuing, output, items);
    if (open === undefined || open.items.get(open.item.id) !== open.item) return;
    const item = callItem(open.call, open.cwd, output);
    open.items.set(item.id, item);
    if (item.type === 'commandExecution' && item.processId !== null) {
      this.#processes.set(item.processId, { items: open.items, item });
    }
  }

  #goOn({ call, session }: { call: ModelCall; session: string }, output: unknown, items: TurnItems | null): void {
    const told = readCallOutput(output);
    // No word from the process, only about the call: that is all there is to show.
    if (told.outcome !== 'completed' && told.exitCode === null) {
      items?.set(call.callId, callItem(call, this.#cwd, output));
      return;
    }
    const process = this.#processes.get(session);
    if (process === undefined) return;
    if (told.sessionId === null) this.#processes.delete(session);
    const { items: itsItems, item } = process;
    if (itsItems.get(item.id) !== item) return;
    process.item = continuedCommand(item, told);
    itsItems.set(item.id, process.item);
  }

  #addSearch(search: WebSearchCallItem, items: TurnItems): void {
    const isRecorded = this.#takeRecorded('searches', items);
    const named = textOf(search.id);
    if (isRecorded || items.has(named)) return;
    const id = named || this.#makeId('web-search');
    const action = search.action ?? null;
    items.set(id, toThreadItem({ type: 'WebSearch', id, query: queryOf(action), action }, NO_TIMES));
  }

  #addHostMessage(message: ResponseItem, items: TurnItems): void {
    const item = hostMessageItem(message, this.#cwd, () => this.#makeId('host-message'));
    if (item === null || items.has(item.id)) return;
    if (item.type === 'commandExecution' && this.#takeRecorded('shellCommands', items)) return;
    items.set(item.id, item);
  }

  #takeRecorded(what: 'searches' | 'shellCommands', items: TurnItems): boolean {
    const counts = this.#countsOf(items);
    if (counts[what] === 0) return false;
    counts[what] -= 1;
    return true;
  }

  #countsOf(items: TurnItems): TurnCounts {
    const known = this.#counts.get(items);
    if (known !== undefined) return known;
    const counts = { calls: new Map<string, number>(), searches: 0, shellCommands: 0 };
    this.#counts.set(items, counts);
    return counts;
  }

  #makeId(kind: 'web-search' | 'host-message'): string {
    this.#madeIds[kind] += 1;
    return `${kind}-${this.#madeIds[kind]}`;
  }
}

function addPicture(item: ResponseItem, items: TurnItems): void {
  const { id, status, result, revised_prompt } = item as Record<string, unknown>;
  if (typeof id !== 'string' || items.has(id)) return;
  const picture: CoreItemOfType<'ImageGeneration'> = {
    type: 'ImageGeneration',
    id,
    status: typeof status === 'string' ? status : '',
    ...(typeof result === 'string' ? { result } : {}),
    revised_prompt: typeof revised_prompt === 'string' ? revised_prompt : null,
  };
  items.set(id, toThreadItem(picture, NO_TIMES));
}

/** What was looked for, in the words that the events for it have. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
