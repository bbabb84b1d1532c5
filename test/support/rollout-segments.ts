// Histories that lie in several files, written down by a test: forks, and the segments that follow a revert. Main thread.
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseRolloutName, rolloutPathFor } from '../../src/rollout/file-name.js';
import type { RolloutLine, SessionMetaPayload } from '../../src/rollout/line.js';
import { serializeLine } from '../../src/rollout/serialize-line.js';
import { createdAtOf, idOf } from './rollout-home.js';
import { metaLine } from './rollout-lines.js';

export type Base = NonNullable<SessionMetaPayload['history_base']>;

export interface SegmentSpec {
  /** Counts files: becomes the minute of creation, and the id of the conversation unless `of` names another one's. */
  number: number;
  /** Set for a segment of conversation `of`: its own number becomes the segment's id. */
  of?: number;
  base?: Base | null;
  meta?: Partial<SessionMetaPayload>;
  lines: readonly RolloutLine[];
  folder?: 'archived_sessions';
}

/** Writes a file that goes on counting where its base ends, and returns its path. */
export function writeSegment(
  home: string,
  { number, of = number, base = null, meta, lines, folder }: SegmentSpec,
): string {
  const createdAt = createdAtOf(number);
  const id = idOf(of);
  const path = rolloutPathFor(home, createdAt, of === number ? id : `${id}_${idOf(number)}`);
  const file = folder === undefined ? path : join(home, folder, basename(path));
  const first = metaLine(id, {
    timestamp: createdAt.toISOString(),
    ...(base === null ? {} : { history_base: base }),
    ...meta,
  });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, ordinalText([first, ...lines], base?.end_ordinal_exclusive ?? 0));
  const changedAt = createdAt.getTime() / 1000 + 1;
  utimesSync(file, changedAt, changedAt);
  return file;
}

/** Text of lines that count from `first`. */
export function ordinalText(lines: readonly RolloutLine[], first: number): string {
  return lines
    .map(({ timestamp, ...rest }, index) => serializeLine({ timestamp, ordinal: first + index, ...rest }))
    .join('');
}

/** The base of a file that goes on before line `count` of this one, lines being counted from 0; negative from the end. */
export function baseAt(path: string, count = Infinity): Base {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const kept = lines.slice(0, count);
  const name = parseRolloutName(basename(path))!;
  const first = (JSON.parse(lines[0]!) as { ordinal: number }).ordinal;
  return {
    thread_id: name.segmentId ?? name.id,
    end_ordinal_exclusive: first + kept.length,
    end_byte_offset: Buffer.byteLength(kept.map((line) => `${line}\n`).join('')),
  };
}
