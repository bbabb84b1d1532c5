// The turns of a conversation in their wire form, made from the lines of its rollout. Any thread.
import type { TokenUsage, Turn } from '../protocol/thread.js';
import { settledItem } from './call-item.js';
import type { TurnItems } from './legacy-calls.js';
import { isItemEvent, LegacyItems } from './legacy-items.js';
import type { LegacyItemEvent } from './legacy-items.js';
import type { EventOfType, EventPayload, HistoryMode, RolloutLine, RolloutTokenUsage, TokenUsageInfo } from './line.js';
import { historyModeOf } from './read-rollout.js';
import type { ResponseItem } from './response-item.js';
import { toThreadItem } from './thread-item.js';
import { toTurnError } from './turn-error.js';

export interface TurnTokenUsage {
  turnId: string;
  usage: TokenUsage;
}

interface TurnState {
  turn: Omit<Turn, 'items' | 'itemsView'>;
  /** By id: a repeated item replaces the earlier one in its place. */
  items: TurnItems;
  /** False for turns of versions that did not mark where a turn starts and ends. */
  isMarked: boolean;
}

/**
 * Gathers turns line by line. Lines are to be applied in file order; those of the kinds it does not look at may be
 * left out, if `index` then counts all of the file.
 */
export class TurnProjection {
  readonly #keepItems: boolean;
  #mode: HistoryMode | null;
  readonly #turns: TurnState[] = [];
  readonly #byId = new Map<string, TurnState>();
  /** The turn of what names none. In legacy files nothing more belongs to one that is complete. */
  #current: TurnState | null = null;
  #tokenUsage: TurnTokenUsage | null = null;
  #lineCount = 0;
  readonly #legacy = new LegacyItems();

  /** Without a mode that of the first session_meta applies. Without items only the turns themselves are followed. */
  constructor({ mode = null, keepItems = true }: { mode?: HistoryMode | null; keepItems?: boolean } = {}) {
    this.#mode = mode;
    this.#keepItems = keepItems;
  }

  apply(line: RolloutLine, index = this.#lineCount): void {
    this.#lineCount = index + 1;
    switch (line.type) {
      case 'session_meta':
        this.#mode ??= historyModeOf(line.payload);
        this.#legacy.calls.setFolder(line.payload.cwd);
        break;
      case 'turn_context':
        this.#legacy.calls.setFolder(line.payload.cwd);
        break;
      case 'event_msg':
        this.#applyEvent(line.payload, index);
        break;
      case 'response_item':
        if (this.#keepItems && this.#isLegacy) this.#applyResponse(line.payload);
        break;
      default:
        break;
    }
  }

  /** A turn that never ended reads `interrupted`, unless it is the one named here. */
  turns({ liveTurnId = null }: { liveTurnId?: string | null } = {}): Turn[] {
    return this.#turns.map((state) => toTurn(state, liveTurnId, this.#isLegacy));
  }

  /** One turn; null for one that is not there. */
  turn(id: string, liveTurnId: string | null = null): Turn | null {
    const state = this.#byId.get(id);
    return state === undefined ? null : toTurn(state, liveTurnId, this.#isLegacy);
  }

  /** The `count` that were started last, the newest last; that one is taken to be live while it is open. */
  recentTurns(count: number): Turn[] {
    return this.#turns.slice(-count).map((state) => toTurn(state, this.#turns.at(-1)!.turn.id, this.#isLegacy));
  }

  /** The turn that was started last; open if it neither completed nor was aborted. */
  lastTurn(): { id: string; isOpen: boolean } | null {
    const last = this.#turns.at(-1);
    return last === undefined ? null : { id: last.turn.id, isOpen: last.turn.status === 'inProgress' };
  }

  /** The last one recorded, with the turn it was recorded in. */
  tokenUsage(): TurnTokenUsage | null {
    return this.#tokenUsage;
  }

  /** So is a file that does not say. */
  get #isLegacy(): boolean {
    return this.#mode !== 'paginated';
  }

  #applyEvent(event: EventPayload, index: number): void {
    switch (event.type) {
      case 'task_started':
        this.#startTurn(event);
        break;
      case 'task_complete':
      case 'turn_aborted':
        this.#endTurn(event);
        break;
      case 'item_completed':
        this.#addItem(event);
        break;
      case 'token_count':
        if (event.info)
          this.#tokenUsage = { turnId: this.#turnInMind()?.turn.id ?? '', usage: toTokenUsage(event.info) };
        break;
      case 'thread_rolled_back':
        this.#rollBack(event.num_turns);
        break;
      default:
        if (this.#isLegacy) this.#applyLegacy(event, index);
    }
  }

  #startTurn({ turn_id, root_turn_id, started_at }: EventOfType<'task_started'>): void {
    const state = this.#openTurn(turn_id, true);
    state.turn.rootTurnId = root_turn_id ?? null;
    state.turn.startedAt = started_at ?? null;
    this.#current = state;
  }

  #endTurn(event: EventOfType<'task_complete'> | EventOfType<'turn_aborted'>): void {
    const state = this.#endedTurn(event.turn_id ?? null);
    if (state === null) return;
    const { turn } = state;
    turn.rootTurnId ??= event.root_turn_id ?? null;
    turn.startedAt ??= event.started_at ?? null;
    turn.completedAt = event.completed_at ?? null;
    turn.durationMs = event.duration_ms ?? null;
    if (event.type === 'turn_aborted') {
      turn.status = 'interrupted';
    } else if (event.error) {
      turn.status = 'failed';
      turn.error = toTurnError(event.error);
    } else if (turn.status !== 'failed') {
      turn.status = 'completed';
    }
    if (this.#isLegacy && event.type === 'task_complete' && state === this.#current) this.#current = null;
  }

