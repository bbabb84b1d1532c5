// Where in a history each turn begins. Index thread.
import type { HistoryMode, RolloutLine } from '../rollout/line.js';
import { isResponseItem } from '../rollout/response-item.js';
import { TurnProjection } from '../rollout/turns.js';
import { isUserInput } from '../rollout/user-message.js';
import type { HistoryPlace } from './conversation-history.js';

export interface TurnStart {
  turnId: string;
  /** Which of the history's files, and the byte in it before which nothing is the turn's. */
  file: number;
  offset: number;
  /** Of the line there; where it has none, the one that follows on the highest before it. */
  ordinal: number;
}

/** Texts in the user's name that tell the model how something ended: they belong to what precedes them. */
const CLOSING_TEXTS = ['<turn_aborted>', '<user_shell_command>', '<skill>', '<subagent_notification>'];

type Position = Omit<TurnStart, 'turnId'>;

/**
 * Follows a history line by line; all lines are to be added, in order. A turn of a version that marked none begins with
 * the first of the lines that lead up to it: context, settings, and what the user said as the model gets it.
 */
export class TurnStarts {
  readonly #projection: TurnProjection;
  readonly #starts: TurnStart[] = [];
  readonly #droppedLater: TurnStart[] = [];
  readonly #endedLater = new Set<string>();
  /** Where something for the model came before any turn. */
  #early: Position | null = null;
  /** The first of the lines seen last that may lead up to a turn. */
  #lead: Position | null = null;
  #leadHasInput = false;
  #leadSinceInput: Position | null = null;
  #previous: RolloutLine | null = null;
  #nextOrdinal = 0;

  constructor(historyMode: HistoryMode) {
    this.#projection = new TurnProjection({ mode: historyMode, keepItems: false });
  }

  add(line: RolloutLine, { file, offset, index }: HistoryPlace): void {
    const position = { file, offset, ordinal: line.ordinal ?? this.#nextOrdinal };
    if (line.type === 'response_item' && this.#starts.length === 0) this.#early ??= position;
    if (line.ordinal !== undefined) this.#nextOrdinal = Math.max(this.#nextOrdinal, line.ordinal + 1);
    this.#projection.apply(line, index);
    this.#follow(line, position);
    this.#lookForLateEnd(line, position);
    this.#lookForLead(line, position);
    this.#previous = line;
  }

  /** Those that there are now: what was rolled back is not among them. */
  get starts(): readonly TurnStart[] {
    return this.#starts;
  }

  /** Those that were rolled back in a later file than theirs: theirs alone would bring them back. */
  get droppedLater(): readonly TurnStart[] {
    return this.#droppedLater;
  }

  /** Whether the first turn is not the first that the model is to know: items were injected before it. */
  get hasItemsBefore(): boolean {
    const [first] = this.#starts;
    if (this.#early === null || first === undefined) return false;
    return this.#early.file < first.file || this.#early.offset < first.offset;
  }

  /** Whether a later file than its own says how the turn went on: it was running when that file went on from it. */
  isEndedLater(turnId: string): boolean {
    return this.#endedLater.has(turnId);
  }

  /** A line opens at most one turn, or takes some away. */
  #follow(line: RolloutLine, position: Position): void {
    const turnId = this.#projection.lastTurn()?.id ?? null;
    if (turnId === (this.#starts.at(-1)?.turnId ?? null)) return;
    const known = this.#starts.findLastIndex((start) => start.turnId === turnId);
    if (turnId === null || known !== -1) {
      const dropped = this.#starts.splice(known + 1);
      this.#droppedLater.push(...dropped.filter(({ file }) => file < position.file));
      return;
    }
    const isMark = line.type === 'event_msg' && line.payload.type === 'task_started';
    this.#starts.push({ turnId, ...(isMark ? position : (this.#lead ?? position)) });
  }

  #lookForLateEnd(line: RolloutLine, { file }: Position): void {
    const last = this.#starts.at(-1);
    if (last === undefined || last.file === file || line.type !== 'event_msg') return;
    const { type } = line.payload;
    if (type === 'item_completed' || type === 'turn_aborted' || type === 'task_complete') {
      if (line.payload.turn_id === last.turnId) this.#endedLater.add(last.turnId);
    }
  }

  #lookForLead(line: RolloutLine, position: Position): void {
    const isInput = line.type === 'response_item' && isUserInput(line.payload);
    if (!isInput && !this.#leadsUp(line)) {
      this.#lead = null;
      this.#leadSinceInput = null;
      this.#leadHasInput = false;
      return;
    }
    this.#lead ??= position;
    this.#leadSinceInput ??= position;
    if (!isInput) return;
    // A turn has one input to begin with: one before that was left without a turn.
    if (this.#leadHasInput) this.#lead = this.#leadSinceInput;
    this.#leadHasInput = true;
    this.#leadSinceInput = null;
  }

  #leadsUp(line: RolloutLine): boolean {
    switch (line.type) {
      case 'turn_context':
        // Versions that marked no turns wrote it after the input.
        return !isEvent(this.#previous, 'user_message');
      case 'world_state':
        return true;
      case 'event_msg':
        return isEvent(line, 'thread_settings_applied');
      case 'response_item': {
        const item = line.payload;
        if (!isResponseItem(item, 'message')) return false;
        if (item.role !== 'user') return item.role === 'developer' || item.role === 'system';
        const [first] = item.content;
        const text = first?.type === 'input_text' && typeof first.text === 'string' ? first.text.trimStart() : '';
        return !CLOSING_TEXTS.some((start) => text.startsWith(start));
      }
      default:
        return false;
    }
  }
}

function isEvent(line: RolloutLine | null, type: 'user_message' | 'thread_settings_applied'): boolean {
  return line?.type === 'event_msg' && line.payload.type === type;
}
