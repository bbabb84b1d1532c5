// Token accounting of a conversation: the last request, the turn, the whole. Session worker.
import type { TokenUsage } from '../protocol/thread.js';
import type { ModelUsage } from './model/model.js';

const ZERO: ModelUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningOutputTokens: 0,
  totalTokens: 0,
};

export class TokenTotals {
  total: ModelUsage = ZERO;
  last: ModelUsage | null = null;
  /** The turn that `last` is of; null while it comes from an earlier session. */
  lastTurnId: string | null = null;
  readonly contextWindow: number | null;

  /** `total` carries on from an earlier session of the same conversation. */
  constructor(total: ModelUsage | null, last: ModelUsage | null, contextWindow: number | null) {
    this.total = total ?? ZERO;
    this.last = last;
    this.contextWindow = contextWindow;
  }

  add(usage: ModelUsage, turnId: string): void {
    this.total = addUsage(this.total, usage);
    this.last = usage;
    this.lastTurnId = turnId;
  }

  /** Wire form of thread/tokenUsage/updated. */
  toTokenUsage(): TokenUsage {
    return {
      total: toWire(this.total),
      last: toWire(this.last ?? ZERO),
      modelContextWindow: this.contextWindow,
    } as TokenUsage;
  }

  /** Payload of the `token_count` line; `info` is null before the first answer. */
  toTokenCountPayload(): unknown {
    const info =
      this.last === null
        ? null
        : {
            total_token_usage: toCore(this.total),
            last_token_usage: toCore(this.last),
            last_usage_includes_reasoning: false,
            model_context_window: this.contextWindow,
          };
    return { type: 'token_count', info, rate_limits: CORE_RATE_LIMITS };
  }
}

export function addUsage(sum: ModelUsage, usage: ModelUsage): ModelUsage {
  return {
    inputTokens: sum.inputTokens + usage.inputTokens,
    cachedInputTokens: sum.cachedInputTokens + usage.cachedInputTokens,
    outputTokens: sum.outputTokens + usage.outputTokens,
    reasoningOutputTokens: sum.reasoningOutputTokens + usage.reasoningOutputTokens,
    totalTokens: sum.totalTokens + usage.totalTokens,
  };
}

function toWire(usage: ModelUsage): unknown {
  return {
    totalTokens: usage.totalTokens,
    inputTokens: usage.inputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    cacheWriteInputTokens: 0,
    outputTokens: usage.outputTokens,
    reasoningOutputTokens: usage.reasoningOutputTokens,
  };
}

/** The rollout's spelling of a usage. */
export function toCore(usage: ModelUsage): unknown {
  return {
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    cache_write_input_tokens: 0,
    output_tokens: usage.outputTokens,
    reasoning_output_tokens: usage.reasoningOutputTokens,
    total_tokens: usage.totalTokens,
  };
}

/** Reads a usage as a `token_count` line holds it; null when the line holds none. */
export function fromCore(core: unknown): ModelUsage | null {
  if (typeof core !== 'object' || core === null) return null;
  const fields = core as Record<string, unknown>;
  const count = (name: string): number => (typeof fields[name] === 'number' ? fields[name] : 0);
  return {
    inputTokens: count('input_tokens'),
    cachedInputTokens: count('cached_input_tokens'),
    outputTokens: count('output_tokens'),
    reasoningOutputTokens: count('reasoning_output_tokens'),
    totalTokens: count('total_tokens'),
  };
}

const CORE_RATE_LIMITS = {
  limit_id: 'codex',
  limit_name: null,
  primary: null,
  secondary: null,
  credits: null,
  individual_limit: null,
  spend_control_reached: null,
  plan_type: null,
  rate_limit_reached_type: null,
};

/** Wire form of account/rateLimits/updated: no limits are known. */
export const RATE_LIMITS_UPDATED = {
  rateLimits: {
    limitId: 'codex',
    limitName: null,
    normalModelSlug: null,
    primary: null,
    secondary: null,
    credits: null,
    individualLimit: null,
    spendControlReached: null,
    planType: null,
    rateLimitReachedType: null,
  },
};
