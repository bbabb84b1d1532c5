// Writes a conversation's lines: timestamps, ordinals, the history mode of its file. Session worker.
import type { HistoryMode, RolloutLine } from '../rollout/line.js';
import { serializeLine } from '../rollout/serialize-line.js';
import type { RolloutSink } from './rollout-sink.js';

/** One line before it has its time and place. */
export interface LineBody {
  type: RolloutLine['type'];
  payload: unknown;
}

/** Appends lines in order. Without a sink (ephemeral conversation) it forgets them. Never throws. */
export class Recorder {
  readonly mode: HistoryMode;
  readonly #sink: RolloutSink | null;
  readonly #onWrite: () => void;
  #ordinal: number;

  /** `onWrite` is told of each line. */
  constructor(sink: RolloutSink | null, mode: HistoryMode, nextOrdinal: number, onWrite = (): void => undefined) {
    this.#sink = sink;
    this.#onWrite = onWrite;
    this.mode = mode;
    this.#ordinal = nextOrdinal;
  }

  /** `sync` asks that this line, and so all before it, survive a power loss. */
  write(type: LineBody['type'], payload: unknown, sync = false): void {
    if (this.#sink === null) return;
    const timestamp = new Date().toISOString();
    const line =
      this.mode === 'paginated' ? { timestamp, ordinal: this.#ordinal++, type, payload } : { timestamp, type, payload };
    this.#sink.append(serializeLine(line as RolloutLine), sync);
    this.#onWrite();
  }

  /**
   * An event of our own, without a place in the count: a reader that passes over it, and goes on behind it, would give its
   * place to another line.
   */
  writeAside(payload: unknown): void {
    if (this.#sink === null) return;
    const line = { timestamp: new Date().toISOString(), type: 'event_msg', payload };
    this.#sink.append(serializeLine(line as RolloutLine));
    this.#onWrite();
  }

  /** A line of another rollout: it keeps its time and gets a place of its own. */
  copy({ ordinal: _, ...line }: RolloutLine): void {
    if (this.#sink === null) return;
    const placed = this.mode === 'paginated' ? { ordinal: this.#ordinal++, ...line } : line;
    this.#sink.append(serializeLine(placed));
  }

  writeAll(lines: readonly LineBody[]): void {
    for (const { type, payload } of lines) this.write(type, payload);
  }
}
