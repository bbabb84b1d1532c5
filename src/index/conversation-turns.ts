// The turns of conversations with what runs in them, and the order of their items. Index thread.
import type { ThreadItem, Turn } from '../protocol/thread.js';
import { journalPathFor } from '../rollout/file-name.js';
import { statStored } from '../rollout/stored-file.js';
import { turnLineKinds } from '../rollout/turn-line-kinds.js';
import { TurnProjection } from '../rollout/turns.js';
import type { TurnTokenUsage } from '../rollout/turns.js';
import { readHistory } from './conversation-history.js';
import type { ConversationHistory } from './conversation-history.js';
import { FactsGatherer, SUMMARY_LINE_KINDS } from './conversation-summary.js';
import type { FileFacts } from './conversation-summary.js';
import type { PageSource } from './index-messages.js';
import { addRecoveredItems } from './recovered-items.js';

/** What pages and resumes ask for is mostly one conversation, again and again. */
const KEPT_READINGS = 2;
/** Files of more than this are read each time: what they hold would fill the memory. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** How much larger the content of a compressed file is taken to be than the file. */
const COMPRESSED_RATIO = 10;
/** A reading that nobody has asked for in this long is let go. */
const KEPT_MS = 30_000;

export interface ConversationTurns {
  turns: Turn[];
  tokenUsage: TurnTokenUsage | null;
  /** What each file says of the conversation, its own last. */
  facts: FileFacts[];
  /** Damaged lines in all files read. */
  setAside: number;
  /** By turn and item, as `itemKey` joins them: which of all lines first held the item. Empty for legacy files. */
  firstLines: ReadonlyMap<string, number>;
}

/** What all callers share, whatever is live for them. */
interface Reading extends Omit<ConversationTurns, 'turns' | 'tokenUsage'> {
  projection: TurnProjection;
  completeSize: number;
}

interface KeptReading {
  key: string;
  reading: Promise<Reading>;
}

export interface ReadTurnsOptions extends Omit<PageSource, 'path'> {
  /** Without items the turns are told from each other, nothing more. */
  withItems: boolean;
}

export function itemKey(turnId: string, itemId: string): string {
  return `${turnId}\n${itemId}`;
}

/** Reads all files of a history once, and not again while none of them changes. */
export class TurnReader {
  readonly #home: string;
  #kept: KeptReading[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(home: string) {
    this.#home = home;
  }

  /** The turns are the caller's own, their items are not to be changed. Throws what readHistory throws. */
  async read(history: ConversationHistory, options: ReadTurnsOptions): Promise<ConversationTurns> {
    const { withItems, liveTurnId = null, runningItems = [] } = options;
    const { projection, completeSize, ...shared } = await this.#share(history, options);
    const turns = projection.turns({ liveTurnId });
    if (withItems) {
      addRunningItems(turns, liveTurnId, runningItems);
      const journalPath = journalPathFor(this.#home, history.meta.id);
      addRecoveredItems(turns, liveTurnId, journalPath, completeSize);
    }
    return { ...shared, turns, tokenUsage: projection.tokenUsage() };
  }

  #share(history: ConversationHistory, options: ReadTurnsOptions): Promise<Reading> {
    const { key, size } = versionOf(history, options);
    const index = this.#kept.findIndex((kept) => kept.key === key);
    const [known] = index === -1 ? [] : this.#kept.splice(index, 1);
    const reading = known?.reading ?? readAll(history, options);
    const kept = { key, reading };
    this.#kept = [kept, ...this.#kept].slice(0, KEPT_READINGS);
    const letGo = (): void => void (this.#kept = this.#kept.filter((other) => other !== kept));
    // Whoever asked meanwhile still gets it.
    if (size > MAX_KEPT_BYTES) void reading.then(letGo, letGo);
    else reading.catch(letGo);
    clearTimeout(this.#timer ?? undefined);
    this.#timer = setTimeout(() => (this.#kept = []), KEPT_MS).unref();
    return reading;
  }
}

/** Names exactly what would be read. */
function versionOf(
  { path, sources }: ConversationHistory,
  { end, withItems }: ReadTurnsOptions,
): { key: string; size: number } {
  const versions = [...sources, { path, end }].map((range) => ({ ...range, ...statStored(range.path) }));
  return {
    key: JSON.stringify([withItems, versions]),
    size: versions.reduce(
      (sum, { end: bytes, size = 0, compressed }) => sum + (bytes ?? size * (compressed ? COMPRESSED_RATIO : 1)),
      0,
    ),
  };
}

async function readAll(
  history: ConversationHistory,
  { end, withItems }: { end?: number | undefined; withItems: boolean },
): Promise<Reading> {
  const { historyMode, sources } = history;
  const projection = new TurnProjection({ mode: historyMode, keepItems: withItems });
  const gatherers = [...sources, null].map(() => new FactsGatherer());
  const firstLines = new Map<string, number>();
  const kinds = new Set([...turnLineKinds(historyMode, { withItems }), ...SUMMARY_LINE_KINDS]);
  const { files, setAside } = await readHistory(
    history,
    (line, { file, index }) => {
      gatherers[file]!.add(line);
      projection.apply(line, index);
      if (!withItems || historyMode !== 'paginated') return;
      if (line.type !== 'event_msg' || line.payload.type !== 'item_completed') return;
      const key = itemKey(line.payload.turn_id, line.payload.item.id);
      if (!firstLines.has(key)) firstLines.set(key, index);
    },
    { kinds, end },
  );
  const facts = gatherers.map((gatherer) => gatherer.facts);
  return { projection, facts, firstLines, setAside, completeSize: files.at(-1)!.completeSize };
}

/** What runs is known better to its session than a legacy file's call tells, but not than a line that recorded it. */
function addRunningItems(turns: readonly Turn[], liveTurnId: string | null, running: readonly ThreadItem[]): void {
  const items = turns.find(({ id }) => id === liveTurnId)?.items;
  if (items === undefined) return;
  const places = new Map(items.map(({ id }, place) => [id, place]));
  for (const item of running) {
    const place = places.get(item.id);
    const known = place === undefined ? undefined : items[place]!;
    if (place === undefined || known === undefined) items.push(item);
    else if ('status' in known && known.status === 'inProgress') items[place] = item;
  }
}
