// Items that events of legacy files tell whole, in the form of those that paginated files record. Any thread.
import type { CoreItem, LegacyToolEvent, McpToolResult } from './line.js';

/** The item an event is about. A `_begin` gives one in progress, under the id that its end will have. */
export function toolEventItem(event: LegacyToolEvent): CoreItem {
  switch (event.type) {
    case 'exec_command_begin':
    case 'exec_command_end': {
      const { type, call_id: id, turn_id: _turn, status, source, ...fields } = event;
      const ended = fields.exit_code === 0 ? 'completed' : 'failed';
      const known = status ?? (type === 'exec_command_end' ? ended : 'in_progress');
      return { ...fields, type: 'CommandExecution', id, source: source ?? 'agent', status: known };
    }
    case 'patch_apply_begin':
    case 'patch_apply_end': {
      const { type, call_id: id, changes, status, success } = event;
      const ended = success === true ? 'completed' : 'failed';
      const known = status ?? (type === 'patch_apply_end' ? ended : 'in_progress');
      return { type: 'FileChange', id, changes, status: known };
    }
    case 'mcp_tool_call_begin':
    case 'mcp_tool_call_end':
      return mcpToolCall(event);
    case 'web_search_end':
      return { type: 'WebSearch', id: event.call_id, query: event.query, action: event.action ?? null };
    case 'view_image_tool_call':
      return { type: 'ImageView', id: event.call_id, path: event.path };
    case 'image_generation_end': {
      const { call_id: id, turn_id: _turn, ...fields } = event;
      return { ...fields, type: 'ImageGeneration', id };
    }
    case 'sub_agent_activity': {
      const { event_id: id, ...fields } = event;
      return { ...fields, type: 'SubAgentActivity', id };
    }
  }
}

function mcpToolCall(event: LegacyToolEvent & { type: 'mcp_tool_call_begin' | 'mcp_tool_call_end' }): CoreItem {
  const { server, tool, arguments: args } = event.invocation;
  const call = { type: 'McpToolCall' as const, id: event.call_id, server, tool, arguments: args };
  if (event.type === 'mcp_tool_call_begin') return { ...call, status: 'in_progress' };
  const { Ok: answer, Err: failure } = event.result ?? {};
  return {
    ...call,
    status: isAnswer(answer) && answer.isError !== true ? 'completed' : 'failed',
    duration: event.duration ?? null,
    result: isAnswer(answer) ? answer : null,
    error: typeof failure === 'string' ? { message: failure } : null,
  };
}

function isAnswer(answer: unknown): answer is McpToolResult {
  return typeof answer === 'object' && answer !== null;
}
