// Streams the typed lines of a rollout file; lines nobody wants are passed over unparsed. Any thread.
import type { RolloutLine } from './line.js';
import { LineKindFilter } from './line-kinds.js';
import type { LineKind } from './line-kinds.js';
import { readLines } from './line-reader.js';
import type { LinesRead } from './line-reader.js';
import { parseLine } from './parse-line.js';

/** Where a line stands in its file, in bytes; `length` is without its newline. */
export interface LinePlace {
  offset: number;
  length: number;
}

/** Returning false ends the read. `index` counts the lines from 0, whatever is passed over or set aside. */
export type RolloutLineVisitor = (line: RolloutLine, index: number, place: LinePlace) => boolean | void;

export interface ReadRolloutLinesOptions {
  /** First byte to read; within a line, what is left of it is set aside. Default 0. */
  start?: number;
  /** Byte to stop before: the end of a line. Default: the size the file has when it is opened. */
  end?: number;
  /** Kinds to pass on; default all. Lines of other kinds may be passed on all the same: it only saves time. */
  kinds?: ReadonlySet<LineKind>;
  /** Bytes per read; small ones suit those who stop early. */
  chunkBytes?: number;
}

export interface RolloutLinesRead extends LinesRead {
  /** The ordinal that the next line of a paginated file gets. */
  nextOrdinal: number;
}

/**
 * Calls `visit` for every line of a type this version knows, in file order. Lines of unknown types are passed over,
 * malformed ones set aside. Throws what opening, reading and `visit` throw.
 */
export async function readRolloutLines(
  path: string,
  visit: RolloutLineVisitor,
  options: ReadRolloutLinesOptions = {},
): Promise<RolloutLinesRead> {
  const { kinds, ...range } = options;
  const filter = kinds === undefined ? null : new LineKindFilter(kinds);
  let nextOrdinal = 0;
  const read = await readLines(
    path,
    ({ value, index, offset, length }) => {
      const ordinal = (value as { ordinal?: unknown } | null)?.ordinal;
      if (Number.isSafeInteger(ordinal)) nextOrdinal = Math.max(nextOrdinal, (ordinal as number) + 1);
      const line = parseLine(value);
      if (line === 'malformed') return 'malformed';
      return line === 'unknown' ? true : visit(line, index, { offset, length });
    },
    filter === null ? range : { ...range, skip: (line) => filter.passesOver(line) },
  );
  return { ...read, nextOrdinal: Math.max(nextOrdinal, filter?.nextOrdinal ?? 0) };
}
