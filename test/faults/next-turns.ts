// Tries, after a fault, whether conversations take their next turn, and how long that takes. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { slackOf } from './slack.js';
import type { Scene } from './scenario.js';
import type { ToldThread } from './told.js';
import { RequestRefused } from './wire-client.js';
import type { TurnEnd, WireClient } from './wire-client.js';
import { startTurn } from './workload.js';
import type { Conversation } from './workload.js';

export interface NextTurnsOptions {
  /** A next turn that is not done so long after the fault is a violation. */
  limitMs: number;
  /** The time counts from the fault, or from the end of the step that was running then, if that is later. */
  countsFrom: 'fault' | 'stepEnd';
  /** Whether the end of a step says that the fault met the conversation. */
  isMet: (end: TurnEnd | null) => boolean;
  /** Within the limit such a refusal is taken, and the turn tried again. */
  mayRefuse?: (refusal: RequestRefused) => boolean;
}

interface Expected {
  why: string;
  sinceMs: number;
  scene: Scene;
}

const SETTLE_PATIENCE_MS = 15_000;
const AFTER_REFUSAL_MS = 20;

export class NextTurns {
  /** Milliseconds from the fault to the end of the next turn. */
  readonly doneAfterMs: number[] = [];
  readonly #options: NextTurnsOptions;
  readonly #expected = new Map<string, Expected>();
  #wake: () => void = () => undefined;

  constructor(options: NextTurnsOptions) {
    this.#options = options;
  }

  /** From now on the end of a step of any of these is followed by a turn that is held to the limit. */
  expect(scene: Scene, threadIds: Iterable<string>, sinceMs: number, why: string): void {
    for (const threadId of threadIds) this.#expected.set(threadId, { why, sinceMs, scene });
  }

  /** To be called at each end of a step. */
  async tryAfter(conversation: Conversation, told: ToldThread, client: WireClient, end: TurnEnd | null): Promise<void> {
    const expected = this.#expected.get(told.threadId);
    if (expected === undefined) return;
    try {
      if (!this.#options.isMet(end)) return;
      const sinceMs = this.#options.countsFrom === 'fault' ? expected.sinceMs : performance.now();
      await this.#try(conversation, told, client, { ...expected, sinceMs });
    } finally {
      this.#expected.delete(told.threadId);
      this.#wake();
    }
  }

  /** Resolves when all were tried, or given up because they came to no end of a step for long. */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_PATIENCE_MS;
    while (this.#expected.size > 0 && performance.now() < deadline) {
      const changed = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([changed, sleep(SETTLE_PATIENCE_MS, undefined, { ref: false })]);
    }
    this.#expected.clear();
  }

  async #try(
    conversation: Conversation,
    told: ToldThread,
    client: WireClient,
    { why, sinceMs, scene }: Expected,
  ): Promise<void> {
    const slackMs = () => slackOf(scene.stalls.worstSince(sinceMs));
    const isLate = () => performance.now() > sinceMs + this.#options.limitMs + slackMs();
    let end: TurnEnd | null = null;
    while (end === null) {
      try {
        end = await client.turnEnd(await startTurn(conversation, told, client, 'say alive'));
      } catch (error) {
        if (isLate() || !(error instanceof RequestRefused) || this.#options.mayRefuse?.(error) !== true) throw error;
        await sleep(AFTER_REFUSAL_MS);
      }
    }
    const afterMs = performance.now() - sinceMs;
    this.doneAfterMs.push(afterMs);
    if (end.status === 'completed' && !isLate()) return;
    const intended = `completed within ${this.#options.limitMs} ms, and ${slackMs().toFixed(0)} ms of slack`;
    const found = `${end.status} ${end.error?.message ?? ''} after ${afterMs.toFixed(0)} ms`;
    const what = `the next turn did not work in time (${why})`;
    scene.report([{ kind: 'broken', threadId: told.threadId, what, told: intended, found }]);
  }
}
