// Where a history lies that reaches over several files: forks by reference, segments after a revert. Any thread.
import { DaemonError } from '../errors.js';
import type { SessionMetaPayload } from './line.js';
import { readRolloutLines } from './read-rollout-lines.js';
import { openStored } from './stored-file.js';

/** Part of a rollout, from its first byte. */
export interface RolloutRange {
  path: string;
  /** Byte to stop before: the end of a line. */
  end: number;
}

/** Path of the file with this segment id (that of its first file is the conversation's own), archived or not; or null. */
export type SegmentLocator = (segmentId: string) => Promise<string | null>;

type HistoryBaseLine = NonNullable<SessionMetaPayload['history_base']>;

/**
 * What precedes a file whose session_meta is given, oldest first; empty when it goes on from nothing. Throws
 * DaemonError lineage_broken when a file is missing, or when files refer to each other in a circle; what reading throws.
 */
export async function resolveLineage(meta: SessionMetaPayload, locate: SegmentLocator): Promise<RolloutRange[]> {
  const ranges: RolloutRange[] = [];
  const seen = new Set<string>();
  let base = historyBaseOf(meta);
  while (base !== null) {
    const segmentId: string = base.thread_id;
    if (seen.has(segmentId)) throw brokenLineage(meta.id, segmentId, 'its files refer to each other in a circle');
    seen.add(segmentId);
    const path = await locate(segmentId);
    if (path === null) throw brokenLineage(meta.id, segmentId, 'missing source rollout');
    ranges.unshift({ path, end: await placeCut(path, base) });
    const source = await readSessionMeta(path);
    base = source === null ? null : historyBaseOf(source);
  }
  return ranges;
}

/** What a file goes on from; null when it names no file. */
export function historyBaseOf({ history_base: base }: SessionMetaPayload): HistoryBaseLine | null {
  return typeof base?.thread_id === 'string' ? base : null;
}

function brokenLineage(id: string, segmentId: string, what: string): DaemonError {
  return new DaemonError('lineage_broken', `invalid paginated history lineage for ${segmentId}: ${what}`, {
    data: { threadId: id, source: segmentId },
  });
}

/** The first session_meta of a file, or null. Reads no further than that, nor than `end`. */
export async function readSessionMeta(path: string, end = Infinity): Promise<SessionMetaPayload | null> {
  let meta: SessionMetaPayload | null = null;
  await readRolloutLines(
    path,
    (line) => {
      if (line.type !== 'session_meta') return true;
      meta = line.payload;
      return false;
    },
    { kinds: new Set(['session_meta'] as const), chunkBytes: 32 * 1024, end },
  );
  return meta;
}

/**
 * The byte before which the lines lie that a base refers to. Its own offset, when the file still has a line's end there
 * and goes on with the ordinal that is left out; else, after an edit, the place is looked for by ordinals.
 */
async function placeCut(path: string, base: HistoryBaseLine): Promise<number> {
  if (await isCutAt(path, base)) return base.end_byte_offset;
  let end = 0;
  await readRolloutLines(path, ({ ordinal }, _index, place) => {
    if (ordinal !== undefined && ordinal >= base.end_ordinal_exclusive) return false;
    end = place.offset + place.length + 1;
    return true;
  });
  return end;
}

async function isCutAt(
  path: string,
  { end_byte_offset: offset, end_ordinal_exclusive }: HistoryBaseLine,
): Promise<boolean> {
  if (!(offset > 0)) return false;
  const source = await openStored(path);
  try {
    const bytes = Buffer.alloc(160);
    const bytesRead = await source.read(bytes, bytes.length, offset - 1);
    if (bytesRead === 0 || bytes[0] !== 0x0a) return false;
    const next = bytes.toString('latin1', 1, bytesRead);
    if (next === '') return true;
    const start = /^\{"timestamp":"[^"]*",(?:"ordinal":(\d+),)?"type":/.exec(next);
    // A line without an ordinal does not tell against it.
    return start !== null && (start[1] === undefined || Number(start[1]) >= end_ordinal_exclusive);
  } finally {
    await source.close();
  }
}
