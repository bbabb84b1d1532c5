import { expect } from 'chai';
import { turnSchema } from '../../src/protocol/thread.js';
import { parseLine } from '../../src/rollout/parse-line.js';
import type { RolloutLine } from '../../src/rollout/line.js';
import { toTurns } from '../../src/rollout/turns.js';
import { metaLine } from '../support/rollout-lines.js';

function recorded(item: object): unknown {
  const payload = { type: 'item_completed', thread_id: 'a', turn_id: 't', item, started_at_ms: 1, completed_at_ms: 2 };
  return { timestamp: 't', ordinal: 1, type: 'event_msg', payload };
}

const TIMES = { startedAtMs: 1, completedAtMs: 2 };

/** Lines of 0.157 to 0.169, with the items that 0.169 shows for them. */
const SHOWN: [object, object][] = [
  [
    {
      type: 'McpToolCall',
      id: 'm1',
      server: 'mock',
      tool: 'echo',
      arguments: { text: 'hi' },
      status: 'completed',
      result: { content: [{ type: 'text', text: 'said hi' }], structuredContent: { b: 2 }, _meta: { c: 3 } },
      duration: { secs: 1, nanos: 567_373 },
    },
    {
      type: 'mcpToolCall',
      id: 'm1',
      server: 'mock',
      tool: 'echo',
      status: 'completed',
      arguments: { text: 'hi' },
      appContext: null,
      mcpAppUi: null,
      pluginId: null,
      readOnlyHint: null,
      result: { content: [{ type: 'text', text: 'said hi' }], structuredContent: { b: 2 }, _meta: { c: 3 } },
      error: null,
      durationMs: 1000,
      ...TIMES,
    },
  ],
  [
    {
      type: 'McpToolCall',
      id: 'm2',
      server: 's',
      tool: 't',
      arguments: null,
      status: 'failed',
      error: { message: 'no' },
      pluginId: 'p',
      connectorId: 'c',
      linkId: 'l',
      appName: 'an',
      actionName: 'act',
      mcpAppResourceUri: 'ui://x',
      readOnlyHint: true,
      mcpAppUi: { resourceUri: 'ui://x', preferredModelDisplayMode: 'inline' },
    },
    {
      type: 'mcpToolCall',
      id: 'm2',
      server: 's',
      tool: 't',
      status: 'failed',
      arguments: null,
      appContext: { connectorId: 'c', linkId: 'l', resourceUri: 'ui://x', appName: 'an', actionName: 'act' },
      mcpAppResourceUri: 'ui://x',
      mcpAppUi: { resourceUri: 'ui://x', preferredModelDisplayMode: 'inline' },
      pluginId: 'p',
      readOnlyHint: true,
      result: null,
      error: { message: 'no' },
      durationMs: null,
      ...TIMES,
    },
  ],
  [
    {
      type: 'CollabAgentToolCall',
      id: 'c1',
      tool: 'spawn_agent',
      status: 'completed',
      sender_thread_id: 'a',
      receiver_thread_ids: ['b'],
      receiver_agents: [{ thread_id: 'b', agent_nickname: 'Curie' }],
      prompt: 'hi there',
      model: 'gpt-5',
      reasoning_effort: 'medium',
      agents_states: { b: 'pending_init' },
    },
    {
      type: 'collabAgentToolCall',
      id: 'c1',
      tool: 'spawnAgent',
      status: 'completed',
      senderThreadId: 'a',
      receiverThreadIds: ['b'],
      prompt: 'hi there',
      model: 'gpt-5',
      reasoningEffort: 'medium',
      agentsStates: { b: { status: 'pendingInit', message: null } },
      ...TIMES,
    },
  ],
  [
    {
      type: 'CollabAgentToolCall',
      id: 'c2',
      tool: 'wait',
      status: 'failed',
      sender_thread_id: 'a',
      receiver_thread_ids: ['b'],
      agents_states: { b: { errored: 'bad' } },
    },
    {
      type: 'collabAgentToolCall',
      id: 'c2',
      tool: 'wait',
      status: 'failed',
      senderThreadId: 'a',
      receiverThreadIds: ['b'],
      prompt: null,
      model: null,
      reasoningEffort: null,
      agentsStates: { b: { status: 'errored', message: 'bad' } },
      ...TIMES,
    },
  ],
  [
    { type: 'SubAgentActivity', id: 'a1', kind: 'started', agent_thread_id: 'b', agent_path: '/root/helper' },
    {
      type: 'subAgentActivity',
      model: null,
      reasoningEffort: null,
      id: 'a1',
      kind: 'started',
      agentThreadId: 'b',
      agentPath: '/root/helper',
      ...TIMES,
    },
  ],
  [
    {
      type: 'ImageGeneration',
      id: 'g1',
      status: 'completed',
      revised_prompt: 'x',
      result: 'aGk=',
      saved_path: '/x.png',
    },
    {
      type: 'imageGeneration',
      id: 'g1',
      status: 'completed',
      revisedPrompt: 'x',
      result: 'aGk=',
      transparentBackground: null,
      failure: null,
      savedPath: '/x.png',
      generationId: null,
      ...TIMES,
    },
  ],
  [
    { type: 'HookPrompt', id: 'h1', fragments: [{ text: 'hook says', hookRunId: 'run1' }] },
    { type: 'hookPrompt', id: 'h1', fragments: [{ text: 'hook says', hookRunId: 'run1' }], ...TIMES },
  ],
  [
    { type: 'FunctionCallOutput', id: 'f1', name: 'goal', output: 'finish it' },
    { type: 'functionCallOutput', id: 'f1', name: 'goal', namespace: null, output: 'finish it', ...TIMES },
  ],
  [
    { type: 'Sleep', id: 's1', duration_ms: 500 },
    { type: 'sleep', id: 's1', durationMs: 500, ...TIMES },
  ],
];

describe('items of other writers', () => {
  for (const [item, shown] of SHOWN) {
    const { type, id } = item as { type: string; id: string };
    it(`are shown as their writer does: ${type} ${id}`, () => {
      const line = parseLine(recorded(item)) as RolloutLine;
      const [turn] = toTurns([metaLine('a'), line]);
      expect(turn!.items).to.deep.equal([shown]);
      turnSchema.parse(turn);
    });
  }

  for (const item of [
    { type: 'Hologram', id: 'x' },
    { type: 'CollabAgentToolCall', id: 'x', tool: 'teleport', status: 'completed', sender_thread_id: 'a' },
    { type: 'SubAgentActivity', id: 'x', kind: 'vanished', agent_thread_id: 'b', agent_path: '/root' },
  ]) {
    it(`are passed over when clients could not know them: ${JSON.stringify(item)}`, () => {
      expect(parseLine(recorded(item))).to.equal('unknown');
    });
  }

  for (const item of [
    { type: 'McpToolCall', id: 'x', server: 's', status: 'completed' },
    { type: 'McpToolCall', id: 'x', server: 's', tool: 't', status: 'completed', result: { content: 'text' } },
    { type: 'CollabAgentToolCall', id: 'x', tool: 'wait', status: 'completed' },
    { type: 'HookPrompt', id: 'x', fragments: ['text'] },
    { type: 'FunctionCallOutput', id: 'x', name: 'goal' },
    { type: 'Sleep', id: 'x', duration_ms: 'long' },
  ]) {
    it(`are set aside without what they must have: ${JSON.stringify(item)}`, () => {
      expect(parseLine(recorded(item))).to.equal('malformed');
    });
  }
});
