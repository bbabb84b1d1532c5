// What clients were told of the items of a turn, read back from the notifications themselves. Main thread; only for turns
// whose session died: else no notification is ever parsed here.
import type { NotificationName } from '../protocol/notification-names.js';
import type { ThreadItem } from '../protocol/thread.js';
import type { PartialItem } from '../rollout/journal.js';

/** A notification as its session made it: its text without the closing brace. */
export interface SentFrame {
  method: NotificationName;
  text: string;
}

export interface ToldItems {
  /** Begun and not ended, with their text so far, in the order in which they began. */
  open: PartialItem[];
  /** Ids of those that have ended. */
  ended: Set<string>;
}

interface ItemParams {
  turnId: string;
  item: ThreadItem;
  itemId: string;
  delta: string;
  summaryIndex: number;
  contentIndex: number;
  startedAtMs: number;
}

type Teller = (told: ToldItems, params: ItemParams) => void;

const TELLERS: Partial<Record<NotificationName, Teller>> = {
  'item/started': ({ open }, { item, turnId, startedAtMs }) => {
    const base = { turnId, id: item.id, startedAtMs };
    if (item.type === 'agentMessage') open.push({ ...base, type: item.type, phase: item.phase, text: item.text });
    if (item.type === 'commandExecution' || item.type === 'fileChange') {
      const text = item.type === 'fileChange' ? '' : (item.aggregatedOutput ?? '');
      open.push({ ...base, type: 'tool', phase: null, core: null, text });
    }
    if (item.type !== 'reasoning') return;
    open.push({ ...base, type: item.type, phase: null, summary: [...item.summary], content: [...item.content] });
  },
  'item/completed': (told, { item }) => {
    told.ended.add(item.id);
    told.open = told.open.filter(({ id }) => id !== item.id);
  },
  'item/agentMessage/delta': ({ open }, { itemId, delta }) => {
    const item = open.find(({ id }) => id === itemId);
    if (item?.type === 'agentMessage') item.text += delta;
  },
  'item/commandExecution/outputDelta': ({ open }, { itemId, delta }) => {
    const item = open.find(({ id }) => id === itemId);
    if (item?.type === 'tool') item.text += delta;
  },
  'item/reasoning/summaryTextDelta': ({ open }, { itemId, delta, summaryIndex }) => {
    const item = open.find(({ id }) => id === itemId);
    if (item?.type === 'reasoning') addAt(item.summary, summaryIndex, delta);
  },
  'item/reasoning/textDelta': ({ open }, { itemId, delta, contentIndex }) => {
    const item = open.find(({ id }) => id === itemId);
    if (item?.type === 'reasoning') addAt(item.content, contentIndex, delta);
  },
};

/** `frames` in their order; those of other turns are passed over. An item whose start is not among them is not known. */
export function readToldItems(frames: Iterable<SentFrame>, turnId: string): ToldItems {
  const told: ToldItems = { open: [], ended: new Set() };
  for (const { method, text } of frames) {
    const tell = TELLERS[method];
    if (tell === undefined) continue;
    const { params } = JSON.parse(`${text}}`) as { params: ItemParams };
    if (params.turnId === turnId) tell(told, params);
  }
  return told;
}

function addAt(texts: string[], index: number, delta: string): void {
  while (texts.length <= index) texts.push('');
  texts[index] += delta;
}
