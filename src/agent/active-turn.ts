// What a session knows of the turn it is in. Session worker.
import type { ThreadItem } from '../protocol/thread.js';
import type { ResponseItem } from '../rollout/response-item.js';
import type { ModelUsage } from './model/model.js';
import type { OpenItem } from './open-items.js';
import type { TurnDiff } from './patch/turn-diff.js';
import type { RunningCall } from './run-calls.js';
import type { OpenSearch } from './web-search.js';
import type { UserShell } from './user-shell.js';

/** One request to the model within a turn. Once `cut`, nothing of it is heard any more. */
export interface Attempt {
  readonly controller: AbortController;
  cut: boolean;
}

export interface ActiveTurn {
  readonly id: string;
  /** Of the request that started it. */
  readonly requestId: number;
  readonly startedAt: number;
  readonly startedAtMs: number;
  readonly openItems: Map<string, OpenItem>;
  /** Searches of the web that run, by the model's id. */
  readonly searches: Map<string, OpenSearch>;
  /** Ids on the wire that this turn used up: a model that repeats one gets another. */
  readonly usedItemIds: Set<string>;
  readonly outputSchema: unknown;
  /** Calls of the running request, which run when it is finished. */
  pendingCalls: ResponseItem[];
  /** Calls that have no output yet. */
  readonly runningCalls: Set<RunningCall>;
  /** Commands of a person that run in it: it does not end before them unless the model fails. */
  readonly shells: Set<UserShell>;
  /** For the model, once what it says now and its calls are complete. */
  heldItems: ResponseItem[];
  /** Resolves nextChange(). */
  wake: () => void;
  attempt: Attempt | null;
  /** What patches have changed in it; null before the first. */
  diff: TurnDiff | null;
  /** Something was added to the history that the model has not seen: it must be asked again. */
  needsAnswer: boolean;
  /** False for one that only runs a person's command. */
  hasAskedModel: boolean;
  ended: boolean;
  usage: ModelUsage;
  firstTokenAtMs: number | null;
  lastAgentMessage: string | null;
  lastAgentItem: ThreadItem | null;
}

export function startActiveTurn(id: string, requestId: number, outputSchema: unknown, nowMs: number): ActiveTurn {
  return {
    id,
    requestId,
    startedAt: Math.floor(nowMs / 1000),
    startedAtMs: nowMs,
    openItems: new Map(),
    searches: new Map(),
    usedItemIds: new Set(),
    outputSchema,
    pendingCalls: [],
    runningCalls: new Set(),
    shells: new Set(),
    heldItems: [],
    wake: () => undefined,
    attempt: null,
    diff: null,
    needsAnswer: false,
    hasAskedModel: false,
    ended: false,
    usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0, totalTokens: 0 },
    firstTokenAtMs: null,
    lastAgentMessage: null,
    lastAgentItem: null,
  };
}

/** Resolves at the next wakeTurn(): something has come to its end, or somebody wants something. For one who waits. */
export function nextChange(turn: ActiveTurn): Promise<void> {
  return new Promise((resolve) => {
    turn.wake = resolve;
  });
}

export function wakeTurn(turn: ActiveTurn): void {
  turn.wake();
}
