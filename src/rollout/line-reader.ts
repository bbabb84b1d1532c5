// Streams the records of a JSON-lines file of any size, and tells how the file ends. Any thread.
import type { ByteSource } from './byte-source.js';
import { openStored } from './stored-file.js';

const NEWLINE = 0x0a;
const DEFAULT_CHUNK_BYTES = 1024 * 1024;
/** A line beyond this is set aside: it could not be held as one string with room to spare. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;
/** How many set-aside lines are listed one by one; all are counted. */
const SET_ASIDE_LISTED = 50;

export interface LineRecord {
  /** The parsed JSON. */
  value: unknown;
  /** The number of its line, from 0 where the read starts: skipped and set-aside lines count as well. */
  index: number;
  /** Where the line starts, in bytes of the content. */
  offset: number;
  /** Bytes of the line without its newline. */
  length: number;
}

/** Returning false ends the read after this record; `malformed` has it set aside like a line that does not parse. */
export type LineVisitor = (record: LineRecord) => boolean | 'malformed' | void;

export interface ReadLinesOptions {
  /** First byte to read: the start of a line. Default 0. */
  start?: number;
  /** Byte to stop before. Default: the size the file has when it is opened; the end of a compressed one. */
  end?: number;
  /**
   * Decides from a line's first bytes, often all of them, that nobody wants it; such a line is not parsed. The last line
   * is parsed all the same when it has no newline.
   */
  skip?: (start: Uint8Array) => boolean;
  /** Bytes per read; small ones suit those who stop early. Default 1 MiB. */
  chunkBytes?: number;
}

/** `damaged`: what a compressed file holds from there on is lost; `length` is what there was of the line. */
export type SetAsideReason = 'not_json' | 'empty' | 'nul' | 'malformed' | 'too_long' | 'torn' | 'damaged';

export interface SetAside {
  count: number;
  /** The first of them. */
  lines: { offset: number; length: number; reason: SetAsideReason }[];
}

export interface LinesRead {
  /** Bytes of the content up to where reading ended. */
  size: number;
  /** The same up to the end of the last line that has its newline. */
  completeSize: number;
  /**
   * True when the last line has no newline, so that an append must start with one. Such a line counts as a record when
   * it parses; else it is set aside as `torn`.
   */
  tornTail: boolean;
  setAside: SetAside;
  /** True when the visitor ended the read. */
  stopped: boolean;
}

/**
 * Reads a file line by line, in order, calling `visit` for every line that parses as JSON. Lines end at byte 0x0A and
 * nowhere else. Memory is one chunk and the longest line. Where there is no file but a compressed one (`.zst`), that one
 * is read, up to where it is damaged. Throws what opening and reading throw, and what `visit` throws.
 */
export async function readLines(path: string, visit: LineVisitor, options: ReadLinesOptions = {}): Promise<LinesRead> {
  const source = await openStored(path);
  try {
    const end = Math.min(options.end ?? Infinity, source.size);
    return await new LineScan(source, visit, options.skip ?? null).run(options.start ?? 0, end, options.chunkBytes);
  } finally {
    await source.close();
  }
}

class LineScan {
  readonly #source: ByteSource;
  readonly #visit: LineVisitor;
  readonly #skip: ((start: Uint8Array) => boolean) | null;
  readonly #setAside: SetAside = { count: 0, lines: [] };
  #index = 0;
  /** Pieces of a line that reaches over chunks; `#dropped` tells why none are kept. */
  #pieces: Buffer[] = [];
  #piecesLength = 0;
  #dropped: 'skipped' | 'too_long' | null = null;

  constructor(source: ByteSource, visit: LineVisitor, skip: ((start: Uint8Array) => boolean) | null) {
    this.#source = source;
    this.#visit = visit;
    this.#skip = skip;
  }

