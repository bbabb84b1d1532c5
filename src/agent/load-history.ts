// Brings a conversation back from its rollout: what the model saw, where to append, what was left open. Session worker.
import { DaemonError } from '../errors.js';
import { applyJournal, quarantineJournal, readJournal } from '../rollout/journal.js';
import type { PartialItem } from '../rollout/journal.js';
import type { ApprovalRequestedEvent } from '../rollout/approval-events.js';
import type { CoreItemOfType, HistoryMode, RolloutLine, SessionMetaPayload } from '../rollout/line.js';
import { toModelHistory } from '../rollout/model-history.js';
import { previewOfLine } from '../rollout/preview.js';
import { historyModeOf } from '../rollout/read-rollout.js';
import type { RolloutRange } from '../rollout/lineage.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { readLines } from '../rollout/line-reader.js';
import { parseLine } from '../rollout/parse-line.js';
import { readRolloutLines } from '../rollout/read-rollout-lines.js';
import type { RolloutLinesRead } from '../rollout/read-rollout-lines.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { InitialHistory } from '../session/messages.js';
import type { ModelUsage } from './model/model.js';
import { RecordedMessages } from './recorded-messages.js';
import type { PendingRecovery } from './recovery.js';
import type { SentMessages } from './sent-messages.js';
import { fromCore } from './token-totals.js';
import { callIdOf, isCall } from './tool-calls.js';
import { UnseenWords } from './unseen-words.js';

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
  inherited: RolloutLine[];
  /** Messages that a client may send again. */
  sent: SentMessages;
  /** The file holds what its conversation was forked from, and nothing yet that names the conversation itself. */
  endsInCopy: boolean;
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
  'event_msg/agent_message',
  'event_msg/token_count',
  'event_msg/thread_rolled_back',
  'event_msg/thread_settings_applied',
  'event_msg/approval_requested',
  'event_msg/approval_resolved',
]);

/**
 * `conversationId` is that of the conversation that goes on with the history. Throws rollout_unreadable when the file has
 * no session_meta, and what reading throws. Writes nothing.
 */
export async function loadHistory(
  history: InitialHistory,
  journalPath: string | null,
  conversationId: string,
): Promise<LoadedHistory> {
  const gathered = new GatheredHistory(conversationId);
  switch (history.type) {
    case 'new':
      return { ...gathered.finish(null), mode: history.mode };
    case 'forked': {
      gathered.takeAll(history.items);
      const inherited = history.items.filter((line) => !isSessionMeta(line));
      return { ...gathered.finish(null), inherited };
    }
    case 'copied': {
      const inherited = await readAllLines(history.source);
      gathered.takeAll(inherited);
      const recovery = gathered.recovery({ partialItems: history.partialItems });
      return { ...gathered.finish(null), inherited, mode: 'legacy', recovery };
    }
    case 'continued': {
      await gathered.readSources(history.sources);
      const nextOrdinal = history.base?.end_ordinal_exclusive ?? 0;
      const recovery = gathered.recovery({ partialItems: history.partialItems });
      return { ...gathered.finish(null), mode: 'paginated', nextOrdinal, recovery };
    }
    case 'resumed': {
      await gathered.readSources(history.sources);
      const read = await gathered.readFile(history.rolloutPath);
      const meta = gathered.fileMeta;
      if (meta === null) {
        throw new DaemonError('rollout_unreadable', `the rollout ${history.rolloutPath} has no session metadata`);
      }
      const warnings: string[] = [];
      const recovery = gathered.recovery({ journalPath, size: read.completeSize, warnings });
      const nextOrdinal = Math.max(read.nextOrdinal, meta.history_base?.end_ordinal_exclusive ?? 0);
      const loaded = gathered.finish(read);
      return { ...loaded, nextOrdinal, recovery, warnings: [...loaded.warnings, ...warnings] };
    }
  }
}

/** Lines of newer writers too: a copy must not lose them. */
async function readAllLines({ path, end }: RolloutRange): Promise<RolloutLine[]> {
  const lines: RolloutLine[] = [];
  await readLines(
    path,
    ({ value }) => {
      if (parseLine(value) === 'malformed') return 'malformed';
      lines.push(value as RolloutLine);
      return true;
    },
    { end },
  );
  return lines;
}

/** A turn that has begun and not ended yet. */
interface OpenTurn {
  turnId: string;
  startedAt: number;
  /** Ids of its visible items. */
  completed: Set<string>;
  /** What the model called in it, by id. */
  calls: Map<string, ResponseItem>;
  /** What clients were asked and have not answered, by id. */
  questions: Map<string, ApprovalRequestedEvent>;
}

/** Lines are taken in the order of the history: of the files that precede, oldest first, then of the file itself. */
class GatheredHistory {
  /** The first session_meta of the file that is being read; a copy may hold its source's as a second. */
  fileMeta: SessionMetaPayload | null = null;
  #baseInstructions: string | null = null;
  #modelLines: RolloutLine[] = [];
  #modelItems: ResponseItem[] | null = null;
  #preview = '';
  #hasItems = false;
  #hasMessageEvents = false;
  /** In the file that is being read. */
  #hasResponseItems = false;
  #usage: LoadedHistory['usage'] = null;
  #openTurn: OpenTurn | null = null;
  /** A message that people saw and whose line for the model has not followed. */
  #lastShown: CoreItemOfType<'AgentMessage'> | null = null;
  readonly #messages: RecordedMessages;
  readonly #unseen = new UnseenWords();

