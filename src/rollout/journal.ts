// The side journal of one conversation: what runs, and streamed, but is not in the rollout yet. Format and reading, any thread.
import { closeSync, constants, openSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { CoreItemOfType } from './line.js';

/** The item of a command or a patch as the rollout would hold it, without what the command wrote. */
export type ToolItem = CoreItemOfType<'CommandExecution'> | CoreItemOfType<'FileChange'>;

/** The item a record is about; the same in all its records. */
export interface JournalItem {
  type: 'agentMessage' | 'reasoning' | 'tool';
  id: string;
  startedAtMs: number;
  phase: string | null;
  /** Of a tool, in its first record and where it has changed since. */
  core?: ToolItem;
}

/** One line of `rolloutd/journal/ID.jsonl`. */
export interface JournalRecord {
  /** Bytes of the rollout when the record was made, appends that were sent before it included. */
  rolloutSize: number;
  turnId: string;
  item: JournalItem;
  /** An agentMessage, and what a tool wrote, has `text` 0; a reasoning has `summary` and `content`, each with parts counted from 0. */
  field: 'text' | 'summary' | 'content';
  index: number;
  /** Where `text` starts in the field, in UTF-16 units. */
  at: number;
  text: string;
}

export interface JournalContent {
  /** That of the last record. */
  rolloutSize: number;
  /** In the order of the file; at least one. */
  records: JournalRecord[];
}

interface PartialItemBase {
  turnId: string;
  id: string;
  startedAtMs: number;
  phase: string | null;
}

/** What streamed of an item before its process died. */
export type PartialItem =
  | (PartialItemBase & { type: 'agentMessage'; text: string })
  | (PartialItemBase & { type: 'reasoning'; summary: string[]; content: string[] })
  /** `core` null where no more is known than that it ran, and what it wrote. */
  | (PartialItemBase & { type: 'tool'; core: ToolItem | null; text: string });

export interface AppliedJournal {
  /** In the order in which they were first recorded. */
  items: PartialItem[];
  /**
   * Why nothing was applied, or null. `all_recorded`: the rollout holds every item, the journal may go unmentioned.
   * `size_mismatch`: the rollout is not the one that the journal belongs to; see quarantineJournal.
   */
  discarded: 'size_mismatch' | 'all_recorded' | null;
}

/** The record as a line, with its newline. */
export function journalRecord(record: JournalRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * Null when there is no journal or nothing in it can be read. Reading ends at the first line that is no record: a
 * killed process may leave a torn one. Throws an I/O error other than that the file does not exist.
 */
export function readJournal(path: string): JournalContent | null {
  const records: JournalRecord[] = [];
  for (const line of splitLines(readBytes(path))) {
    const record = parseRecord(line);
    if (record === null) break;
    records.push(record);
  }
  const last = records.at(-1);
  return last === undefined ? null : { rolloutSize: last.rolloutSize, records };
}

/**
 * Items that streamed but were not completed. `rolloutSize` is the size of the rollout as it was found, up to its last
 * complete line: a torn append behind it takes nothing from what the journal holds. `completedItemIds` are the items
 * that the rollout holds complete in the journal's turn.
 */
export function applyJournal(
  journal: JournalContent,
  rolloutSize: number,
  completedItemIds: ReadonlySet<string>,
): AppliedJournal {
  const open = journal.records.filter((record) => !completedItemIds.has(record.item.id));
  if (open.length === 0) return { items: [], discarded: 'all_recorded' };
  if (journal.rolloutSize !== rolloutSize) return { items: [], discarded: 'size_mismatch' };
  return { items: assembleItems(open), discarded: null };
}

/** Sets a journal aside that does not belong to its rollout: it stays, under another name. Returns that; may throw. */
export function quarantineJournal(path: string, now = new Date()): string {
  const time = now.toISOString().replaceAll(':', '-');
  const aside = join(dirname(path), `${basename(path, '.jsonl')}.${time}.aside`);
  renameSync(path, aside);
  return aside;
}

function assembleItems(records: readonly JournalRecord[]): PartialItem[] {
  const items = new Map<string, PartialItem>();
  const ended = new Set<string>();
  for (const record of records) {
    const { id } = record.item;
    if (ended.has(id)) continue;
    const item = items.get(id) ?? emptyItem(record);
    items.set(id, item);
    if (!addChunk(item, record)) ended.add(id);
  }
  return [...items.values()];
}

function emptyItem({ turnId, item: { type, id, startedAtMs, phase } }: JournalRecord): PartialItem {
  const base = { turnId, id, startedAtMs, phase };
  if (type === 'tool') return { ...base, type, core: null, text: '' };
  return type === 'agentMessage' ? { ...base, type, text: '' } : { ...base, type, summary: [], content: [] };
}

/** Chunks may overlap and repeat. False at a gap: what follows it cannot be placed. */
function addChunk(item: PartialItem, { item: { core }, field, index, at, text }: JournalRecord): boolean {
  if (item.type === 'tool' && core !== undefined) item.core = core;
  if (item.type !== 'reasoning') {
    if (field !== 'text' || at > item.text.length) return false;
    item.text += text.slice(item.text.length - at);
    return true;
  }
  if (field === 'text') return false;
  const parts = item[field];
  const known = parts[index] ?? '';
  if (at > known.length || index > parts.length) return false;
  parts[index] = known + text.slice(known.length - at);
  return true;
}

function readBytes(path: string): Buffer {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Complete lines only: what follows the last newline is torn. */
function* splitLines(bytes: Buffer): Generator<string> {
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    yield bytes.toString('utf8', start, end);
    start = end + 1;
  }
}

function parseRecord(line: string): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // A line that a killed process tore, or that is none of ours.
    return null;
  }
  return isRecord(value) ? value : null;
}

function isRecord(value: unknown): value is JournalRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { rolloutSize, turnId, item, field, index, at, text } = value as Partial<JournalRecord>;
  return (
    isCount(rolloutSize) &&
    typeof turnId === 'string' &&
    isItem(item) &&
    (field === 'text' || field === 'summary' || field === 'content') &&
    isCount(index) &&
    isCount(at) &&
    typeof text === 'string'
  );
}

function isItem(value: unknown): value is JournalItem {
  if (typeof value !== 'object' || value === null) return false;
  const { type, id, startedAtMs, phase, core } = value as Partial<JournalItem>;
  return (
    (type === 'agentMessage' || type === 'reasoning' || type === 'tool') &&
    (core === undefined || (typeof core === 'object' && core !== null)) &&
    typeof id === 'string' &&
    typeof startedAtMs === 'number' &&
    (phase === null || typeof phase === 'string')
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
