// A reader of rollouts that shares nothing with the daemon's: the oracle must not repeat its mistakes. Any thread.

export interface FileLine {
  start: number;
  /** Offset behind the line's newline. */
  end: number;
  ordinal: number | null;
  type: string;
  payload: Record<string, unknown>;
}

export interface RolloutFile {
  size: number;
  lines: FileLine[];
  /** Pieces that do not parse; `end` is where the piece's own bytes end, before the newline that closes it. */
  torn: { start: number; end: number; closed: boolean }[];
}

const NEWLINE = 0x0a;

/** Never throws: what cannot be parsed is told as torn. */
export function parseRollout(bytes: Buffer): RolloutFile {
  const file: RolloutFile = { size: bytes.length, lines: [], torn: [] };
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start);
    const closed = newline >= 0;
    const end = closed ? newline : bytes.length;
    const line = parseLine(bytes.toString('utf8', start, end));
    if (line === null || !closed) file.torn.push({ start, end, closed });
    else file.lines.push({ start, end: end + 1, ...line });
    start = end + 1;
  }
  return file;
}

function parseLine(text: string): Omit<FileLine, 'start' | 'end'> | null {
  try {
    const { timestamp, ordinal, type, payload } = JSON.parse(text) as Record<string, unknown>;
    if (typeof timestamp !== 'string' || typeof type !== 'string') return null;
    if (typeof payload !== 'object' || payload === null) return null;
    const number = typeof ordinal === 'number' ? ordinal : null;
    return { ordinal: number, type, payload: payload as Record<string, unknown> };
  } catch {
    // The answer for any text that is not JSON, or JSON that is no record.
    return null;
  }
}
