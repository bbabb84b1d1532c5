import { expect } from 'chai';
import type { RolloutLine } from '../../src/rollout/line.js';
import { truncateAfterDroppingLastMessages } from '../../src/rollout/truncate-history.js';
import {
  agentItemLine,
  assistantLine,
  metaLine,
  responseLine,
  turnLines,
  userItemLine,
  userLine,
} from '../support/rollout-lines.js';

const [u1, a1, a2, u2, a3, a4] = [
  userLine('u1'),
  assistantLine('a1'),
  assistantLine('a2'),
  userLine('u2'),
  assistantLine('a3'),
  assistantLine('a4'),
];
const reasoning = responseLine({ type: 'reasoning', id: 'r1', summary: [{ type: 'summary_text', text: 's' }] });
const call = responseLine({ type: 'function_call', call_id: 'c1', name: 'tool', arguments: '{}' });
const history: RolloutLine[] = [u1, a1, a2, u2, a3, reasoning, call, a4];

describe('truncateAfterDroppingLastMessages', () => {
  it('cuts before the last user message', () => {
    expect(truncateAfterDroppingLastMessages(history, 1)).to.deep.equal({ type: 'forked', items: [u1, a1, a2] });
  });

  it('is new when nothing is left', () => {
    expect(truncateAfterDroppingLastMessages(history, 2)).to.deep.equal({ type: 'new' });
  });

  it('is new when there are fewer user messages than it shall drop', () => {
    expect(truncateAfterDroppingLastMessages(history, 3)).to.deep.equal({ type: 'new' });
  });

  it('keeps all when it shall drop none', () => {
    expect(truncateAfterDroppingLastMessages(history, 0)).to.deep.equal({ type: 'forked', items: history });
  });

  it('is new without any lines', () => {
    expect(truncateAfterDroppingLastMessages([], 0)).to.deep.equal({ type: 'new' });
  });

  it('does not count what the host said in the name of the user', () => {
    const context = userLine('<environment_context>…</environment_context>');
    const aborted = userLine('<turn_aborted>…</turn_aborted>');
    const lines = [context, u1, a1, aborted, u2, a2, aborted];
    expect(truncateAfterDroppingLastMessages(lines, 1)).to.deep.equal({
      type: 'forked',
      items: [context, u1, a1, aborted],
    });
    expect(truncateAfterDroppingLastMessages(lines, 2)).to.deep.equal({ type: 'new' });
  });

  it('believes the notes of the writer rather than the words', () => {
    const typed = responseLine({
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: '<environment_context> is what I mean' }],
      internal_chat_message_metadata_passthrough: { content_item_kinds: ['user.text'] },
    });
    expect(truncateAfterDroppingLastMessages([u1, a1, typed, a2], 1)).to.deep.equal({
      type: 'forked',
      items: [u1, a1],
    });
  });

  it('drops the whole turn that the message started', () => {
    const first = [metaLine('id'), ...turnLines('one', 'q', 'a')];
    const lines = [...first, ...turnLines('two', 'q2', 'a2')];
    expect(truncateAfterDroppingLastMessages(lines, 1)).to.deep.equal({ type: 'forked', items: first });
  });

  it('leaves the rest of a turn into which the message was sent', () => {
    const turn = turnLines('one', 'q', 'a');
    const steer = [userLine('steer'), userItemLine('one', 'u2', 'steer'), agentItemLine('one', 'a2', 'b')];
    const lines = [metaLine('id'), ...turn.slice(0, 5), ...steer, ...turn.slice(5)];
    expect(truncateAfterDroppingLastMessages(lines, 1)).to.deep.equal({
      type: 'forked',
      items: [metaLine('id'), ...turn.slice(0, 5)],
    });
  });

  it('refuses to drop less than nothing', () => {
    expect(() => truncateAfterDroppingLastMessages(history, -1)).to.throw(RangeError);
    expect(() => truncateAfterDroppingLastMessages(history, 0.5)).to.throw(RangeError);
  });
});
