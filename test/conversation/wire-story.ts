// Reads what a client received as the story of one conversation: who said what in which order. Any thread.
import type { CheckedClient, WireMessage } from '../support/checked-client.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const TIMES = new Set(['startedAt', 'completedAt', 'durationMs', 'startedAtMs', 'completedAtMs', 'emittedAtMs']);

/** Names of notifications and `reply ID`, in order. */
export function namesOf(messages: readonly WireMessage[]): string[] {
  return messages.map(({ method, id }) => method ?? `reply ${String(id)}`);
}

/** Everything from the reply to this request on. */
export function sinceReply(client: CheckedClient, id: number): WireMessage[] {
  const index = client.received.findIndex((message) => message.id === id && message.method === undefined);
  if (index === -1) throw new Error(`no reply ${id} yet`);
  return client.received.slice(index);
}

/** A copy in which times are 0 and each UUID is `#N`, counted by first appearance, so that it can be compared whole. */
export function withoutAccidents(value: unknown): any {
  const numbers = new Map<string, string>();
  const nameUuid = (uuid: string): string => {
    const name = numbers.get(uuid) ?? `#${numbers.size + 1}`;
    numbers.set(uuid, name);
    return name;
  };
  const text = JSON.stringify(value, (key, field: unknown) =>
    TIMES.has(key) && typeof field === 'number' ? 0 : field,
  );
  return JSON.parse(text.replace(UUID, nameUuid));
}

/** Text of the agent's messages in a turn as thread/read gives it. */
export function agentTexts(turn: { items: any[] }): string[] {
  return turn.items.filter((item) => item.type === 'agentMessage').map((item) => item.text as string);
}

/** The texts in a request to the model, without what the host put before them. */
export function conversationTexts(input: readonly Record<string, any>[]): string[] {
  return input
    .filter((item) => item['type'] === 'message' && item['role'] !== 'developer')
    .map((item) => item['content'].map((part: { text?: string }) => part.text ?? '').join(''))
    .filter((text: string) => !text.startsWith('<environment_context>'));
}

/** Whether each number follows the one before it without a gap. */
export function areConsecutive(numbers: readonly (number | undefined)[]): boolean {
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1);
}
