// Reads the part of Starlark that rules files are written in: calls and assignments with literal values. Pure.
// Session worker.

/** What an expression can be. */
export type LiteralValue = string | number | boolean | null | LiteralValue[];

export interface LiteralCall {
  name: string;
  positional: LiteralValue[];
  named: Map<string, LiteralValue>;
  /** Of the name, from 1. */
  line: number;
  column: number;
}

export interface SyntaxProblem {
  message: string;
  line: number;
  column: number;
}

/**
 * The calls of a file in their order, and what could not be read. After a problem reading goes on with the next line
 * that begins a statement, so that one mistake hides no more than itself. No loops, functions or loads: they are
 * problems. Never throws.
 */
export function readLiteralCalls(text: string): { calls: LiteralCall[]; problems: SyntaxProblem[] } {
  const reader = new Reader(text);
  const calls: LiteralCall[] = [];
  const problems: SyntaxProblem[] = [];
  for (;;) {
    try {
      const call = reader.nextStatement();
      if (call === 'end') return { calls, problems };
      if (call !== null) calls.push(call);
    } catch (error) {
      if (!(error instanceof NotRead)) throw error;
      problems.push({ message: error.message, ...reader.positionOf(error.at) });
      reader.skipStatement(error.at);
    }
  }
}

class NotRead extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const WORD = /[A-Za-z_][A-Za-z_0-9]*/y;
const NUMBER = /[0-9]+/y;
const STATEMENT_START = /\n(?=[A-Za-z_"'])/g;
const KEYWORDS = new Set([
  'and',
  'break',
  'continue',
  'def',
  'elif',
  'else',
  'for',
  'if',
  'in',
  'lambda',
  'load',
  'not',
]);
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '\n': '',
};
const MAX_DEPTH = 50;

class Reader {
  readonly #text: string;
  readonly #names = new Map<string, LiteralValue>();
  #at = 0;
  /** How many lines there are up to a place. */
  #counted = { at: 0, line: 1 };

  constructor(text: string) {
    this.#text = text.replaceAll('\r\n', '\n');
  }

  /** A call, null for any other statement. Throws NotRead. */
  nextStatement(): LiteralCall | 'end' | null {
    this.#skipBlank(true);
    if (this.#at >= this.#text.length) return 'end';
    const start = this.#at;
    if (start > 0 && this.#columnOf(start) > 1 && !this.#afterSemicolon(start)) {
      throw new NotRead('a statement must begin at the start of its line', start);
    }
    const name = this.#match(WORD);
    if (name === 'pass') return this.#endStatement(null);
    if (name === null) {
      // A text that stands for itself documents the file.
      this.#value(0);
      return this.#endStatement(null);
    }
    if (KEYWORDS.has(name)) throw new NotRead(`${name} is not understood in rules files`, start);
    this.#skipBlank(false);
    if (this.#take('=')) {
      this.#names.set(name, this.#value(0));
      return this.#endStatement(null);
    }
    if (!this.#take('(')) throw new NotRead(`expected ( or = after ${name}`, this.#at);
    return this.#endStatement(this.#callArguments(name, start));
  }

  /** Goes to the next line that can begin a statement; at least one character on. */
  skipStatement(from: number): void {
    STATEMENT_START.lastIndex = from;
    const found = STATEMENT_START.exec(this.#text);
    this.#at = found === null ? this.#text.length : found.index + 1;
  }

  positionOf(at: number): { line: number; column: number } {
    // Places are asked for in their order, but for one of a problem.
    if (at < this.#counted.at) this.#counted = { at: 0, line: 1 };
    let { line } = this.#counted;
    for (let end = this.#text.indexOf('\n', this.#counted.at); end !== -1 && end < at; line += 1) {
      end = this.#text.indexOf('\n', end + 1);
    }
    this.#counted = { at, line };
    return { line, column: this.#columnOf(at) };
  }

  #columnOf(at: number): number {
    return at - (at === 0 ? -1 : this.#text.lastIndexOf('\n', at - 1));
  }

  #afterSemicolon(at: number): boolean {
    return this.#text.slice(0, at).trimEnd().endsWith(';');
  }

  #endStatement(call: LiteralCall | null): LiteralCall | null {
    this.#skipBlank(false);
    if (this.#at >= this.#text.length || this.#take('\n') || this.#take(';')) return call;
    throw new NotRead('expected the end of the statement', this.#at);
  }

  #callArguments(name: string, start: number): LiteralCall {
    const call: LiteralCall = { name, positional: [], named: new Map(), ...this.positionOf(start) };
    for (;;) {
      this.#skipBlank(true);
      if (this.#take(')')) return call;
      const at = this.#at;
      const key = this.#argumentName();
      if (key === null) {
        if (call.named.size > 0) throw new NotRead('an argument without a name cannot follow one with a name', at);
        call.positional.push(this.#value(0));
      } else {
        if (call.named.has(key)) throw new NotRead(`${key} is given twice`, at);
        call.named.set(key, this.#value(0));
      }
      this.#skipBlank(true);
      if (this.#take(',')) continue;
      if (this.#take(')')) return call;
      throw new NotRead('expected , or )', this.#at);
    }
  }

  /** Null, and nothing taken, when what follows is a value. */
  #argumentName(): string | null {
    const start = this.#at;
    const name = this.#match(WORD);
    if (name !== null) {
      this.#skipBlank(true);
      if (this.#text[this.#at] === '=' && this.#text[this.#at + 1] !== '=') {
        this.#at += 1;
        return name;
      }
    }
    this.#at = start;
    return null;
  }

  #value(depth: number): LiteralValue {
    if (depth > MAX_DEPTH) throw new NotRead('nested too deeply', this.#at);
    this.#skipBlank(true);
    const start = this.#at;
    let value = this.#operand(depth);
    for (;;) {
      // A line that begins with + belongs to a value only within brackets.
      const before = this.#at;
      this.#skipBlank(depth > 0);
      if (!this.#take('+')) {
        this.#at = before;
        return value;
      }
      this.#skipBlank(true);
      value = addValues(value, this.#operand(depth), start);
    }
  }

  #operand(depth: number): LiteralValue {
    const at = this.#at;
    const character = this.#text[at];
    if (character === '[' || character === '(') return this.#list(depth);
    if (character === '"' || character === "'") return this.#string(false);
    const number = this.#match(NUMBER);
    if (number !== null) return Number(number);
    const name = this.#match(WORD);
    if (name === null) throw new NotRead('expected a value', at);
    if (name === 'r' && (this.#text[this.#at] === '"' || this.#text[this.#at] === "'")) return this.#string(true);
    if (name === 'None') return null;
    if (name === 'True' || name === 'False') return name === 'True';
    const value = this.#names.get(name);
    if (value === undefined) throw new NotRead(`${name} is not known here`, at);
    return value;
  }

  #list(depth: number): LiteralValue {
    const start = this.#at;
    const isTuple = this.#text[start] === '(';
    const close = isTuple ? ')' : ']';
    this.#at += 1;
    const values: LiteralValue[] = [];
    let hasComma = false;
    for (;;) {
      this.#skipBlank(true);
      if (this.#take(close)) break;
      values.push(this.#value(depth + 1));
      this.#skipBlank(true);
      if (this.#take(',')) hasComma = true;
      else if (this.#take(close)) break;
      else throw new NotRead(`expected , or ${close}`, this.#at);
    }
    if (!isTuple) return values;
    if (values.length === 1 && !hasComma) return values[0]!;
    throw new NotRead('a tuple is not understood in rules files', start);
  }

  #string(raw: boolean): string {
    const start = this.#at;
    const quote = this.#text[start]!;
    const isTriple = this.#text.startsWith(quote.repeat(3), start);
    const close = isTriple ? quote.repeat(3) : quote;
    this.#at += close.length;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || (character === '\n' && !isTriple))
        throw new NotRead('the text does not end', start);
      if (this.#text.startsWith(close, this.#at)) {
        this.#at += close.length;
        return value;
      }
      if (character === '\\') value += raw ? this.#rawEscape() : this.#escape();
      else {
        value += character;
        this.#at += 1;
      }
    }
  }

  #rawEscape(): string {
    const pair = this.#text.slice(this.#at, this.#at + 2);
    this.#at += 2;
    return pair;
  }

  #escape(): string {
    const at = this.#at;
    const next = this.#text[at + 1] ?? '';
    const simple = SIMPLE_ESCAPES[next];
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    // What is no escape stands for itself, backslash and all.
    if (!/[0-7xuU]/.test(next)) return this.#rawEscape();
    const code = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3}))/y;
    code.lastIndex = at;
    const found = code.exec(this.#text);
    const point =
      found === null ? NaN : parseInt(found[1] ?? found[2] ?? found[3] ?? found[4]!, found[4] === undefined ? 16 : 8);
    if (found === null || !(point <= 0x10ffff)) throw new NotRead(`\\${next} is no escape`, at);
    this.#at += found[0].length;
    return String.fromCodePoint(point);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at += found[0].length;
    return found[0];
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Blanks and comments; the ends of lines too where `lines` says so. */
  #skipBlank(lines: boolean): void {
    const blank = lines ? /(?:[ \t\n]|\\\n|#[^\n]*)*/y : /(?:[ \t]|\\\n|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)![0].length;
  }
}

function addValues(left: LiteralValue, right: LiteralValue, at: number): LiteralValue {
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  throw new NotRead('only two texts or two lists can be joined', at);
}
