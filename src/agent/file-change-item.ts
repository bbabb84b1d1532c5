// The visible item of one patch. Session worker.
import type { CoreFileChange, CoreItem } from '../rollout/line.js';
import { toThreadItem } from '../rollout/thread-item.js';
import { announceCompletion, announceStart } from './item-news.js';
import type { SessionState } from './session-state.js';
import { itemLines } from './turn-lines.js';

export class FileChangeItem {
  readonly startedAtMs = Date.now();
  readonly #state: SessionState;
  readonly #turnId: string;
  readonly #id: string;
  /** By absolute path. */
  readonly #changes: Record<string, CoreFileChange>;
  #isStarted = false;
  #isOver = false;

  constructor(state: SessionState, turnId: string, id: string, changes: Record<string, CoreFileChange>) {
    this.#state = state;
    this.#turnId = turnId;
    this.#id = id;
    this.#changes = changes;
  }

  /** Tells of it; once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const times = { startedAtMs: this.startedAtMs, completedAtMs: null };
    const item = toThreadItem(this.#toCore('in_progress'), times);
    announceStart(this.#state, { id: this.#turnId }, item, this.startedAtMs);
  }

  /** Records the end, then tells of it; once, and only if it was told of. */
  complete(status: 'completed' | 'failed' | 'declined'): void {
    if (this.#isOver || !this.#isStarted) return;
    this.#isOver = true;
    const { recorder, conversationId } = this.#state;
    const now = Date.now();
    const core = this.#toCore(status);
    recorder.writeAll(itemLines(recorder.mode, conversationId, this.#turnId, core, this.startedAtMs, now));
    const times = { startedAtMs: this.startedAtMs, completedAtMs: now };
    announceCompletion(this.#state, { id: this.#turnId }, toThreadItem(core, times), now);
  }

  #toCore(status: string): CoreItem {
    return { type: 'FileChange', id: this.#id, changes: this.#changes, status };
  }
}
