// The facts that clients were told about one conversation, gathered from byte logs. Any thread.
import type { LoggedMessage, WireMessage } from './byte-log.js';
import type { TurnState, WireItem, WireTurn } from './items.js';
import { itemText, userText } from './items.js';
import type { Violation } from './violation.js';
import { shorten } from './violation.js';

/** Who told it, when: enough to find it again in the evidence. */
export interface Telling {
  by: string;
  kill: number;
  connection: number;
  atMs: number;
}

export interface ToldTurn {
  id: string;
  /** turn/start, turn/steer or turn/completed named it. */
  told: Telling;
  ended: { status: TurnState; told: Telling } | null;
  /** An interrupt of this turn was answered. */
  interrupted: Telling | null;
}

export interface ToldItem {
  id: string;
  turnId: string;
  type: string;
  text: string;
  told: Telling;
}

export interface SentInput {
  text: string;
  outcome: 'unanswered' | 'accepted' | 'refused';
  turnId: string | null;
  told: Telling | null;
}

export interface SentRequest {
  method: string;
  params: Record<string, unknown>;
}

export interface LoggedConnection {
  connection: number;
  kill: number;
  messages: LoggedMessage[];
  requests: ReadonlyMap<number, SentRequest>;
}

/** Refusals that say nothing of whether the input was recorded: what would have known it is gone. */
const LEAVES_OPEN: ReadonlySet<string> = new Set(['worker_lost', 'writer_lost', 'rollout_write_failed']);

/** A turn that ends because nothing can be written has no end in the file either: it reads as interrupted. */
function isRecorded({ error }: WireTurn): boolean {
  return error?.additionalDetails !== 'rollout_write_failed' && error?.additionalDetails !== 'writer_lost';
}

/** Counts of facts, by kind, as the final table shows them. */
export type FactCounts = Map<string, number>;

export class ToldThread {
  readonly threadId: string;
  readonly turns = new Map<string, ToldTurn>();
  readonly items = new Map<string, ToldItem>();
  /** By text: the driver never sends a text twice. */
  readonly inputs = new Map<string, SentInput>();
  readonly violations: Violation[] = [];
  readonly #counts: FactCounts;

  constructor(threadId: string, counts: FactCounts) {
    this.threadId = threadId;
    this.#counts = counts;
  }

  get hasFacts(): boolean {
    return this.turns.size > 0 || this.items.size > 0;
  }

  /** To be called for each input that is sent, before it is sent. */
  noteInput(text: string): void {
    this.inputs.set(text, { text, outcome: 'unanswered', turnId: null, told: null });
  }

  noteNotification(message: WireMessage, telling: Telling): void {
    const params = message.params as { turnId: string; item: WireItem; turn: WireTurn };
    if (message.method === 'item/completed') {
      this.#noteItem(params.turnId, params.item, { ...telling, by: 'item/completed' });
    } else if (message.method === 'turn/completed') {
      const told = { ...telling, by: isRecorded(params.turn) ? 'turn/completed' : 'turn/completed, unrecorded' };
      this.#noteEnd(params.turn.id, params.turn.status, told);
    }
  }

  noteReply(request: SentRequest, message: WireMessage, telling: Telling): void {
    const params = request.params as { turnId?: string; input?: unknown[] };
    if (request.method === 'turn/interrupt') {
      if (message.error !== undefined || params.turnId === undefined) return;
      this.#noteTurn(params.turnId, { ...telling, by: 'reply to turn/interrupt' }).interrupted ??= telling;
      this.#count('interrupt replies');
      return;
    }
    if (request.method !== 'turn/start' && request.method !== 'turn/steer') return;
    const input = this.inputs.get(userText(params.input ?? []));
    if (input === undefined) throw new Error(`a reply to an input that was never sent: ${JSON.stringify(request)}`);
    const told = { ...telling, by: `reply to ${request.method}` };
    input.told = told;
    if (message.error !== undefined) {
      input.outcome = LEAVES_OPEN.has(message.error.data?.reason ?? '') ? 'unanswered' : 'refused';
      return;
    }
    const result = message.result as { turn?: { id: string }; turnId?: string };
    const turnId = result.turn?.id ?? result.turnId ?? '';
    input.outcome = 'accepted';
    input.turnId = turnId;
    this.#noteTurn(turnId, told);
    this.#count(`${request.method} replies`);
  }