  async run(start: number, end: number, chunkBytes = DEFAULT_CHUNK_BYTES): Promise<LinesRead> {
    const chunk = Buffer.allocUnsafeSlow(Math.max(1, Math.min(chunkBytes, end - start)));
    let position = start;
    let lineStart = start;
    while (position < end) {
      const bytesRead = await this.#source.read(chunk, Math.min(chunk.length, end - position), position);
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      let from = 0;
      for (let newline = bytes.indexOf(NEWLINE); newline !== -1; newline = bytes.indexOf(NEWLINE, from)) {
        const goOn = this.#endLine(bytes.subarray(from, newline), lineStart);
        from = newline + 1;
        lineStart = position + from;
        if (!goOn) return this.#finish(lineStart, lineStart, true);
      }
      if (from < bytesRead) this.#keepPiece(bytes.subarray(from));
      position += bytesRead;
    }
    if (position < end && this.#source.damage !== null) {
      this.#putAside(lineStart, position - lineStart, 'damaged');
      return this.#finish(position, lineStart, false);
    }
    if (lineStart === position) return this.#finish(position, lineStart, false);
    const stopped = !(await this.#endTail(lineStart, position));
    return this.#finish(position, lineStart, stopped);
  }

  #finish(size: number, completeSize: number, stopped: boolean): LinesRead {
    return { size, completeSize, tornTail: completeSize < size, setAside: this.#setAside, stopped };
  }

  #keepPiece(piece: Buffer): void {
    if (this.#dropped === null) {
      if (this.#piecesLength === 0 && this.#skip?.(piece) === true) this.#dropped = 'skipped';
      else if (this.#piecesLength + piece.length > MAX_LINE_BYTES) this.#dropped = 'too_long';
      // The chunk is filled anew by the next read.
      else this.#pieces.push(Buffer.from(piece));
      if (this.#dropped !== null) this.#pieces = [];
    }
    this.#piecesLength += piece.length;
  }

  #takeLine(last: Buffer): Buffer {
    if (this.#pieces.length === 0) return last;
    return Buffer.concat([...this.#pieces, last]);
  }

  /** False when the visitor wants no more. */
  #endLine(last: Buffer, offset: number): boolean {
    const isWhole = this.#piecesLength === 0;
    const length = this.#piecesLength + last.length;
    const dropped = this.#dropped;
    const line = this.#takeLine(last);
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#dropped = null;
    const index = this.#index;
    // Whether it parses is not known of every line: the number must not depend on it.
    this.#index += 1;
    if (dropped === 'skipped' || (isWhole && this.#skip?.(last) === true)) return true;
    if (dropped === 'too_long') {
      this.#putAside(offset, length, 'too_long');
      return true;
    }
    return this.#visitLine(line, { index, offset }, 'not_json');
  }

  /** The last line, without a newline: only parsing it tells whether it is whole. */
  async #endTail(lineStart: number, end: number): Promise<boolean> {
    const length = end - lineStart;
    if (this.#dropped === 'too_long' || length > MAX_LINE_BYTES) {
      this.#putAside(lineStart, length, 'torn');
      return true;
    }
    let line = this.#takeLine(Buffer.alloc(0));
    if (this.#dropped === 'skipped') {
      line = Buffer.allocUnsafeSlow(length);
      await this.#source.read(line, length, lineStart);
    }
    return this.#visitLine(line, { index: this.#index, offset: lineStart }, 'torn');
  }

  #visitLine(
    line: Buffer,
    { index, offset }: Pick<LineRecord, 'index' | 'offset'>,
    otherwise: 'not_json' | 'torn',
  ): boolean {
    const content = trimBlank(line);
    if (content.length === 0) {
      this.#putAside(offset, line.length, line.includes(0) ? 'nul' : 'empty');
      return true;
    }
    let value: unknown;
    try {
      value = JSON.parse(content.toString('utf8'));
    } catch {
      // Garbage is expected here: the line is set aside and counted.
      this.#putAside(offset, line.length, otherwise);
      return true;
    }
    const verdict = this.#visit({ value, index, offset, length: line.length });
    if (verdict === 'malformed') this.#putAside(offset, line.length, 'malformed');
    return verdict !== false;
  }

  #putAside(offset: number, length: number, reason: SetAsideReason): void {
    this.#setAside.count += 1;
    if (this.#setAside.lines.length < SET_ASIDE_LISTED) this.#setAside.lines.push({ offset, length, reason });
  }
}

/** Cuts off blanks, carriage returns and the zeros that a lost write leaves behind. */
function trimBlank(line: Buffer): Buffer {
  let from = 0;
  let to = line.length;
  while (from < to && isBlank(line[from]!)) from += 1;
  while (to > from && isBlank(line[to - 1]!)) to -= 1;
  return from === 0 && to === line.length ? line : line.subarray(from, to);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09 || byte === 0x00;
}