  constructor(conversationId: string) {
    this.#messages = new RecordedMessages(conversationId);
  }

  async readSources(sources: readonly RolloutRange[]): Promise<void> {
    for (const { path, end } of sources) await this.readFile(path, end);
  }

  readFile(path: string, end?: number): Promise<RolloutLinesRead> {
    this.fileMeta = null;
    this.#hasResponseItems = false;
    this.#messages.beginFile();
    const range = end === undefined ? {} : { end };
    return readRolloutLines(path, (line) => this.take(line), { kinds: WANTED, ...range });
  }

  takeAll(lines: readonly RolloutLine[]): void {
    for (const line of lines) this.take(line);
  }

  take(line: RolloutLine): void {
    this.#preview ||= previewOfLine(line) ?? '';
    this.#messages.take(line, this.fileMeta === null);
    this.#leaveOut(this.#unseen.take(line));
    switch (line.type) {
      case 'session_meta':
        if (this.fileMeta !== null) break;
        this.fileMeta = line.payload;
        this.#modelLines.push(line);
        this.#baseInstructions = line.payload.base_instructions?.text ?? this.#baseInstructions;
        break;
      case 'compacted':
        if (line.payload.replacement_history) this.#modelLines = this.#modelLines.filter(isSessionMeta);
        this.#modelLines.push(line);
        break;
      case 'response_item':
        this.#hasResponseItems = true;
        this.#modelLines.push(line);
        this.#lastShown = null;
        if (isCall(line.payload)) this.#openTurn?.calls.set(callIdOf(line.payload), line.payload);
        break;
      case 'event_msg':
        // Until then, what was said is all that there is for the model.
        if (!this.#hasResponseItems) this.#modelLines.push(line);
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
          questions: new Map(),
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
      case 'approval_requested':
        this.#openTurn?.questions.set(event.approval_id, event);
        break;
      case 'approval_resolved':
        this.#openTurn?.questions.delete(event.approval_id);
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
        if (this.#hasResponseItems) this.#modelLines.push(line);
        break;
      default:
        break;
    }
  }

  finish(read: RolloutLinesRead | null): LoadedHistory {
    const setAside = read?.setAside.count ?? 0;
    return {
      items: this.#items(),
      mode: this.#mode(),
      nextOrdinal: read?.nextOrdinal ?? 0,
      size: read?.size ?? 0,
      tornTail: read?.tornTail ?? false,
      preview: this.#preview,
      baseInstructions: this.#baseInstructions,
      usage: this.#usage,
      recovery: null,
      inherited: [],
      sent: this.#messages.finish(),
      endsInCopy: this.#messages.endsInCopy,
      warnings:
        setAside === 0 ? [] : [`${setAside} damaged line(s) of the rollout were set aside; they stay in the file`],
    };
  }

  #items(): ResponseItem[] {
    this.#leaveOut(this.#unseen.takeEnd());
    return (this.#modelItems ??= toModelHistory(this.#modelLines));
  }

  #leaveOut(line: RolloutLine | null): void {
    if (line !== null) this.#modelLines.splice(this.#modelLines.lastIndexOf(line), 1);
  }

  /** Without its own word for it, the lines tell: only legacy files have messages as events and nothing else. */
  #mode(): HistoryMode {
    if (this.fileMeta !== null) return historyModeOf(this.fileMeta);
    return this.#hasMessageEvents && !this.#hasItems ? 'legacy' : 'paginated';
  }

  /** What a turn without an end left open; its streamed text comes from the journal, or is given. */
  recovery(text: { partialItems: PartialItem[] } | JournalText): PendingRecovery | null {
    const open = this.#openTurn;
    if (open === null) return null;
    const recorded = new Set(this.#modelLines.flatMap((line) => (line.type === 'response_item' ? [line.payload] : [])));
    const danglingOutputs = this.#items().filter((item) => item.type.endsWith('_call_output') && !recorded.has(item));
    const partialItems =
      'partialItems' in text
        ? text.partialItems.filter(({ turnId, id }) => turnId === open.turnId && !open.completed.has(id))
        : recoverText(text, open.turnId, open.completed);
    const unseenCalls = new Map([...open.calls].filter(([callId]) => !open.completed.has(callId)));
    // Where the file holds nothing for the model, its messages are taken from what was shown as it is.
    const shownOnly = this.#hasResponseItems ? this.#lastShown : null;
    const { turnId, startedAt, completed } = open;
    const openQuestions = [...open.questions.values()];
    return { turnId, startedAt, danglingOutputs, unseenCalls, shownOnly, partialItems, openQuestions, completed };
  }
}

function isSessionMeta({ type }: RolloutLine): boolean {
  return type === 'session_meta';
}

interface JournalText {
  /** null when none is kept. */
  journalPath: string | null;
  /** Of the rollout, up to its last complete line. */
  size: number;
  /** Filled with what was odd. */
  warnings: string[];
}

function recoverText(
  { journalPath, size, warnings }: JournalText,
  turnId: string,
  completed: Set<string>,
): PartialItem[] {
  if (journalPath === null) return [];
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