  /** What thread/read showed after a restart is told as well: it must stay. */
  noteRead(turns: readonly WireTurn[], telling: Telling): void {
    const told = { ...telling, by: 'thread/read after the restart' };
    for (const turn of turns) {
      this.#noteTurn(turn.id, told);
      if (this.turns.get(turn.id)!.ended === null) this.#noteEnd(turn.id, turn.status, told);
      for (const item of turn.items) if (!this.items.has(item.id)) this.#noteItem(turn.id, item, told);
    }
  }

  /**
   * After a loss of power before kill `kill`: what was told in that life is no longer expected unless it belongs to a turn
   * whose end was told. It may be there nevertheless. Returns how many facts of that life stay, and how many do not.
   */
  releaseUnsynced(kill: number): { held: number; released: number } {
    const synced = new Set<string>();
    const count = { held: 0, released: 0 };
    for (const turn of this.turns.values()) {
      if (turn.told.kill < kill || turn.ended?.told.by === 'turn/completed') synced.add(turn.id);
    }
    const judge = (turnId: string, told: Telling | null): boolean => {
      const isHeld = synced.has(turnId);
      if (told?.kill === kill) count[isHeld ? 'held' : 'released'] += 1;
      return isHeld;
    };
    for (const turn of this.turns.values()) if (!judge(turn.id, turn.told)) this.turns.delete(turn.id);
    for (const item of this.items.values()) if (!judge(item.turnId, item.told)) this.items.delete(item.id);
    for (const input of this.inputs.values()) {
      if (input.outcome === 'refused') continue;
      if (input.outcome === 'accepted' && judge(input.turnId!, input.told)) continue;
      input.outcome = 'unanswered';
      input.turnId = null;
    }
    return count;
  }

  #noteTurn(id: string, told: Telling): ToldTurn {
    const known = this.turns.get(id);
    if (known !== undefined) return known;
    const turn = { id, told, ended: null, interrupted: null };
    this.turns.set(id, turn);
    return turn;
  }

  #noteEnd(id: string, status: TurnState, told: Telling): void {
    const turn = this.#noteTurn(id, told);
    if (turn.ended === null) {
      turn.ended = { status, told };
      this.#count(told.by.startsWith('turn/completed') ? 'turns completed' : 'read back after a restart');
    } else if (turn.ended.status !== status) {
      this.violations.push({
        kind: 'order',
        threadId: this.threadId,
        what: `turn ${id} was told to have ended in two ways`,
        told: `${turn.ended.status} (${describeTelling(turn.ended.told)})`,
        found: `${status} (${describeTelling(told)})`,
      });
    }
  }

  #noteItem(turnId: string, item: WireItem, told: Telling): void {
    const text = itemText(item);
    const known = this.items.get(item.id);
    if (known === undefined) {
      this.items.set(item.id, { id: item.id, turnId, type: item.type, text, told });
      this.#count(told.by === 'item/completed' ? 'items completed' : 'read back after a restart');
    } else if (known.text !== text || known.turnId !== turnId) {
      this.violations.push({
        kind: 'order',
        threadId: this.threadId,
        what: `item ${item.id} was told to be complete in two ways`,
        told: `turn ${known.turnId}: ${shorten(known.text)} (${describeTelling(known.told)})`,
        found: `turn ${turnId}: ${shorten(text)} (${describeTelling(told)})`,
      });
    }
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}

/** Adds all that one connection was told to the threads it concerns. */
export function gatherFacts(logged: LoggedConnection, threads: ReadonlyMap<string, ToldThread>): void {
  for (const { message, atMs } of logged.messages) {
    const telling = { by: '', kill: logged.kill, connection: logged.connection, atMs };
    if (message.method !== undefined) {
      const threadId = message.params?.threadId;
      if (typeof threadId === 'string') threads.get(threadId)?.noteNotification(message, telling);
      continue;
    }
    const request = logged.requests.get(Number(message.id));
    const threadId = request?.params.threadId;
    if (request !== undefined && typeof threadId === 'string')
      threads.get(threadId)?.noteReply(request, message, telling);
  }
}

export function describeTelling({ by, kill, connection, atMs }: Telling): string {
  return `${by}, before kill ${kill}, connection ${connection}, at ${atMs.toFixed(1)} ms`;
}
