// The turns of a conversation in their wire form, made from the lines of its rollout. Any thread.
import type { ThreadItem, TokenUsage, Turn } from '../protocol/thread.js';
import type {
  CoreUserInput,
  EventOfType,
  EventPayload,
  HistoryMode,
  RolloutLine,
  RolloutTokenUsage,
  TokenUsageInfo,
} from './line.js';
import type { LineKind } from './line-kinds.js';
import { agentMessage, reasoning, toThreadItem, userMessage } from './thread-item.js';
import { toTurnError } from './turn-error.js';

export interface TurnTokenUsage {
  turnId: string;
  usage: TokenUsage;
}

/** The kinds of line that a TurnProjection looks at; the others may be left out. */
export const TURN_LINE_KINDS: ReadonlySet<LineKind> = new Set<LineKind>([
  'session_meta',
  'event_msg/task_started',
  'event_msg/task_complete',
  'event_msg/turn_aborted',
  'event_msg/item_completed',
  'event_msg/token_count',
  'event_msg/user_message',
  'event_msg/agent_message',
  'event_msg/agent_reasoning',
  'event_msg/agent_reasoning_raw_content',
  'event_msg/thread_rolled_back',
  'event_msg/error',
]);

/** Legacy items have no times. */
const NO_TIMES = { startedAtMs: null, completedAtMs: null };

interface TurnState {
  turn: Omit<Turn, 'items' | 'itemsView'>;
  /** By id: a repeated item replaces the earlier one in its place. */
  items: Map<string, ThreadItem>;
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
  #current: TurnState | null = null;
  #tokenUsage: TurnTokenUsage | null = null;
  #lineCount = 0;
  #legacyItems = 0;

  /** Without a mode that of the first session_meta applies. Without items only the turns themselves are followed. */
  constructor({ mode = null, keepItems = true }: { mode?: HistoryMode | null; keepItems?: boolean } = {}) {
    this.#mode = mode;
    this.#keepItems = keepItems;
  }

  apply(line: RolloutLine, index = this.#lineCount): void {
    this.#lineCount = index + 1;
    if (line.type === 'session_meta') this.#mode ??= line.payload.history_mode ?? 'legacy';
    else if (line.type === 'event_msg') this.#applyEvent(line.payload, index);
  }

  /** A turn that never ended reads `interrupted`, unless it is the one named here. */
  turns({ liveTurnId = null }: { liveTurnId?: string | null } = {}): Turn[] {
    return this.#turns.map((state) => toTurn(state, liveTurnId));
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
        if (event.info) this.#tokenUsage = { turnId: this.#current?.turn.id ?? '', usage: toTokenUsage(event.info) };
        break;
      case 'thread_rolled_back':
        this.#rollBack(event.num_turns);
        break;
      default:
        if (this.#mode !== 'paginated') this.#applyLegacy(event, index);
    }
  }

  #startTurn({ turn_id, root_turn_id, started_at }: EventOfType<'task_started'>): void {
    const state = this.#openTurn(turn_id, true);
    state.turn.rootTurnId = root_turn_id ?? null;
    state.turn.startedAt = started_at ?? null;
    this.#current = state;
  }

  #endTurn(event: EventOfType<'task_complete'> | EventOfType<'turn_aborted'>): void {
    const state = event.turn_id ? this.#openTurn(event.turn_id, true) : this.#current;
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
  }

  #addItem({ turn_id, item, started_at_ms, completed_at_ms }: EventOfType<'item_completed'>): void {
    // In legacy files the words of users and models are in events of their own.
    const isSaid = item.type === 'UserMessage' || item.type === 'AgentMessage' || item.type === 'Reasoning';
    if (isSaid && this.#mode !== 'paginated') return;
    const times = { startedAtMs: started_at_ms ?? null, completedAtMs: completed_at_ms ?? null };
    const state = this.#openTurn(turn_id, true);
    if (this.#keepItems) state.items.set(item.id, toThreadItem(item, times));
  }

  #rollBack(count: number): void {
    for (const { turn } of this.#turns.splice(Math.max(0, this.#turns.length - count))) this.#byId.delete(turn.id);
    this.#current = this.#turns.at(-1) ?? null;
  }

  #applyLegacy(event: EventPayload, index: number): void {
    switch (event.type) {
      case 'user_message': {
        const state = this.#current?.isMarked === true ? this.#current : this.#openUnmarkedTurn(index);
        const id = this.#nextLegacyId();
        this.#addLegacy(state, userMessage(id, event.client_id ?? null, legacyInput(event), NO_TIMES));
        break;
      }
      case 'agent_message': {
        const item = agentMessage(this.#nextLegacyId(), event.message, event.phase ?? null, false, NO_TIMES);
        this.#addLegacy(this.#currentOrUnmarked(index), item);
        break;
      }
      case 'agent_reasoning':
        this.#legacyReasoning(index).summary.push(event.text);
        break;
      case 'agent_reasoning_raw_content':
        this.#legacyReasoning(index).content.push(event.text);
        break;
      case 'error': {
        const { turn } = this.#currentOrUnmarked(index);
        turn.status = 'failed';
        turn.error = toTurnError(event);
        break;
      }
      default:
        break;
    }
  }

  /** Parts of one train of thought are lines of their own: they gather in one item until something else comes. */
  #legacyReasoning(index: number): { summary: string[]; content: string[] } {
    const state = this.#currentOrUnmarked(index);
    const last = [...state.items.values()].at(-1);
    if (last?.type === 'reasoning') return last;
    const item = reasoning(this.#nextLegacyId(), [], [], false, NO_TIMES);
    this.#addLegacy(state, item);
    return item;
  }

  #addLegacy(state: TurnState, item: ThreadItem): void {
    if (this.#keepItems) state.items.set(item.id, item);
  }

  #nextLegacyId(): string {
    this.#legacyItems += 1;
    return `item-${this.#legacyItems}`;
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

/** All turns of these lines. */
export function toTurns(lines: Iterable<RolloutLine>, options: { liveTurnId?: string | null } = {}): Turn[] {
  return project(lines).turns(options);
}

/** The last token usage that these lines record. */
export function latestTokenUsage(lines: Iterable<RolloutLine>): TurnTokenUsage | null {
  return project(lines).tokenUsage();
}

function project(lines: Iterable<RolloutLine>): TurnProjection {
  const projection = new TurnProjection();
  for (const line of lines) projection.apply(line);
  return projection;
}

function toTurn({ turn, items }: TurnState, liveTurnId: string | null): Turn {
  const { id, rootTurnId, status, ...rest } = turn;
  const isDead = status === 'inProgress' && id !== liveTurnId;
  return {
    id,
    rootTurnId,
    items: [...items.values()],
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

function legacyInput(event: EventOfType<'user_message'>): CoreUserInput[] {
  const text: CoreUserInput[] =
    event.message.trim() === ''
      ? []
      : [{ type: 'text', text: event.message, text_elements: event.text_elements ?? [] }];
  const images = (event.images ?? []).map((url): CoreUserInput => ({ type: 'image', image_url: url }));
  const localImages = (event.local_images ?? []).map((path): CoreUserInput => ({ type: 'local_image', path }));
  return [...text, ...images, ...localImages];
}
