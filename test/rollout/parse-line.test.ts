import { expect } from 'chai';
import fc from 'fast-check';
import { parseLine } from '../../src/rollout/parse-line.js';
import { toModelHistory } from '../../src/rollout/model-history.js';
import { toTurns } from '../../src/rollout/turns.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { metaLine, startedLine } from '../support/rollout-lines.js';

function event(payload: unknown): unknown {
  return { timestamp: 't', type: 'event_msg', payload };
}

function item(fields: unknown): unknown {
  return event({ type: 'item_completed', thread_id: 'a', turn_id: 'b', item: fields });
}

describe('parseLine', () => {
  it('fills in what old writers left out of session_meta', () => {
    expect(parseLine({ timestamp: '2026-01-01T00:00:00Z', type: 'session_meta', payload: { id: 'a' } })).to.deep.equal({
      timestamp: '2026-01-01T00:00:00Z',
      type: 'session_meta',
      payload: { id: 'a', timestamp: '2026-01-01T00:00:00Z', cwd: '/', originator: 'unknown', cli_version: '' },
    });
  });

  it('drops an ordinal that is no whole number and accepts a missing timestamp', () => {
    const { type, payload } = metaLine('a');
    expect(parseLine({ type, payload, ordinal: '7' })).to.deep.equal({ timestamp: '', type, payload });
  });

  for (const value of [
    { timestamp: 't', type: 'from_the_future', payload: {} },
    event({ type: 'from_the_future' }),
    item({ type: 'FromTheFuture', id: 'a' }),
    { timestamp: 't', type: 'toString', payload: {} },
    ...['__proto__', 'constructor', 'hasOwnProperty'].flatMap((type) => [event({ type }), item({ type, id: 'a' })]),
  ]) {
    it(`knows that it does not know ${JSON.stringify(value)}`, () => {
      expect(parseLine(value)).to.equal('unknown');
    });
  }

  for (const value of [
    null,
    7,
    'session_meta',
    [],
    {},
    { type: 'session_meta' },
    { type: 'session_meta', payload: [] },
    { type: 'session_meta', payload: { id: 7 } },
    { id: 'a', timestamp: 't', instructions: null },
    { type: 'response_item', payload: { role: 'user' } },
    { type: 'response_item', payload: { type: 'message', role: 'user', content: 'text' } },
    { type: 'response_item', payload: { type: 'function_call', name: 'shell' } },
    { type: 'compacted', payload: { replacement_history: [null] } },
    { type: 'turn_context', payload: { cwd: '/' } },
    event({}),
    event({ type: 'exec_command_end', call_id: 'c', command: [], cwd: '/', parsed_cmd: [], source: {} }),
    event({
      type: 'exec_command_end',
      call_id: 'c',
      command: [],
      cwd: '/',
      parsed_cmd: [{ type: 'read', cmd: 'x', path: {} }],
    }),
    event({ type: 'task_started' }),
    event({ type: 'token_count', info: { total_token_usage: {} } }),
    event({ type: 'user_message' }),
    event({ type: 'item_completed', turn_id: 'b' }),
    item({ type: 'UserMessage', id: 'a', content: [null] }),
    item({ type: 'UserMessage', id: 'a', content: [{ type: 'text' }] }),
    item({ type: 'AgentMessage', id: 'a' }),
    item({ type: 'CommandExecution', id: 'a', command: 'ls' }),
    item({ type: 'FileChange', id: 'a', status: 'completed', changes: { '/a': { type: 'update' } } }),
    item({ type: 'Reasoning' }),
  ]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      expect(parseLine(value)).to.equal('malformed');
    });
  }

  it('accepts nothing that readers then stumble over', () => {
    const words = fc.constantFrom(
      'type', 'payload', 'item', 'id', 'content', 'session_meta', 'response_item', 'event_msg', 'message', 'turn_id',
      'item_completed', 'UserMessage', 'AgentMessage', 'Reasoning', 'compacted', 'replacement_history', 'call_id',
      'task_complete', 'error', 'user_message', 'summary_text', 'function_call', 'CommandExecution', 'FileChange',
      'McpToolCall', 'CollabAgentToolCall', 'tool', 'server', 'status', 'result', 'name', 'arguments', 'input', 'output',
      'action', 'query', 'queries', 'changes', 'invocation', 'review_output', 'text', 'image_url', 'parsed_cmd', 'cwd',
      'shell', 'apply_patch', '{"command":["x"]}', 'agents_states', 'sender_thread_id', 'role', 'user',
    ); // prettier-ignore
    const shapes = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, words, fc.constant(null), fc.integer(), tie('object'), tie('list')),
      list: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.dictionary(words, tie('value'), { maxKeys: 6 }),
    })).object;
    const line = fc.record({
      type: fc.constantFrom('session_meta', 'response_item', 'event_msg', 'compacted', 'turn_context'),
      payload: fc
        .tuple(
          fc.constantFrom(
            'message', 'function_call', 'item_completed', 'user_message', 'task_complete', 'error', 'agent_message',
            'function_call_output', 'custom_tool_call', 'custom_tool_call_output', 'local_shell_call', 'web_search_call',
            'tool_search_call', 'image_generation_call', 'exec_command_end', 'patch_apply_end', 'mcp_tool_call_end',
            'web_search_end', 'view_image_tool_call', 'image_generation_end', 'sub_agent_activity', 'context_compacted',
            'entered_review_mode', 'exited_review_mode', 'task_started',
          ), // prettier-ignore
          shapes,
        )
        .map(([type, fields]) => ({ ...fields, type })),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (values) => {
        const lines = values.map(parseLine).filter((parsed): parsed is RolloutLine => typeof parsed === 'object');
        for (const history_mode of ['legacy', 'paginated'] as const) {
          const whole = [metaLine('id', { history_mode }), startedLine('turn_id'), ...lines];
          toTurns(whole);
          toModelHistory(whole);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
