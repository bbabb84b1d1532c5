// A conversation as it is found after a kill: by thread/read, and in the file by the oracle's own reading. Any thread.
import type { TurnState, WireItem, WireTurn } from './items.js';
import { itemText, userText } from './items.js';
import type { RolloutFile } from './rollout-file.js';

export interface FoundItem {
  turnId: string;
  type: string;
  text: string;
}

export interface FoundThread {
  source: 'thread/read' | 'the file';
  turns: Map<string, TurnState>;
  items: Map<string, FoundItem>;
  /** Texts of user messages, in order, with the turn of each. */
  userTexts: { text: string; turnId: string }[];
  /** Ids of the messages that the model will see again; null where that is not told. */
  modelMessages: { users: string[]; assistants: Map<string, string> } | null;
  /** Ids that occur more than once, with what they are ids of. */
  repeated: string[];
}

export function foundByRead(turns: readonly WireTurn[]): FoundThread {
  const found = emptyFound('thread/read');
  for (const turn of turns) {
    addTurn(found, turn.id, turn.status);
    for (const item of turn.items) addItem(found, turn.id, item);
  }
  return found;
}

export function foundInFile(file: RolloutFile): FoundThread {
  const found = emptyFound('the file');
  const modelMessages = { users: [] as string[], assistants: new Map<string, string>() };
  found.modelMessages = modelMessages;
  for (const { type, payload } of file.lines) {
    if (type === 'event_msg') addEvent(found, payload);
    if (type !== 'response_item' || payload.type !== 'message') continue;
    const { role, id, content } = payload as { role: string; id?: string; content: { text?: string }[] };
    if (role === 'user') modelMessages.users.push(userText(content));
    if (role !== 'assistant' || id === undefined) continue;
    if (modelMessages.assistants.has(id)) found.repeated.push(`response_item ${id}`);
    modelMessages.assistants.set(id, content.map(({ text }) => text ?? '').join(''));
  }
  return found;
}

function addEvent(found: FoundThread, payload: Record<string, unknown>): void {
  const turnId = String(payload.turn_id);
  switch (payload.type) {
    case 'task_started':
      return addTurn(found, turnId, 'open');
    case 'task_complete':
      return endTurn(found, turnId, payload.error === undefined || payload.error === null ? 'completed' : 'failed');
    case 'turn_aborted':
      return endTurn(found, turnId, 'interrupted');
    case 'item_completed':
      return addItem(found, turnId, toWireItem(payload.item as Record<string, unknown>));
  }
}

function toWireItem(core: Record<string, unknown>): WireItem {
  const id = String(core.id);
  const name = String(core.type);
  // The wire has the same names with a small first letter.
  const type = name.charAt(0).toLowerCase() + name.slice(1);
  if (type === 'agentMessage') {
    return { type, id, text: (core.content as { text: string }[]).map(({ text }) => text).join('') };
  }
  if (type === 'userMessage') return { type, id, content: core.content as unknown[] };
  if (type !== 'reasoning') return { type, id };
  return { type, id, summary: core.summary_text as string[], content: core.raw_content as unknown[] };
}

function emptyFound(source: FoundThread['source']): FoundThread {
  return { source, turns: new Map(), items: new Map(), userTexts: [], modelMessages: null, repeated: [] };
}

function addTurn(found: FoundThread, id: string, state: TurnState): void {
  if (found.turns.has(id)) found.repeated.push(`turn ${id}`);
  found.turns.set(id, state);
}

function endTurn(found: FoundThread, id: string, state: TurnState): void {
  const before = found.turns.get(id);
  if (before !== undefined && before !== 'open') found.repeated.push(`the end of turn ${id}`);
  found.turns.set(id, state);
}

function addItem(found: FoundThread, turnId: string, item: WireItem): void {
  if (found.items.has(item.id)) found.repeated.push(`item ${item.id}`);
  const text = itemText(item);
  found.items.set(item.id, { turnId, type: item.type, text });
  if (item.type === 'userMessage') found.userTexts.push({ text, turnId });
}
