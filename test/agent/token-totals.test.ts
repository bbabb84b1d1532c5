import { expect } from 'chai';
import { addUsage, fromCore, TokenTotals, toCore } from '../../src/agent/token-totals.js';

const usage = (factor: number) => ({
  inputTokens: 10 * factor,
  cachedInputTokens: 3 * factor,
  outputTokens: 5 * factor,
  reasoningOutputTokens: 2 * factor,
  totalTokens: 15 * factor,
});

describe('TokenTotals', () => {
  it('sums requests, and goes on from what an earlier session counted', () => {
    const totals = new TokenTotals(usage(10), usage(1), 1000);
    totals.add(usage(2), 'turn-1');
    expect(totals.toTokenUsage()).to.deep.equal({
      total: { ...usage(12), cacheWriteInputTokens: 0 },
      last: { ...usage(2), cacheWriteInputTokens: 0 },
      modelContextWindow: 1000,
    });
    expect(addUsage(usage(1), usage(2))).to.deep.equal(usage(3));
  });

  it('writes the count as the rollout spells it, from which it can be read again', () => {
    const totals = new TokenTotals(null, null, null);
    expect(totals.toTokenCountPayload()).to.deep.include({ type: 'token_count', info: null });
    totals.add(usage(1), 'turn-1');
    totals.add(usage(2), 'turn-1');
    const { info } = totals.toTokenCountPayload() as { info: Record<string, unknown> };
    expect([fromCore(info['total_token_usage']), fromCore(info['last_token_usage'])]).to.deep.equal([
      usage(3),
      usage(2),
    ]);
  });

  it('reads nothing out of what is no usage, and 0 where a count is missing', () => {
    expect([fromCore(null), fromCore(undefined), fromCore('x')]).to.deep.equal([null, null, null]);
    expect(fromCore({ input_tokens: 4, output_tokens: 'x' })).to.deep.equal({ ...usage(0), inputTokens: 4 });
    expect(toCore(usage(1))).to.deep.include({ input_tokens: 10, reasoning_output_tokens: 2 });
  });
});
