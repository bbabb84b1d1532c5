// The one ordered way out of a session: nothing leaves before what it tells of is recorded. Session worker.
import type { SessionPart } from '../session/messages.js';

/** How far the rollout must have come before a part may leave. */
export type PublishLevel = 'written' | 'synced';

/** What the outbox needs to know of the rollout: byte offsets that only grow. */
export interface RolloutProgress {
  /** Size the file will have once all appends so far are written. */
  readonly end: number;
  readonly written: number;
  readonly synced: number;
}

interface HeldPart {
  part: SessionPart | null;
  frame: string;
  method: number;
  /** In place of a part: what is done within the session when its turn comes. */
  action: (() => void) | null;
  barrier: number;
  level: PublishLevel;
}

/**
 * Parts leave in the order in which they were pushed, each only after every line appended before it has reached its
 * level. What is released within one tick goes to the main thread as one batch.
 */
export class Outbox {
  #progress: RolloutProgress | null;
  readonly #post: (parts: SessionPart[]) => void;
  readonly #held: HeldPart[] = [];
  readonly #waiting: { barrier: number; resolve: (isRecorded: boolean) => void }[] = [];
  #isAbandoned = false;
  #head = 0;
  #parts: SessionPart[] = [];
  #frames: { chunks: string[]; ends: number[]; methods: number[]; length: number } | null = null;
  #scheduled = false;

  /** `progress` null publishes at once: an ephemeral conversation has no rollout. */
  constructor(progress: RolloutProgress | null, post: (parts: SessionPart[]) => void) {
    this.#progress = progress;
    this.#post = post;
  }

  /** The rollout failed: nothing of what goes on can be told any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** A notification text without its closing brace; `method` indexes NOTIFICATION_METHODS. */
  pushFrame(method: number, frame: string, level: PublishLevel = 'written'): void {
    if (this.#isOpen(level)) this.#releaseFrame(method, frame);
    else this.#hold({ part: null, frame, method, action: null, barrier: this.#barrier(), level });
  }

  push(part: SessionPart, level: PublishLevel = 'written'): void {
    if (this.#isOpen(level)) this.#releasePart(part);
    else this.#hold({ part, frame: '', method: 0, action: null, barrier: this.#barrier(), level });
  }

  /**
   * Runs `action` where a part pushed now would leave: once all that was appended so far is recorded, which for what has
   * effects is the moment from which it may have them. Never runs it when that fails; it must not throw.
   */
  pushAction(action: () => void, level: PublishLevel = 'written'): void {
    if (this.#isOpen(level)) action();
    else this.#hold({ part: null, frame: '', method: 0, action, barrier: this.#barrier(), level });
  }

  /** Resolves to true when every line so far is written, to false when the rollout cannot be written any more. */
  recorded(): Promise<boolean> {
    const progress = this.#progress;
    if (progress === null) return Promise.resolve(!this.#isAbandoned);
    if (progress.written >= progress.end) return Promise.resolve(true);
    return new Promise((resolve) => this.#waiting.push({ barrier: progress.end, resolve }));
  }

  /** To be called whenever the rollout's written or synced offset moved. */
  advance(): void {
    const progress = this.#progress;
    if (progress === null) return;
    while (this.#waiting.length > 0 && this.#waiting[0]!.barrier <= progress.written)
      this.#waiting.shift()!.resolve(true);
    while (this.#head < this.#held.length) {
      const next = this.#held[this.#head]!;
      if (progress[next.level] < next.barrier) break;
      this.#head += 1;
      if (next.action !== null) next.action();
      else if (next.part === null) this.#releaseFrame(next.method, next.frame);
      else this.#releasePart(next.part);
    }
    if (this.#head === this.#held.length) {
      this.#held.length = 0;
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#held.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * The rollout cannot be written any more. Drops what was never recorded, tells which requests among it still wait for
   * an answer, and from now on holds nothing back: what follows can only be about the failure itself.
   */
  abandonRollout(): number[] {
    const unanswered = this.#held
      .slice(this.#head)
      .flatMap(({ part }) => (part !== null && 'requestId' in part ? [part.requestId] : []));
    this.#held.length = 0;
    this.#head = 0;
    this.#progress = null;
    this.#isAbandoned = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
    return unanswered;
  }

  /** Posts what was released so far without waiting for the end of the tick. */
  flush(): void {
    this.#closeFrames();
    this.#scheduled = false;
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#post(parts);
  }

  #barrier(): number {
    return this.#progress === null ? 0 : this.#progress.end;
  }

  #isOpen(level: PublishLevel): boolean {
    return this.#progress === null || (this.#held.length === 0 && this.#progress[level] >= this.#progress.end);
  }

  #hold(entry: HeldPart): void {
    this.#held.push(entry);
  }

  #releaseFrame(method: number, frame: string): void {
    const frames = (this.#frames ??= { chunks: [], ends: [], methods: [], length: 0 });
    frames.chunks.push(frame);
    frames.length += frame.length;
    frames.ends.push(frames.length);
    frames.methods.push(method);
    this.#schedule();
  }

  #releasePart(part: SessionPart): void {
    this.#closeFrames();
    this.#parts.push(part);
    this.#schedule();
  }

  #closeFrames(): void {
    const frames = this.#frames;
    if (frames === null) return;
    this.#frames = null;
    this.#parts.push({ type: 'frames', text: frames.chunks.join(''), ends: frames.ends, methods: frames.methods });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }
}
