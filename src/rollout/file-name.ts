// Names and places of rollout files. Any thread.
import { basename, dirname, join } from 'node:path';

/** Folders of a home that hold rollouts. */
export const SESSIONS_FOLDER = 'sessions';
export const ARCHIVED_SESSIONS_FOLDER = 'archived_sessions';

/** Year, month, day: deeper folders are none of the format's. */
export const MAX_SESSIONS_DEPTH = 3;

/** What a file has behind its name when its content is compressed. */
const COMPRESSED_SUFFIX = '.zst';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const ROLLOUT_NAME = new RegExp(
  `^rollout-(\\d{4})-(\\d{2})-(\\d{2})T(\\d{2})-(\\d{2})-(\\d{2})-(${UUID})(?:_(${UUID}))?\\.jsonl(\\.zst)?$`,
);

export interface RolloutName {
  /** From the name, which holds local time to the second. */
  createdAt: Date;
  id: string;
  /** Set when the file continues the conversation after a revert. */
  segmentId: string | null;
  compressed: boolean;
}

/** What lineage knows a file by: its segment's id, or for a conversation's first file the conversation's. */
export function segmentIdOf({ segmentId, id }: RolloutName): string {
  return segmentId ?? id;
}

/**
 * A rollout is known by one path, whether it is compressed or not: that of the plain file. This is the path of the
 * compressed one that may lie in its place.
 */
export function compressedPathOf(path: string): string {
  return `${path}${COMPRESSED_SUFFIX}`;
}

/** The path that a rollout is known by, given that of its file; names of files do as well. */
export function plainPathOf(path: string): string {
  return path.endsWith(`.jsonl${COMPRESSED_SUFFIX}`) ? path.slice(0, -COMPRESSED_SUFFIX.length) : path;
}

/**
 * `sessions/YYYY/MM/DD/rollout-YYYY-MM-DDThh-mm-ss-ID.jsonl` under the home, in local time; a later segment of the
 * conversation has `_SEGMENT` behind its id.
 */
export function rolloutPathFor(home: string, createdAt: Date, id: string, segmentId: string | null = null): string {
  const { year, month, day, hour, minute, second } = localParts(createdAt);
  const name = `rollout-${year}-${month}-${day}T${hour}-${minute}-${second}-${id}${segmentId === null ? '' : `_${segmentId}`}.jsonl`;
  return join(sessionsFolderFor(home, createdAt), name);
}

/**
 * Where a rollout lies after it was archived, or taken back from there: it keeps its name. null for a path that is not
 * that of a rollout in one of a home's two folders.
 */
export function movedPathOf(path: string): string | null {
  const name = basename(path);
  const rollout = parseRolloutName(name);
  if (rollout === null) return null;
  let root = dirname(path);
  const isRoot = (): boolean => basename(root) === SESSIONS_FOLDER || basename(root) === ARCHIVED_SESSIONS_FOLDER;
  for (let depth = 0; depth < MAX_SESSIONS_DEPTH && !isRoot(); depth += 1) root = dirname(root);
  if (!isRoot()) return null;
  const home = dirname(root);
  const isArchived = basename(root) === ARCHIVED_SESSIONS_FOLDER;
  return join(isArchived ? sessionsFolderFor(home, rollout.createdAt) : join(home, ARCHIVED_SESSIONS_FOLDER), name);
}

/** `sessions/YYYY/MM/DD` under the home, in local time. */
export function sessionsFolderFor(home: string, createdAt: Date): string {
  const { year, month, day } = localParts(createdAt);
  return join(home, SESSIONS_FOLDER, year, month, day);
}

function localParts(date: Date) {
  const pad = (part: number): string => String(part).padStart(2, '0');
  return {
    year: String(date.getFullYear()).padStart(4, '0'),
    month: pad(date.getMonth() + 1),
    day: pad(date.getDate()),
    hour: pad(date.getHours()),
    minute: pad(date.getMinutes()),
    second: pad(date.getSeconds()),
  };
}

/** The folder of all side journals of a home. */
export function journalFolder(home: string): string {
  return join(home, 'rolloutd', 'journal');
}

export function journalPathFor(home: string, conversationId: string): string {
  return join(journalFolder(home), `${conversationId}.jsonl`);
}

/** Reads a file's name, without its folder; null when it is not that of a rollout. */
export function parseRolloutName(name: string): RolloutName | null {
  const match = ROLLOUT_NAME.exec(name);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const createdAt = new Date(year, month - 1, day, hour, minute, second);
  // A date that does not exist rolls over to another one.
  if (createdAt.getMonth() !== month - 1 || createdAt.getDate() !== day || hour > 23 || minute > 59 || second > 59) {
    return null;
  }
  return { createdAt, id: match[7]!, segmentId: match[8] ?? null, compressed: match[9] !== undefined };
}
