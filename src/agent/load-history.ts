// Brings a conversation back from its rollout: what the model saw, where to append, what was left open. Session worker.
import { DaemonError } from '../errors.js';
import { applyJournal, quarantineJournal, readJournal } from '../rollout/journal.js';
import type { PartialItem } from '../rollout/journal.js';
import type { CoreItemOfType, HistoryMode, RolloutLine, SessionMetaPayload } from '../rollout/line.js';
import { toModelHistory } from '../rollout/model-history.js';
import { previewOfLine } from '../rollout/preview.js';
import { historyModeOf } from '../rollout/read-rollout.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { RolloutLinesRead } from '../rollout/read-rollout-lines.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { InitialHistory } from '../session/messages.js';
import type { ModelUsage } from './model/model.js';
import type { PendingRecovery } from './recovery.js';
import type { LineBody } from './recorder.js';
import { fromCore } from './token-totals.js';
import { callIdOf, isCall } from './tool-calls.js';

export interface LoadedHistory {
  items: ResponseItem[];
  mode: HistoryMode;
  nextOrdinal: number;
  /** Bytes of the file. */
  size: number;
  tornTail: boolean;
  preview: string;
  baseInstructions: string | null;
  usage: { total: ModelUsage; last: ModelUsage } | null;
  recovery: PendingRecovery | null;
  /** Lines that a new file must begin with, after its session_meta. */
  inherited: LineBody[];
  warnings: string[];
}

const WANTED: ReadonlySet<LineKind> = new Set([
  'session_meta',
  'response_item',
  'compacted',
  'event_msg/task_started',
  'event_msg/task_complete',
  'event_msg/turn_aborted',
  'event_msg/item_completed',
  'event_msg/user_message',
  'event_msg/token_count',
  'event_msg/thread_rolled_back',
]);

/** Throws rollout_unreadable when the file has no session_meta, and what reading throws. Writes nothing. */
export async function loadHistory(history: InitialHistory, journalPath: string | null): Promise<LoadedHistory> {
  const gathered = new GatheredHistory();
  switch (history.type) {
    case 'new':
      return gathered.finish(null, null);
    case 'forked': {
      for (const line of history.items) gathered.take(line);
      const inherited = history.items.filter((line) => line.type !== 'session_meta');
      // What is inherited stays as it was written: the new file goes on in the mode of the old one.
      return { ...gathered.finish(null, null), inherited, recovery: null };
    }
    case 'resumed': {
      const read = await readRolloutLines(history.rolloutPath, (line) => gathered.take(line), { kinds: WANTED });
      if (gathered.meta === null) {
        throw new DaemonError('rollout_unreadable', `the rollout ${history.rolloutPath} has no session metadata`);
      }
      // Half a history before the model would be worse than none.
      if (gathered.meta.history_base) {
        const message = `thread ${gathered.meta.id} goes on from the history of ${gathered.meta.history_base.thread_id}: resuming such a fork or revert is not supported yet`;
        throw new DaemonError('lineage_broken', message);
      }
      return gathered.finish(read, journalPath);
    }
  }
}

/** A turn that has begun and not ended yet. */
interface OpenTurn {
  turnId: string;
  startedAt: number;
  /** Ids of its visible items. */
  completed: Set<string>;
  /** What the model called in it, by id. */
  calls: Map<string, ResponseItem>;
}

class GatheredHistory {
  meta: SessionMetaPayload | null = null;
  #modelLines: RolloutLine[] = [];
  #preview = '';
  #hasItems = false;
  #hasMessageEvents = false;
  #usage: LoadedHistory['usage'] = null;
  #openTurn: OpenTurn | null = null;
  /** A message that people saw and whose line for the model has not followed. */
  #lastShown: CoreItemOfType<'AgentMessage'> | null = null;

  take(line: RolloutLine): void {
    this.#preview ||= previewOfLine(line) ?? '';
    switch (line.type) {
      case 'session_meta':
        this.meta ??= line.payload;
        break;
      case 'compacted':
        if (line.payload.replacement_history) this.#modelLines = [];
        this.#modelLines.push(line);
        break;
      case 'response_item':
        this.#modelLines.push(line);
        this.#lastShown = null;
        if (isCall(line.payload)) this.#openTurn?.calls.set(callIdOf(line.payload), line.payload);
        break;
      case 'event_msg':
        this.#takeEvent(line);
        break;
      case 'turn_context':
      case 'world_state':
      case 'token_usage_record':
        break;
    }
  }

