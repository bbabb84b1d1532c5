// Looks for words in what people and agents said in a rollout; other lines are not parsed. Index thread.
import type { CoreItem, RolloutLine } from '../rollout/line.js';
import { LineKindFilter } from '../rollout/line-kinds.js';
import type { LineKind } from '../rollout/line-kinds.js';
import { readLines } from '../rollout/line-reader.js';
import { parseLine } from '../rollout/parse-line.js';

const KINDS: ReadonlySet<LineKind> = new Set<LineKind>([
  'event_msg/item_completed',
  'event_msg/user_message',
  'event_msg/agent_message',
]);

// What comes before an item's type in an item_completed line is short: time, ordinal, two ids.
const ITEM_TYPE = Buffer.from('"item":{"type":"');
const ITEM_TYPE_WITHIN = 400;
const SAID_TYPES = ['UserMessage"', 'AgentMessage"', 'Plan"'].map((type) => Buffer.from(type));

/** True when the term, which is in lower case, occurs in a message of this file. Throws what reading throws. */
export async function findInMessages(path: string, term: string): Promise<boolean> {
  const filter = new LineKindFilter(KINDS);
  const { stopped } = await readLines(
    path,
    ({ value }) => {
      const line = parseLine(value);
      return typeof line === 'string' || !textOf(line).toLowerCase().includes(term);
    },
    { skip: (start) => filter.passesOver(start) || isOtherItem(start) },
  );
  return stopped;
}

/** True for items that surely are no messages: what commands print is most of many files. */
function isOtherItem(start: Uint8Array): boolean {
  const head = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, ITEM_TYPE_WITHIN));
  const at = head.indexOf(ITEM_TYPE);
  if (at === -1) return false;
  const type = head.subarray(at + ITEM_TYPE.length);
  return type.length >= 16 && !SAID_TYPES.some((said) => type.subarray(0, said.length).equals(said));
}

function textOf(line: RolloutLine): string {
  if (line.type !== 'event_msg') return '';
  const event = line.payload;
  if (event.type === 'agent_message') return event.message;
  if (event.type === 'user_message') return event.kind === undefined || event.kind === 'plain' ? event.message : '';
  return event.type === 'item_completed' ? textOfItem(event.item) : '';
}

function textOfItem(item: CoreItem): string {
  switch (item.type) {
    case 'UserMessage':
      return item.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
    case 'AgentMessage':
      return item.content.map(({ text }) => (typeof text === 'string' ? text : '')).join('');
    case 'Plan':
      return item.text;
    default:
      return '';
  }
}
