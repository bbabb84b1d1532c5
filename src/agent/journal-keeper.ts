// Keeps what runs in the side journal, with its text so far, so that a killed process loses little of it. Session worker.
import type { OpenItem } from './open-items.js';
import type { RolloutSink } from './rollout-sink.js';
import { journalRecord } from '../rollout/journal.js';
import type { JournalItem, ToolItem } from '../rollout/journal.js';
import type { ActiveTurn } from './active-turn.js';

/** Milliseconds between two records: what is lost at most, together with the way to the file, stays under 250. */
const INTERVAL_MS = 150;

/** A command or a patch that people see running. */
export interface KeptTool {
  readonly id: string;
  readonly turnId: string;
  readonly startedAtMs: number;
  /** What it has written so far, as it was told. */
  readonly text: string;
  /** Counts how often `core` has changed. */
  readonly revision: number;
  toToolItem(): ToolItem;
}

/** How much of each text of an item the journal holds, by field. */
type Marks = Map<string, number>;

/**
 * Records grow with what streams. A record says at which rollout size it was made; when the rollout has grown since,
 * the journal starts afresh with the whole text of what still runs.
 */
export class JournalKeeper {
  readonly #sink: RolloutSink | null;
  #turn: ActiveTurn | null = null;
  readonly #tools: readonly ReadonlySet<KeptTool>[];
  #timer: NodeJS.Timeout | null = null;
  #marks = new Map<string, Marks>();
  #recordedSize = -1;
  #exists = false;

  /** Of the `tools`, those of the turn that is followed are kept. */
  constructor(sink: RolloutSink | null, tools: readonly ReadonlySet<KeptTool>[] = []) {
    this.#sink = sink;
    this.#tools = tools;
  }

  /** The turn whose open items are to be kept. */
  follow(turn: ActiveTurn): void {
    this.#turn = turn;
  }

  /** Something was told, or recorded: the rollout is larger then than the journal says. */
  noteProgress(): void {
    if (this.#timer !== null || this.#sink === null || this.#turn === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#record();
    }, INTERVAL_MS);
  }

  /** The turn is over and all its items are recorded. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#turn = null;
    this.#marks.clear();
    if (this.#exists) this.#sink?.writeJournal(null, false);
    this.#exists = false;
    this.#recordedSize = -1;
  }

  /** A journal that was found at load and has now been recorded in the rollout. */
  forgetRecovered(): void {
    this.#exists = true;
  }

  /** The journal may lack something of what was sent: a new writer took over, or a write failed. */
  startAfresh(): void {
    this.#recordedSize = -1;
    this.noteProgress();
  }

  #record(): void {
    const sink = this.#sink;
    const turn = this.#turn;
    if (sink === null || turn === null) return;
    const tools = this.#tools.flatMap((some) => [...some]).filter(({ turnId }) => turnId === turn.id);
    if (turn.openItems.size === 0 && tools.length === 0) return;
    const afresh = sink.end !== this.#recordedSize;
    if (afresh) this.#marks.clear();
    let text = '';
    for (const item of turn.openItems.values()) text += this.#newChunks(item, turn.id, sink.end);
    for (const tool of tools) text += this.#newOutput(tool, sink.end);
    if (text === '') return;
    this.#recordedSize = sink.end;
    this.#exists = true;
    sink.writeJournal(text, afresh);
  }

  #newOutput(tool: KeptTool, rolloutSize: number): string {
    const { id, turnId, startedAtMs, text, revision } = tool;
    const marks = this.#marks.get(id) ?? new Map<string, number>();
    this.#marks.set(id, marks);
    const at = marks.get('text') ?? 0;
    const isKnown = marks.get('core') === revision;
    if (isKnown && at === text.length) return '';
    marks.set('core', revision).set('text', text.length);
    const item: JournalItem = { type: 'tool', id, startedAtMs, phase: null };
    if (!isKnown) item.core = tool.toToolItem();
    return journalRecord({ rolloutSize, turnId, item, field: 'text', index: 0, at, text: text.slice(at) });
  }

  #newChunks(item: OpenItem, turnId: string, rolloutSize: number): string {
    const marks = this.#marks.get(item.id) ?? new Map<string, number>();
    this.#marks.set(item.id, marks);
    const base = {
      rolloutSize,
      turnId,
      item: {
        type: item.kind === 'message' ? ('agentMessage' as const) : ('reasoning' as const),
        id: item.id,
        startedAtMs: item.startedAtMs,
        phase: item.kind === 'message' ? item.phase : null,
      },
    };
    let lines = '';
    const take = (field: { name: 'text' | 'summary' | 'content'; index: number }, text: string): void => {
      const key = `${field.name}${field.index}`;
      const at = marks.get(key);
      if (at !== undefined && at >= text.length) return;
      marks.set(key, text.length);
      lines += journalRecord({
        ...base,
        field: field.name,
        index: field.index,
        at: at ?? 0,
        text: text.slice(at ?? 0),
      });
    };
    if (item.kind === 'message') take({ name: 'text', index: 0 }, item.text);
    else {
      item.summary.forEach((text, index) => take({ name: 'summary', index }, text));
      item.content.forEach((text, index) => take({ name: 'content', index }, text));
    }
    return lines;
  }
}