  #takeEvent(line: RolloutLine & { type: 'event_msg' }): void {
    const event = line.payload;
    switch (event.type) {
      case 'task_started':
        this.#openTurn = {
          turnId: event.turn_id,
          startedAt: event.started_at ?? 0,
          completed: new Set(),
          calls: new Map(),
        };
        break;
      case 'task_complete':
      case 'turn_aborted':
        this.#openTurn = null;
        break;
      case 'item_completed':
        this.#hasItems = true;
        if (event.item.type === 'AgentMessage') this.#lastShown = event.item;
        if (event.turn_id === this.#openTurn?.turnId) this.#openTurn.completed.add(event.item.id);
        break;
      case 'user_message':
        this.#hasMessageEvents = true;
        break;
      case 'token_count': {
        const total = fromCore(event.info?.total_token_usage);
        const last = fromCore(event.info?.last_token_usage);
        if (total !== null && last !== null) this.#usage = { total, last };
        break;
      }
      case 'thread_rolled_back':
        this.#modelLines.push(line);
        break;
      default:
        break;
    }
  }

  finish(read: RolloutLinesRead | null, journalPath: string | null): LoadedHistory {
    const items = toModelHistory(this.#modelLines);
    const warnings: string[] = [];
    if (read !== null && read.setAside.count > 0) {
      warnings.push(`${read.setAside.count} damaged line(s) of the rollout were set aside; they stay in the file`);
    }
    return {
      items,
      mode: this.#mode(),
      nextOrdinal: read?.nextOrdinal ?? 0,
      size: read?.size ?? 0,
      tornTail: read?.tornTail ?? false,
      preview: this.#preview,
      baseInstructions: this.meta?.base_instructions?.text ?? null,
      usage: this.#usage,
      recovery: this.#recovery(items, read?.completeSize ?? 0, journalPath, warnings),
      inherited: [],
      warnings,
    };
  }

  /** Without its own word for it, the lines tell: only legacy files have messages as events and nothing else. */
  #mode(): HistoryMode {
    if (this.meta !== null) return historyModeOf(this.meta);
    return this.#hasMessageEvents && !this.#hasItems ? 'legacy' : 'paginated';
  }

  #recovery(
    items: readonly ResponseItem[],
    size: number,
    journalPath: string | null,
    warnings: string[],
  ): PendingRecovery | null {
    const open = this.#openTurn;
    if (open === null) return null;
    const recorded = new Set(this.#modelLines.flatMap((line) => (line.type === 'response_item' ? [line.payload] : [])));
    const danglingOutputs = items.filter((item) => item.type.endsWith('_call_output') && !recorded.has(item));
    const partialItems =
      journalPath === null ? [] : recoverText(journalPath, open.turnId, size, open.completed, warnings);
    const unseenCalls = new Map([...open.calls].filter(([callId]) => !open.completed.has(callId)));
    const shownOnly = this.#lastShown;
    return { turnId: open.turnId, startedAt: open.startedAt, danglingOutputs, unseenCalls, shownOnly, partialItems };
  }
}

function recoverText(
  journalPath: string,
  turnId: string,
  size: number,
  completed: Set<string>,
  warnings: string[],
): PartialItem[] {
  let journal;
  try {
    journal = readJournal(journalPath);
  } catch (error) {
    warnings.push(`text of an unfinished answer cannot be read: ${String(error)}`);
    return [];
  }
  // One of an earlier turn is only late in being dropped.
  if (journal === null || journal.records.at(-1)?.turnId !== turnId) return [];
  const applied = applyJournal(journal, size, completed);
  if (applied.discarded === 'size_mismatch') {
    const aside = quarantineJournal(journalPath);
    warnings.push(`text of an unfinished answer does not fit its rollout and was set aside as ${aside}`);
  }
  return applied.items;
}
