// Lines of rollouts, short to write down in tests. Any thread.
import type { CoreItem, EventPayload, RolloutLine, SessionMetaPayload } from '../../src/rollout/line.js';
import type { ResponseItem } from '../../src/rollout/response-item.js';
import { serializeLine } from '../../src/rollout/serialize-line.js';

const TIMESTAMP = '2026-11-20T10:00:00.000Z';

export function metaLine(id: string, fields: Partial<SessionMetaPayload> = {}): RolloutLine {
  return {
    timestamp: TIMESTAMP,
    type: 'session_meta',
    payload: {
      id,
      timestamp: TIMESTAMP,
      cwd: '/home/user/ws',
      originator: 'test',
      cli_version: '0.1.0',
      source: 'vscode',
      model_provider: 'mock',
      history_mode: 'paginated',
      ...fields,
    },
  };
}

export function eventLine(payload: EventPayload): RolloutLine {
  return { timestamp: TIMESTAMP, type: 'event_msg', payload };
}

export function responseLine(payload: ResponseItem): RolloutLine {
  return { timestamp: TIMESTAMP, type: 'response_item', payload };
}

export function userLine(text: string): RolloutLine {
  return responseLine({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
}

export function assistantLine(text: string): RolloutLine {
  return responseLine({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] });
}

export function startedLine(turnId: string): RolloutLine {
  return eventLine({ type: 'task_started', turn_id: turnId, root_turn_id: turnId, started_at: 100 });
}

export function completeLine(turnId: string): RolloutLine {
  return eventLine({ type: 'task_complete', turn_id: turnId, completed_at: 101, duration_ms: 1000 });
}

export function itemLine(turnId: string, item: CoreItem, startedAtMs = 1): RolloutLine {
  return eventLine({
    type: 'item_completed',
    thread_id: 'thread',
    turn_id: turnId,
    item,
    started_at_ms: startedAtMs,
    completed_at_ms: startedAtMs + 1,
  });
}

export function userItemLine(turnId: string, id: string, text: string): RolloutLine {
  return itemLine(turnId, { type: 'UserMessage', id, content: [{ type: 'text', text, text_elements: [] }] });
}

export function agentItemLine(turnId: string, id: string, text: string): RolloutLine {
  return itemLine(turnId, { type: 'AgentMessage', id, content: [{ type: 'Text', text }] });
}

export function turnContextLine(fields: { turn_id?: string; cwd?: string; model?: string } = {}): RolloutLine {
  return {
    timestamp: TIMESTAMP,
    type: 'turn_context',
    payload: {
      cwd: '/home/user/ws',
      model: 'gpt-test',
      approval_policy: 'never',
      sandbox_policy: { type: 'read-only' },
      ...fields,
    },
  };
}

/** One whole turn of a question and its answer. */
export function turnLines(turnId: string, question: string, answer: string): RolloutLine[] {
  return [
    startedLine(turnId),
    turnContextLine({ turn_id: turnId }),
    userLine(question),
    userItemLine(turnId, `${turnId}-user`, question),
    agentItemLine(turnId, `${turnId}-agent`, answer),
    assistantLine(answer),
    completeLine(turnId),
  ];
}

/** Text of a file with these lines; paginated ones get their ordinals. */
export function rolloutText(lines: readonly RolloutLine[]): string {
  return lines.map(({ timestamp, ...rest }, ordinal) => serializeLine({ timestamp, ordinal, ...rest })).join('');
}