  /** In legacy files a review ends under an id under which nothing began: it is the running turn that ends. */
  #endedTurn(turnId: string | null): TurnState | null {
    if (turnId === null || turnId === '') return this.#current;
    if (this.#isLegacy) return this.#byId.get(turnId) ?? this.#current;
    return this.#openTurn(turnId, true);
  }

  #addItem({ turn_id, item, started_at_ms, completed_at_ms }: EventOfType<'item_completed'>): void {
    // In legacy files the words of users and models are in events of their own.
    const isSaid = item.type === 'UserMessage' || item.type === 'AgentMessage' || item.type === 'Reasoning';
    if (isSaid && this.#isLegacy) return;
    const times = { startedAtMs: started_at_ms ?? null, completedAtMs: completed_at_ms ?? null };
    // 0.98 names turns in items that it marks nowhere else.
    const state = this.#byId.get(turn_id) ?? (this.#isLegacy ? this.#current : null) ?? this.#openTurn(turn_id, true);
    if (this.#keepItems) state.items.set(item.id, toThreadItem(item, times));
  }

  #rollBack(count: number): void {
    for (const { turn } of this.#turns.splice(Math.max(0, this.#turns.length - count))) this.#byId.delete(turn.id);
    this.#current = null;
  }

  #applyLegacy(event: EventPayload, index: number): void {
    if (isItemEvent(event)) {
      const { items } = this.#turnOf(event, index);
      if (this.#keepItems) this.#legacy.add(event, items);
    } else if (event.type === 'error' && this.#current !== null && failsTurn(event)) {
      this.#current.turn.status = 'failed';
      this.#current.turn.error = toTurnError(event);
    }
  }

  #turnOf(event: LegacyItemEvent, index: number): TurnState {
    // Where turns are not marked, each message of a user begins one.
    if (event.type === 'user_message')
      return this.#current?.isMarked === true ? this.#current : this.#openUnmarkedTurn(index);
    const turnId = 'turn_id' in event && typeof event.turn_id === 'string' ? event.turn_id : '';
    const isReview = event.type === 'entered_review_mode' || event.type === 'exited_review_mode';
    if (isReview && turnId !== '') return this.#openTurn(turnId, true);
    return this.#byId.get(turnId) ?? this.#currentOrUnmarked(index);
  }

  /** What a model called begins no turn: a file of nothing else has none. */
  #applyResponse(item: ResponseItem): void {
    const notes = item.internal_chat_message_metadata_passthrough as { turn_id?: unknown } | null | undefined;
    const turnId = typeof notes?.turn_id === 'string' ? notes.turn_id : '';
    this.#legacy.addResponse(item, (this.#byId.get(turnId) ?? this.#current)?.items ?? null);
  }

  /** The one that runs, or else the one that ran last. */
  #turnInMind(): TurnState | null {
    return this.#current ?? this.#turns.at(-1) ?? null;
  }

  #currentOrUnmarked(index: number): TurnState {
    return this.#current ?? this.#openUnmarkedTurn(index);
  }

  #openUnmarkedTurn(index: number): TurnState {
    this.#current = this.#openTurn(`rollout-${index}`, false);
    return this.#current;
  }

  #openTurn(id: string, isMarked: boolean): TurnState {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const state: TurnState = {
      turn: {
        id,
        rootTurnId: null,
        status: isMarked ? 'inProgress' : 'completed',
        error: null,
        startedAt: null,
        completedAt: null,
        durationMs: null,
      },
      items: new Map(),
      isMarked,
    };
    this.#turns.push(state);
    this.#byId.set(id, state);
    return state;
  }
}

/** Some errors are about what a client asked for meanwhile. */
function failsTurn({ codex_error_info: info }: EventOfType<'error'>): boolean {
  return info !== 'thread_rollback_failed' && !(isObject(info) && 'active_turn_not_steerable' in info);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** All turns of these lines. */
export function toTurns(lines: readonly RolloutLine[], options: { liveTurnId?: string | null } = {}): Turn[] {
  return project(lines).turns(options);
}

/** The last token usage that these lines record. */
export function latestTokenUsage(lines: readonly RolloutLine[]): TurnTokenUsage | null {
  return project(lines).tokenUsage();
}

function project(lines: readonly RolloutLine[]): TurnProjection {
  const meta = lines.find((line) => line.type === 'session_meta')?.payload;
  const projection = new TurnProjection({ mode: meta === undefined ? null : historyModeOf(meta) });
  for (const line of lines) projection.apply(line);
  return projection;
}

function toTurn({ turn, items }: TurnState, liveTurnId: string | null, isLegacy: boolean): Turn {
  const { id, rootTurnId, status, ...rest } = turn;
  const isDead = status === 'inProgress' && id !== liveTurnId;
  const shown = [...items.values()];
  return {
    id,
    rootTurnId,
    items: isLegacy && id !== liveTurnId ? shown.map(settledItem) : shown,
    itemsView: 'full',
    status: isDead ? 'interrupted' : status,
    ...rest,
  };
}

function toTokenUsage({ total_token_usage, last_token_usage, model_context_window }: TokenUsageInfo): TokenUsage {
  return {
    total: toCounts(total_token_usage),
    last: toCounts(last_token_usage),
    modelContextWindow: model_context_window ?? null,
  };
}

function toCounts(usage: RolloutTokenUsage): TokenUsage['total'] {
  return {
    totalTokens: usage.total_tokens,
    inputTokens: usage.input_tokens,
    cachedInputTokens: usage.cached_input_tokens,
    cacheWriteInputTokens: usage.cache_write_input_tokens ?? 0,
    outputTokens: usage.output_tokens,
    reasoningOutputTokens: usage.reasoning_output_tokens,
  };
}
