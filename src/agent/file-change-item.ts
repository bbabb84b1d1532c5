// The visible item of one patch. Session worker.
import type { ThreadItem } from '../protocol/thread.js';
import type { CoreFileChange, CoreItemOfType } from '../rollout/line.js';
import { toThreadItem } from '../rollout/thread-item.js';
import { announceCompletion, announceStart } from './item-news.js';
import type { KeptTool } from './journal-keeper.js';
import type { SessionState } from './session-state.js';
import { itemLines } from './turn-lines.js';

type CoreChange = CoreItemOfType<'FileChange'>;

export class FileChangeItem implements KeptTool {
  readonly id: string;
  readonly turnId: string;
  readonly text = '';
  readonly revision = 0;
  readonly startedAtMs = Date.now();
  readonly #state: SessionState;
  /** By absolute path. */
  readonly #changes: Record<string, CoreFileChange>;
  #isStarted = false;
  #isOver = false;

  constructor(state: SessionState, turnId: string, id: string, changes: Record<string, CoreFileChange>) {
    this.#state = state;
    this.turnId = turnId;
    this.id = id;
    this.#changes = changes;
  }

  /** Tells of it; once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#state.changes.add(this);
    this.#state.journal.noteProgress();
    announceStart(this.#state, { id: this.turnId }, this.toThreadItem(), this.startedAtMs);
  }

  /** As it is now, for whoever joins. */
  toThreadItem(): ThreadItem {
    return toThreadItem(this.toToolItem(), { startedAtMs: this.startedAtMs, completedAtMs: null });
  }

  toToolItem(): CoreChange {
    return this.#toCore('in_progress');
  }

  /** Records the end, then tells of it; once, and only if it was told of. */
  complete(status: 'completed' | 'failed' | 'declined'): void {
    if (this.#isOver || !this.#isStarted) return;
    this.#isOver = true;
    this.#state.changes.delete(this);
    const { recorder, conversationId } = this.#state;
    const now = Date.now();
    const core = this.#toCore(status);
    recorder.writeAll(itemLines(recorder.mode, conversationId, this.turnId, core, this.startedAtMs, now));
    const times = { startedAtMs: this.startedAtMs, completedAtMs: now };
    announceCompletion(this.#state, { id: this.turnId }, toThreadItem(core, times), now);
  }

  #toCore(status: string): CoreChange {
    return { type: 'FileChange', id: this.id, changes: this.#changes, status };
  }
}
