import { expect } from 'chai';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { readRollout } from '../../src/rollout/read-rollout.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { fixturePath } from '../support/rollout-fixtures.js';
import {
  agentItemLine,
  assistantLine,
  completeLine,
  eventLine,
  itemLine,
  metaLine,
  responseLine,
  startedLine,
  turnLines,
  userLine,
} from '../support/rollout-lines.js';

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

  describe('of files that hold only what people saw', () => {
    const said = (message: string): RolloutLine => eventLine({ type: 'user_message', message });
    const answered = (message: string): RolloutLine =>
      eventLine({ type: 'agent_message', message, phase: 'final_answer' });
    const legacyMeta = metaLine('id', { history_mode: 'legacy' });
    const question = (text: string): ResponseItem => ({
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text }],
    });
    const answer = (text: string, more: object = {}): ResponseItem => ({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
      ...more,
    });

    it('takes what was said from the events of legacy files', () => {
      expect(toModelHistory([legacyMeta, said('q'), answered('a'), said(' '), answered('')])).to.deep.equal([
        question('q'),
        answer('a', { phase: 'final_answer' }),
      ]);
    });

    it('takes it from the items of paginated ones', () => {
      const image = { type: 'image', image_url: 'data:x' } as const;
      const lines = [
        metaLine('id'),
        startedLine('t'),
        itemLine('t', {
          type: 'UserMessage',
          id: 'u',
          content: [{ type: 'text', text: 'q' }, image, { type: 'local_image', path: '/a.png' }],
        }),
        itemLine('t', { type: 'AgentMessage', id: 'a', content: [{ type: 'Text', text: 'ha' }], partial: true }),
        itemLine('t', { type: 'Plan', id: 'p', text: 'plan' }),
        said('not of this mode'),
      ];
      expect(toModelHistory(lines)).to.deep.equal([
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'q' },
            { type: 'input_image', image_url: 'data:x' },
            { type: 'input_text', text: '[local_image: /a.png]' },
          ],
        },
        answer('ha', { status: 'incomplete' }),
      ]);
    });

    it('is not asked where the file holds what the model saw', () => {
      const turn = turnLines('t', 'q', 'a');
      expect(toModelHistory([metaLine('id'), ...turn])).to.deep.equal(itemsOf([userLine('q'), assistantLine('a')]));
      const events = [legacyMeta, startedLine('t'), said('shown'), userLine('q'), answered('a'), completeLine('t')];
      expect(toModelHistory(events)).to.deep.equal(itemsOf([userLine('q')]));
      const unmarked = [legacyMeta, said('q'), userLine('q'), answered('a'), assistantLine('a')];
      expect(toModelHistory(unmarked)).to.deep.equal(itemsOf([userLine('q'), assistantLine('a')]));
    });

    it('keeps it when the conversation goes on with what the model saw', () => {
      const goneOn = [startedLine('new'), userLine('next'), said('next'), answered('b'), completeLine('new')];
      expect(toModelHistory([legacyMeta, said('q'), answered('a'), ...goneOn])).to.deep.equal([
        question('q'),
        answer('a', { phase: 'final_answer' }),
        userLine('next').payload,
      ]);
    });

    it('keeps that of a turn whose end alone tells the model something', () => {
      const marker = userLine('<turn_aborted>\n…</turn_aborted>');
      const lines = [legacyMeta, startedLine('t'), said('q'), answered('half'), marker];
      expect(toModelHistory(lines)).to.deep.equal([
        question('q'),
        answer('half', { phase: 'final_answer' }),
        marker.payload,
      ]);
    });

    it('asks each file of a lineage for itself', () => {
      const lines = [
        metaLine('a'),
        agentItemLine('t', 'i', 'a'),
        metaLine('b'),
        userLine('q'),
        agentItemLine('u', 'j', 'b'),
      ];
      expect(toModelHistory(lines)).to.deep.equal([answer('a'), userLine('q').payload]);
    });

    it('rolls back and compacts it like the rest', () => {
      const rolledBack = eventLine({ type: 'thread_rolled_back', num_turns: 1 });
      expect(toModelHistory([legacyMeta, said('one'), answered('a'), said('two'), rolledBack])).to.deep.equal([
        question('one'),
        answer('a', { phase: 'final_answer' }),
      ]);
      const compacted: RolloutLine = { timestamp: 't', type: 'compacted', payload: { message: 'summary' } };
      expect(toModelHistory([legacyMeta, said('one'), answered('a'), compacted, said('two')])).to.deep.equal([
        question('one'),
        question('summary'),
        question('two'),
      ]);
    });
  });
});
