// What the lines that somebody else appends to a rollout mean for those who look on: notifications of the wire. Index thread.
import type { NotificationName } from '../protocol/notification-names.js';
import type { ThreadItem, Turn } from '../protocol/thread.js';
import type { EventOfType, HistoryMode, RolloutLine } from '../rollout/line.js';
import { toThreadItem } from '../rollout/thread-item.js';
import { TurnProjection } from '../rollout/turns.js';

/** One notification; `params` are plain data. */
export interface RecordedEvent {
  method: NotificationName;
  params: Record<string, unknown>;
}

/** In legacy files, items may still be added to turns that are not the last one. */
const RECENT_TURNS = 3;

type TurnEnd = EventOfType<'task_complete'> | EventOfType<'turn_aborted'>;

/**
 * Knows the conversation as far as its lines were applied. Of what is recorded it tells whole items and the starts and ends of
 * turns: what streams in between is nowhere in the file.
 */
export class RecordedNews {
  readonly #threadId: string;
  readonly #isLegacy: boolean;
  readonly #projection: TurnProjection;
  /** The last answer of the agent, which goes out again with the end of its turn. */
  #answer: { turnId: string; item: ThreadItem } | null = null;
  /** Items of the last turns of a legacy file as they were told, as JSON by turn and id. */
  #told = new Map<string, Map<string, string>>();

  constructor(threadId: string, mode: HistoryMode) {
    this.#threadId = threadId;
    this.#isLegacy = mode === 'legacy';
    // Paginated files hold each item whole, so that nothing needs to be kept of it.
    this.#projection = new TurnProjection({ mode, keepItems: this.#isLegacy });
  }

  /** The turn that was started last, if the file does not say that it ended. */
  get openTurnId(): string | null {
    const last = this.#projection.lastTurn();
    return last?.isOpen === true ? last.id : null;
  }

  /** A line that everybody has seen already. `index` counts all lines of the file, as for a TurnProjection. */
  pass(line: RolloutLine, index: number): void {
    this.#projection.apply(line, index);
  }

  /** After the last line that was passed. */
  begin(): void {
    if (this.#isLegacy) this.#changedItems();
  }

  /** A new line. What it tells comes at once, but for items of legacy files: see settle(). */
  take(line: RolloutLine, index: number): RecordedEvent[] {
    const at = timeOf(line);
    const event = line.type === 'event_msg' ? line.payload : null;
    switch (event?.type) {
      case 'task_started': {
        const before = this.settle(at);
        const isNew = this.#projection.turn(event.turn_id) === null;
        this.#projection.apply(line, index);
        return isNew ? [...before, this.#turnEvent('turn/started', event.turn_id)] : before;
      }
      case 'task_complete':
      case 'turn_aborted':
        return [...this.settle(at), ...this.#endTurn(line, event, index)];
      case 'item_completed': {
        this.#projection.apply(line, index);
        if (this.#isLegacy) return [];
        const { turn_id, item: core, started_at_ms, completed_at_ms } = event;
        const item = toThreadItem(core, { startedAtMs: started_at_ms ?? null, completedAtMs: completed_at_ms ?? null });
        if (item.type === 'agentMessage') this.#answer = { turnId: turn_id, item };
        return [this.#itemEvent(turn_id, item, completed_at_ms ?? at)];
      }
      case 'token_count': {
        this.#projection.apply(line, index);
        const usage = event.info ? this.#projection.tokenUsage() : null;
        if (usage === null) return [];
        const params = { threadId: this.#threadId, turnId: usage.turnId, tokenUsage: usage.usage };
        return [{ method: 'thread/tokenUsage/updated', params }];
      }
      case 'user_message': {
        // Where turns are not marked it begins one.
        const before = this.settle(at);
        this.#projection.apply(line, index);
        return before;
      }
      case 'thread_rolled_back':
        this.#projection.apply(line, index);
        return [{ method: 'thread/reverted', params: { threadId: this.#threadId } }];
      default:
        this.#projection.apply(line, index);
        return [];
    }
  }

  /** After a run of lines: items of legacy files, which several lines make. */
  settle(at = Date.now()): RecordedEvent[] {
    if (!this.#isLegacy) return [];
    return this.#changedItems().map(({ turnId, item }) => this.#itemEvent(turnId, item, completedAt(item) ?? at));
  }

  #endTurn(line: RolloutLine, event: TurnEnd, index: number): RecordedEvent[] {
    const last = this.#projection.lastTurn()?.id ?? '';
    const named = event.turn_id ?? '';
    const wasOpen = this.#isOpen(named === '' ? last : named);
    this.#projection.apply(line, index);
    const turnId = this.#projection.turn(named) === null ? last : named;
    return wasOpen && turnId !== '' ? [this.#turnEvent('turn/completed', turnId)] : [];
  }

  /** A turn that nobody has heard of yet ends as well. */
  #isOpen(turnId: string): boolean {
    return (this.#projection.turn(turnId, turnId)?.status ?? 'inProgress') === 'inProgress';
  }

  #turnEvent(method: 'turn/started' | 'turn/completed', turnId: string): RecordedEvent {
    const { items: _, ...turn } = this.#projection.turn(turnId, turnId)!;
    const answer = this.#answer?.turnId === turnId && turn.status === 'completed' ? this.#answer.item : null;
    const shown: Pick<Turn, 'items' | 'itemsView'> =
      answer === null ? { items: [], itemsView: 'notLoaded' } : { items: [answer], itemsView: 'summary' };
    return { method, params: { threadId: this.#threadId, turn: { ...turn, ...shown } } };
  }

  #itemEvent(turnId: string, item: ThreadItem, completedAtMs: number): RecordedEvent {
    const params = { item, threadId: this.#threadId, turnId, contentTokenCount: null, completedAtMs };
    return { method: 'item/completed', params };
  }

  /** Items of the last turns that are new, or other than they were told; those that still run or grow wait. */
  #changedItems(): { turnId: string; item: ThreadItem }[] {
    const turns = this.#projection.recentTurns(RECENT_TURNS);
    const former = this.#told;
    this.#told = new Map(turns.map(({ id }) => [id, former.get(id) ?? new Map<string, string>()]));
    return turns.flatMap(({ id: turnId, items, status }) => {
      const told = this.#told.get(turnId)!;
      return items.flatMap((item, place) => {
        const grows = item.type === 'reasoning' && status === 'inProgress' && place === items.length - 1;
        if (grows || ('status' in item && item.status === 'inProgress')) return [];
        const text = JSON.stringify(item);
        if (told.get(item.id) === text) return [];
        told.set(item.id, text);
        return [{ turnId, item }];
      });
    });
  }
}

function completedAt(item: ThreadItem): number | null {
  return 'completedAtMs' in item ? (item.completedAtMs ?? null) : null;
}

function timeOf({ timestamp }: RolloutLine): number {
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? Date.now() : at;
}
