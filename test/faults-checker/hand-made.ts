// Hand-made logs and files for the tests of the oracle's checks.
import type { WireMessage } from '../faults/byte-log.js';
import type { LoggedConnection } from '../faults/told.js';
import { gatherFacts, ToldThread } from '../faults/told.js';

export const THREAD = '01a206ee-bd6f-7dc3-8570-8420e64dacfd';

/** Messages of one connection, 10 ms apart, with what had been asked under which id. */
export function logOf(
  messages: WireMessage[],
  requests: Record<number, { method: string; params: Record<string, unknown> }> = {},
): LoggedConnection {
  return {
    connection: 0,
    kill: 1,
    messages: messages.map((message, index) => ({ atMs: index * 10, text: JSON.stringify(message), message })),
    requests: new Map(Object.entries(requests).map(([id, request]) => [Number(id), request])),
  };
}

const START_TURN = {
  method: 'turn/start',
  params: { threadId: THREAD, input: [{ type: 'text', text: '#c1.1 say hello' }] },
};

/** One turn that was told from its reply to its end. */
export function wholeTurn(): WireMessage[] {
  return [
    { id: 1, result: { turn: { id: 'turn-1' } } },
    notification('item/completed', {
      turnId: 'turn-1',
      item: { type: 'userMessage', id: 'user-1', content: [{ type: 'text', text: '#c1.1 say hello' }] },
    }),
    notification('item/completed', { turnId: 'turn-1', item: { type: 'agentMessage', id: 'msg-1', text: 'hello' } }),
    notification('turn/completed', { turn: { id: 'turn-1', status: 'completed', items: [] } }),
  ];
}

export function notification(method: string, params: Record<string, unknown>, seq?: number): WireMessage {
  return { method, params: { threadId: THREAD, ...params }, ...(seq === undefined ? {} : { epoch: 'e1', seq }) };
}

/** The facts of the given log, which answers the request START_TURN with id 1. */
export function toldBy(messages: WireMessage[]): ToldThread {
  const told = new ToldThread(THREAD, new Map());
  told.noteInput('#c1.1 say hello');
  gatherFacts(logOf(messages, { 1: START_TURN }), new Map([[THREAD, told]]));
  return told;
}

export interface HandMadeLine {
  type: string;
  payload: Record<string, unknown>;
}

/** The records of the same turn. */
export function wholeTurnLines(): HandMadeLine[] {
  const user = [{ type: 'text', text: '#c1.1 say hello' }];
  return [
    { type: 'session_meta', payload: { id: THREAD } },
    event('task_started', { turn_id: 'turn-1' }),
    { type: 'response_item', payload: { type: 'message', id: 'm1', role: 'user', content: user } },
    event('item_completed', { turn_id: 'turn-1', item: { type: 'UserMessage', id: 'user-1', content: user } }),
    event('item_completed', {
      turn_id: 'turn-1',
      item: { type: 'AgentMessage', id: 'msg-1', content: [{ type: 'Text', text: 'hello' }] },
    }),
    {
      type: 'response_item',
      payload: { type: 'message', id: 'msg-1', role: 'assistant', content: [{ type: 'output_text', text: 'hello' }] },
    },
    event('task_complete', { turn_id: 'turn-1' }),
  ];
}

export function event(type: string, payload: Record<string, unknown>): HandMadeLine {
  return { type: 'event_msg', payload: { type, ...payload } };
}

/** The bytes of a rollout with these records, numbered from 0. */
export function rolloutBytes(lines: readonly HandMadeLine[]): Buffer {
  const timestamp = '2026-11-23T06:00:39.929Z';
  const texts = lines.map((line, ordinal) => `${JSON.stringify({ timestamp, ordinal, ...line })}\n`);
  return Buffer.from(texts.join(''));
}
