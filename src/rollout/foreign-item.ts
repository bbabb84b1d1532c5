// Items that only other writers record, made into items of the wire: MCP tools, sub-agents, pictures. Any thread.
import type { ThreadItem } from '../protocol/thread.js';
import { milliseconds } from './core-duration.js';
import type { ItemTimes } from './item-times.js';
import type { CoreItem, CoreItemOfType } from './line.js';
import { toCamelCase } from './wire-words.js';

type ForeignType =
  | 'McpToolCall'
  | 'CollabAgentToolCall'
  | 'SubAgentActivity'
  | 'ImageGeneration'
  | 'HookPrompt'
  | 'FunctionCallOutput'
  | 'Sleep';
export type ForeignItem = Extract<CoreItem, { type: ForeignType }>;

type WireItem<T extends ThreadItem['type']> = Extract<ThreadItem, { type: T }>;

/** Wire form of such an item. */
export function foreignItem(item: ForeignItem, times: ItemTimes): ThreadItem {
  switch (item.type) {
    case 'McpToolCall':
      return mcpToolCall(item, times);
    case 'CollabAgentToolCall':
      return collabAgentToolCall(item, times);
    case 'SubAgentActivity':
      return {
        type: 'subAgentActivity',
        model: item.model ?? null,
        reasoningEffort: item.reasoning_effort ?? null,
        id: item.id,
        kind: item.kind as WireItem<'subAgentActivity'>['kind'],
        agentThreadId: item.agent_thread_id,
        agentPath: item.agent_path,
        ...times,
      };
    case 'ImageGeneration':
      return {
        type: 'imageGeneration',
        id: item.id,
        status: item.status,
        revisedPrompt: item.revised_prompt ?? null,
        result: item.result ?? '',
        transparentBackground: null,
        failure: null,
        ...(typeof item.saved_path === 'string' ? { savedPath: item.saved_path } : {}),
        generationId: null,
        ...times,
      };
    case 'HookPrompt':
      return { type: 'hookPrompt', id: item.id, fragments: item.fragments, ...times };
    case 'FunctionCallOutput': {
      const output = item.output as WireItem<'functionCallOutput'>['output'];
      return {
        type: 'functionCallOutput',
        id: item.id,
        name: item.name,
        namespace: item.namespace ?? null,
        output,
        ...times,
      };
    }
    case 'Sleep':
      return { type: 'sleep', id: item.id, durationMs: item.duration_ms, ...times };
  }
}

function mcpToolCall(item: CoreItemOfType<'McpToolCall'>, times: ItemTimes): WireItem<'mcpToolCall'> {
  const { result, mcpAppResourceUri: resourceUri = null } = item;
  const appContext: WireItem<'mcpToolCall'>['appContext'] =
    item.connectorId === undefined
      ? null
      : {
          connectorId: item.connectorId,
          linkId: item.linkId ?? null,
          resourceUri,
          appName: item.appName ?? null,
          actionName: item.actionName ?? null,
        };
  return {
    type: 'mcpToolCall',
    id: item.id,
    server: item.server,
    tool: item.tool,
    status: toCamelCase(item.status) as WireItem<'mcpToolCall'>['status'],
    arguments: item.arguments ?? null,
    appContext,
    ...(resourceUri === null ? {} : { mcpAppResourceUri: resourceUri }),
    mcpAppUi: (item.mcpAppUi ?? null) as WireItem<'mcpToolCall'>['mcpAppUi'],
    pluginId: item.pluginId ?? null,
    readOnlyHint: item.readOnlyHint ?? null,
    result: result
      ? {
          content: result.content ?? [],
          structuredContent: result.structuredContent ?? null,
          _meta: result._meta ?? null,
        }
      : null,
    error: item.error ? { message: item.error.message } : null,
    durationMs: milliseconds(item.duration),
    ...times,
  };
}

function collabAgentToolCall(
  item: CoreItemOfType<'CollabAgentToolCall'>,
  times: ItemTimes,
): WireItem<'collabAgentToolCall'> {
  const states = Object.entries(item.agents_states ?? {}).map(([id, state]) => [id, agentState(state)] as const);
  return {
    type: 'collabAgentToolCall',
    id: item.id,
    tool: toCamelCase(item.tool) as WireItem<'collabAgentToolCall'>['tool'],
    status: toCamelCase(item.status) as WireItem<'collabAgentToolCall'>['status'],
    senderThreadId: item.sender_thread_id,
    receiverThreadIds: item.receiver_thread_ids ?? [],
    prompt: item.prompt ?? null,
    model: item.model ?? null,
    reasoningEffort: item.reasoning_effort ?? null,
    agentsStates: Object.fromEntries(states),
    ...times,
  };
}

type AgentState = WireItem<'collabAgentToolCall'>['agentsStates'][string];

function agentState(state: unknown): AgentState {
  const [word, message] =
    typeof state === 'object' && state !== null ? (Object.entries(state)[0] ?? ['']) : [String(state)];
  return {
    status: toCamelCase(word) as AgentState['status'],
    message: typeof message === 'string' ? message : null,
  };
}
