import { expect } from 'chai';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { fixturePath } from '../support/rollout-fixtures.js';
import { assistantLine, eventLine, metaLine, responseLine, turnLines, userLine } from '../support/rollout-lines.js';

function itemsOf(lines: RolloutLine[]): unknown[] {
  return lines.map(({ payload }) => payload);
}

const call: ResponseItem = { type: 'function_call', call_id: 'c1', name: 'exec', arguments: '{}' };
const output: ResponseItem = { type: 'function_call_output', call_id: 'c1', output: 'done' };
const patch: ResponseItem = { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: 'x' };

describe('toModelHistory', () => {
  it('keeps response items in order and nothing else', () => {
    const lines = [metaLine('id'), ...turnLines('turn', 'q', 'a'), responseLine({ type: 'from_the_future', x: 1 })];
    expect(toModelHistory(lines)).to.deep.equal(
      itemsOf([userLine('q'), assistantLine('a'), responseLine({ type: 'from_the_future', x: 1 })]),
    );
  });

  it('answers a call that got no output, right after it', () => {
    const lines = [userLine('q'), responseLine(call), responseLine(patch), userLine('next')];
    expect(toModelHistory(lines)).to.deep.equal([
      userLine('q').payload,
      call,
      { type: 'function_call_output', call_id: 'c1', output: 'aborted' },
      patch,
      { type: 'custom_tool_call_output', call_id: 'c2', output: 'aborted' },
      userLine('next').payload,
    ]);
  });

  it('leaves calls alone that got their output, however late', () => {
    const lines = [responseLine(call), userLine('steered'), responseLine(output)];
    expect(toModelHistory(lines)).to.deep.equal(itemsOf(lines));
  });

  it('leaves out an output whose call is gone, but not one that nobody called for', () => {
    const told: ResponseItem = { type: 'function_call_output', name: 'goal', output: 'finish' };
    expect(toModelHistory([responseLine(output), responseLine(told), userLine('q')])).to.deep.equal([
      told,
      userLine('q').payload,
    ]);
  });

  it('replaces everything before a compaction', () => {
    const replacement = [userLine('q').payload, userLine('summary').payload] as ResponseItem[];
    const compacted: RolloutLine = {
      timestamp: 't',
      type: 'compacted',
      payload: { message: 'summary', replacement_history: replacement },
    };
    const lines = [userLine('q'), responseLine(call), compacted, assistantLine('after')];
    expect(toModelHistory(lines)).to.deep.equal([...replacement, assistantLine('after').payload]);
  });

  it("keeps users' words and the summary where an old compaction left no replacement", () => {
    const compacted: RolloutLine = { timestamp: 't', type: 'compacted', payload: { message: 'summary' } };
    const lines = [userLine('<environment_context>…'), userLine('q'), assistantLine('a'), compacted, userLine('next')];
    expect(toModelHistory(lines)).to.deep.equal(itemsOf([userLine('q'), userLine('summary'), userLine('next')]));
  });

  it('takes rolled back turns away', () => {
    const lines = [
      userLine('one'),
      assistantLine('a'),
      userLine('two'),
      userLine('<turn_aborted>…</turn_aborted>'),
      userLine('three'),
      eventLine({ type: 'thread_rolled_back', num_turns: 2 }),
      userLine('four'),
    ];
    expect(toModelHistory(lines)).to.deep.equal(itemsOf([userLine('one'), assistantLine('a'), userLine('four')]));
  });

  it('answers the call that was running when the process was killed', async () => {
    const { lines } = await readRollout(fixturePath('killed'));
    expect(toModelHistory(lines).slice(-2)).to.deep.equal([
      lines.findLast((line) => line.type === 'response_item')!.payload,
      { type: 'function_call_output', call_id: 'call_resp_15', output: 'aborted' },
    ]);
  });

  it('shows the model of a version without turns all that was said', async () => {
    const { lines } = await readRollout(fixturePath('legacy-0.45'));
    expect(toModelHistory(lines).map(({ type }) => type)).to.deep.equal([
      'message',
      'message',
      'function_call',
      'function_call_output',
      'message',
    ]);
  });
});
