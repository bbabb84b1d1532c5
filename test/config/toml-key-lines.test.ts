import { expect } from 'chai';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { isTable } from '../../src/config/config-table.js';
import { findTomlKeyLines } from '../../src/config/toml-key-lines.js';

/** Writes a document line by line and remembers where each key went. */
class Writer {
  text = '';
  readonly lines = new Map<string, number>();

  get line(): number {
    return this.text.split('\n').length;
  }

  put(text: string): void {
    this.text += text;
  }

  mark(path: readonly string[]): void {
    const key = path.join('\0');
    if (!this.lines.has(key)) this.lines.set(key, this.line);
  }
}

type Write = (writer: Writer, path: readonly string[]) => void;

const bareKey = fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/);
/** A key and how it stands in the text. */
const keyForm = fc.oneof(
  bareKey.map((key) => ({ key, text: key })),
  fc.string({ unit: 'grapheme-ascii', maxLength: 6 }).map((key) => ({ key, text: JSON.stringify(key) })),
  fc.stringMatching(/^[a-z.=#[\]{}" ]{1,6}$/).map((key) => ({ key, text: `'${key}'` })),
);

const scalarText = fc.constantFrom(
  '1',
  '-1.5e3',
  'true',
  '1979-05-27 07:32:00Z',
  '1979-05-27',
  '"a # = [ ] { } \\" b"',
  "'c:\\x\\ # = ['",
  '""',
  '"""\nline = 1\n[table]\n\\""" # no\n"""',
  "'''\nit''s\n[table] = 2\n'''",
  '""""quoted""""',
);

const { value } = fc.letrec<{ value: Write; array: Write; inline: Write; scalar: Write }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('scalar'), tie('array'), tie('inline')),
  scalar: scalarText.map((text) => (writer: Writer) => writer.put(text)),
  array: fc
    .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.constantFrom(' ', '\n  ', ' # ] }\n'))
    .map(([elements, gap]) => (writer: Writer, path: readonly string[]) => {
      writer.put(`[${gap}`);
      for (const [index, write] of elements.entries()) {
        writer.mark([...path, String(index)]);
        write(writer, [...path, String(index)]);
        writer.put(`,${gap}`);
      }
      writer.put(']');
    }),
  inline: fc
    .uniqueArray(fc.tuple(keyForm, tie('value')), { maxLength: 3, selector: ([{ key }]) => key })
    .map((pairs) => (writer: Writer, path: readonly string[]) => {
      writer.put('{');
      for (const [index, [{ key, text }, write]] of pairs.entries()) {
        if (index > 0) writer.put(', ');
        writer.mark([...path, key]);
        writer.put(`${text}=`);
        write(writer, [...path, key]);
      }
      writer.put(' }');
    }),
}));

const pairs = fc.uniqueArray(fc.tuple(keyForm, value, fc.constantFrom('', '\n', '# note = 1\n', '  ')), {
  maxLength: 4,
  selector: ([{ key }]) => key,
});
const sections = fc.uniqueArray(fc.tuple(keyForm, pairs, fc.boolean()), { maxLength: 4, selector: ([{ key }]) => key });

/** Every path of keys and indices in a parsed value. */
function* walkPaths(node: unknown, path: string[] = []): Generator<string[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(node))
    for (const [index, element] of node.entries()) yield* walkPaths(element, [...path, `${index}`]);
  else if (isTable(node)) for (const [key, element] of Object.entries(node)) yield* walkPaths(element, [...path, key]);
}

describe('findTomlKeyLines', () => {
  it('finds tables, dotted, quoted and inline keys, and elements of arrays', () => {
    const lineOf = findTomlKeyLines(`# first
a.b . "c d" = 1
'x.y' = { z = 2, w = [1,
  { deep = true }] }

[table.sub] # note
key = """
not = 1
"""
other = 'v'
[[list]]
one = 1
[list.inner]
two = 2
[[list]]
one = 3
[table]
late = 4
`);
    const found = (path: string[]) => lineOf(path);
    expect([
      found(['a']),
      found(['a', 'b', 'c d']),
      found(['x.y']),
      found(['x.y', 'z']),
      found(['x.y', 'w', '0']),
      found(['x.y', 'w', '1', 'deep']),
      found(['table']),
      found(['table', 'sub', 'key']),
      found(['table', 'sub', 'other']),
      found(['list', '0', 'one']),
      found(['list', '0', 'inner', 'two']),
      found(['list', '1', 'one']),
      found(['table', 'late']),
    ]).to.deep.equal([2, 2, 3, 3, 3, 4, 6, 7, 10, 12, 14, 16, 18]);
  });

  it('falls back to the nearest table around a key, then to null', () => {
    const lineOf = findTomlKeyLines('\n[a.b]\nc = 1\n');
    expect([lineOf(['a', 'b', 'missing']), lineOf(['a', 'x']), lineOf(['z']), lineOf([])]).to.deep.equal([
      2,
      2,
      null,
      null,
    ]);
  });

  it('finds every key of any document at its line', () => {
    fc.assert(
      fc.property(pairs, sections, (top, tables) => {
        const writer = new Writer();
        const writePairs = (list: typeof top, path: readonly string[]) => {
          for (const [{ key, text }, write, before] of list) {
            writer.put(before);
            writer.mark([...path, key]);
            writer.put(`${text} = `);
            write(writer, [...path, key]);
            writer.put('\n');
          }
        };
        writePairs(top, []);
        const taken = new Set(top.map(([{ key }]) => key));
        for (const [{ key, text }, list, isArray] of tables) {
          if (taken.has(key)) continue;
          writer.mark([key]);
          if (isArray) writer.mark([key, '0']);
          writer.put(isArray ? `[[${text}]]\n` : `[ ${text} ] # note\n`);
          writePairs(list, isArray ? [key, '0'] : [key]);
        }
        const lineOf = findTomlKeyLines(writer.text);
        const paths = [...walkPaths(parse(writer.text))];
        expect(paths.map((path) => [path, lineOf(path)])).to.deep.equal(
          paths.map((path) => [path, writer.lines.get(path.join('\0')) ?? null]),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('ends for any text, even one that is no TOML', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[[\]{}"'=,.#a1\n\\ ]*$/), (text) => {
        expect(findTomlKeyLines(text)(['a'])).to.satisfy((line: number | null) => line === null || line > 0);
      }),
      { numRuns: 200 },
    );
  });
});
