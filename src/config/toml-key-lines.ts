// Finds the line of each key in TOML that has parsed without error: the parser keeps no positions. Any thread.

/** The text and how far it was read. Every function below leaves `at` behind what it read. */
interface Cursor {
  text: string;
  at: number;
}

type OnKey = (path: readonly string[], at: number) => void;

const BARE_KEY = /[A-Za-z0-9_-]+/y;
const ESCAPE = /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))/g;
// The first form is a date and a time with a blank in between.
const SCALAR = /\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+|[^\s,\]}#]+/y;

/** A map's key for a path: segments may hold any character but this one. */
function toMapKey(path: readonly string[]): string {
  return path.join('\0');
}

function skipBlanks(cursor: Cursor): void {
  for (;;) {
    const char = cursor.text[cursor.at];
    if (char === '#') {
      const end = cursor.text.indexOf('\n', cursor.at);
      cursor.at = end === -1 ? cursor.text.length : end;
    } else if (char === ' ' || char === '\t' || char === '\n' || char === '\r') {
      cursor.at++;
    } else {
      return;
    }
  }
}

function skipString(cursor: Cursor): void {
  const { text } = cursor;
  const quote = text[cursor.at] ?? '"';
  const multiline = text.startsWith(quote.repeat(3), cursor.at);
  const close = multiline ? quote.repeat(3) : quote;
  cursor.at += close.length;
  while (cursor.at < text.length && !text.startsWith(close, cursor.at)) {
    cursor.at += quote === '"' && text[cursor.at] === '\\' ? 2 : 1;
  }
  cursor.at += close.length;
  // A multi-line string may end with up to two quotes of its own before the closing three.
  if (multiline) while (text[cursor.at] === quote) cursor.at++;
}

function readQuotedKey(cursor: Cursor): string {
  const start = cursor.at;
  skipString(cursor);
  const raw = cursor.text.slice(start + 1, cursor.at - 1);
  if (cursor.text[start] === "'") return raw;
  return raw.replace(ESCAPE, (_escape, ...groups: (string | undefined)[]) => {
    const [four, eight, two, char = ''] = groups;
    const digits = four ?? eight ?? two;
    if (digits !== undefined) return String.fromCodePoint(Number.parseInt(digits, 16));
    const named: { [escape: string]: string } = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\x1b' };
    return named[char] ?? char;
  });
}

/** Reads `a . "b" . c` up to the `=` or `]` behind it. */
function readKey(cursor: Cursor): string[] {
  const key: string[] = [];
  while (cursor.at < cursor.text.length) {
    skipBlanks(cursor);
    const char = cursor.text[cursor.at];
    if (char === '"' || char === "'") {
      key.push(readQuotedKey(cursor));
    } else if (char === '.') {
      cursor.at++;
    } else {
      BARE_KEY.lastIndex = cursor.at;
      const bare = BARE_KEY.exec(cursor.text);
      if (bare === null) return key;
      key.push(bare[0]);
      cursor.at = BARE_KEY.lastIndex;
    }
  }
  return key;
}

function readPair(cursor: Cursor, table: readonly string[], record: OnKey): void {
  skipBlanks(cursor);
  const start = cursor.at;
  const path = [...table, ...readKey(cursor)];
  record(path, start);
  cursor.at++; // =
  readValue(cursor, path, record);
}

function readValue(cursor: Cursor, path: readonly string[], record: OnKey): void {
  skipBlanks(cursor);
  const char = cursor.text[cursor.at];
  if (char === '"' || char === "'") return skipString(cursor);
  if (char !== '[' && char !== '{') {
    SCALAR.lastIndex = cursor.at;
    SCALAR.exec(cursor.text);
    cursor.at = Math.max(cursor.at + 1, SCALAR.lastIndex);
    return;
  }
  const close = char === '[' ? ']' : '}';
  cursor.at++;
  for (let index = 0; cursor.at < cursor.text.length;) {
    skipBlanks(cursor);
    if (cursor.text[cursor.at] === close) {
      cursor.at++;
      return;
    }
    if (cursor.text[cursor.at] === ',') {
      cursor.at++;
      index++;
    } else if (close === '}') {
      readPair(cursor, path, record);
    } else {
      record([...path, String(index)], cursor.at);
      readValue(cursor, [...path, String(index)], record);
    }
  }
}

/** Reads `[a.b]` or `[[a.b]]`; elements of an array of tables get their index as a segment. */
function readHeader(cursor: Cursor, arrayLengths: Map<string, number>, record: OnKey): string[] {
  const start = cursor.at;
  const isArray = cursor.text.startsWith('[[', start);
  cursor.at += isArray ? 2 : 1;
  const key = readKey(cursor);
  cursor.at += isArray ? 2 : 1;
  const path: string[] = [];
  for (const [depth, segment] of key.entries()) {
    path.push(segment);
    const mapKey = toMapKey(path);
    if (isArray && depth === key.length - 1) arrayLengths.set(mapKey, (arrayLengths.get(mapKey) ?? 0) + 1);
    const length = arrayLengths.get(mapKey);
    if (length !== undefined) path.push(String(length - 1));
  }
  record(path, start);
  return path;
}

/**
 * Reads valid TOML once and answers, for a path of keys and array indices, the 1-based line of that key, or of the
 * nearest table around it, or null when not even that is in the text. Never throws.
 */
export function findTomlKeyLines(text: string): (path: readonly string[]) => number | null {
  const offsets = new Map<string, number>();
  const record: OnKey = (path, at) => {
    for (let length = path.length; length > 0; length--) {
      const mapKey = toMapKey(path.slice(0, length));
      // A table is where its first mention is, a key where it is set; both are the first time it is seen.
      if (!offsets.has(mapKey)) offsets.set(mapKey, at);
    }
  };
  const cursor: Cursor = { text, at: 0 };
  const arrayLengths = new Map<string, number>();
  let table: string[] = [];
  for (skipBlanks(cursor); cursor.at < text.length; skipBlanks(cursor)) {
    const before = cursor.at;
    if (text[cursor.at] === '[') table = readHeader(cursor, arrayLengths, record);
    else readPair(cursor, table, record);
    // Text that is no TOML after all must not hang us.
    if (cursor.at <= before) break;
  }
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(toMapKey(path.slice(0, length)));
      if (offset !== undefined) return text.slice(0, offset).split('\n').length;
    }
    return null;
  };
}
