// Messages as the model would have them, from the lines that hold them for people. Any thread.
import { legacyInput } from './legacy-input.js';
import type { CoreUserInput, EventPayload, HistoryMode, RolloutLine } from './line.js';
import { isResponseItem } from './response-item.js';
import type { ContentItem, MessageItem, ResponseItem } from './response-item.js';

/**
 * Gathers what was said in a file, as long as no line holds it as the model had it: files of other writers may hold
 * nothing else. With the first line that does, the writer was one that writes such lines, from that turn on.
 */
export class ToldMessages {
  readonly #mode: HistoryMode;
  #isOver = false;
  #isInMarkedTurn = false;
  #pending: MessageItem[] = [];

  constructor(mode: HistoryMode) {
    this.#mode = mode;
  }

  /** Messages that have their place before this line. */
  take(line: RolloutLine): ResponseItem[] {
    if (this.#isOver) return [];
    if (line.type === 'response_item') return this.#end(line.payload);
    if (line.type !== 'event_msg') return line.type === 'compacted' ? this.flush() : [];
    switch (line.payload.type) {
      case 'task_started':
      case 'task_complete':
      case 'turn_aborted':
        this.#isInMarkedTurn = line.payload.type === 'task_started';
        return this.flush();
      case 'thread_rolled_back':
        return this.flush();
      default: {
        const message = this.#toMessage(line.payload);
        if (message !== null && message.content.length > 0) this.#pending.push(message);
        return [];
      }
    }
  }

  /** What is left at the end of the file. */
  flush(): ResponseItem[] {
    const messages = this.#pending;
    this.#pending = [];
    return messages;
  }

  #end(item: ResponseItem): ResponseItem[] {
    this.#isOver = true;
    const messages = this.flush();
    const text = messageText(item);
    // It closes a turn of another writer's, whose lines are all there is of it.
    if (text.startsWith('<turn_aborted>')) return messages;
    if (this.#isInMarkedTurn) return [];
    const same = messages.findIndex((message) => text !== '' && messageText(message) === text);
    return same === -1 ? messages : messages.slice(0, same);
  }

  /** From the lines that turns are made of in this mode. */
  #toMessage(event: EventPayload): MessageItem | null {
    if (this.#mode === 'paginated') {
      if (event.type !== 'item_completed') return null;
      const { item } = event;
      if (item.type === 'UserMessage') return userMessage(item.content);
      if (item.type !== 'AgentMessage') return null;
      const text = item.content.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
      return agentMessage(text, item.phase ?? null, item.partial === true);
    }
    if (event.type === 'user_message') return userMessage(legacyInput(event));
    return event.type === 'agent_message' ? agentMessage(event.message, event.phase ?? null, false) : null;
  }
}

function userMessage(input: readonly CoreUserInput[]): MessageItem {
  return { type: 'message', role: 'user', content: input.flatMap((part) => toContent(part) ?? []) };
}

/** Files that the user pointed at may be gone by now: they are named. */
function toContent(part: CoreUserInput): ContentItem | null {
  switch (part.type) {
    case 'text':
      return part.text === '' ? null : { type: 'input_text', text: part.text };
    case 'image':
      return typeof part.image_url === 'string' ? { type: 'input_image', image_url: part.image_url } : null;
    case 'local_image':
    case 'local_audio':
      return { type: 'input_text', text: `[${part.type}: ${part.path}]` };
    case 'skill':
    case 'mention':
      return { type: 'input_text', text: `[${part.type}: ${part.name} ${part.path}]` };
    default:
      return null;
  }
}

function agentMessage(text: string, phase: string | null, isPartial: boolean): MessageItem {
  return {
    type: 'message',
    ...(isPartial ? { status: 'incomplete' } : {}),
    role: 'assistant',
    content: text === '' ? [] : [{ type: 'output_text', text, annotations: [] }],
    ...(phase === null ? {} : { phase }),
  };
}

function messageText(item: ResponseItem): string {
  if (!isResponseItem(item, 'message')) return '';
  return item.content.map((part) => ('text' in part && typeof part.text === 'string' ? part.text : '')).join('');
}
