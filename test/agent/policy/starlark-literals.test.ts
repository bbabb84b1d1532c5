import { expect } from 'chai';
import fc from 'fast-check';
import { readLiteralCalls } from '../../../src/agent/policy/starlark-literals.js';

function namedOf(text: string): unknown {
  const { calls, problems } = readLiteralCalls(text);
  expect(problems).to.deep.equal([]);
  return calls.map(({ name, positional, named }) => [name, positional, Object.fromEntries(named)]);
}

describe('readLiteralCalls', () => {
  it('reads calls over several lines, with comments, commas at the end and every kind of value', () => {
    const text = `"about this file"
# a comment
BASE = ["git"]; pass
rule( # here too
    pattern = BASE + ["push", ["a", 'b',],],
    text = "x" + 'y', none = None, yes = True, no = False, count = 12,
)
rule("one", (("two")), deep = [[[]]])
`;
    expect(namedOf(text)).to.deep.equal([
      ['rule', [], { pattern: ['git', 'push', ['a', 'b']], text: 'xy', none: null, yes: true, no: false, count: 12 }],
      ['rule', ['one', 'two'], { deep: [[[]]] }],
    ]);
  });

  it('reads texts as Starlark does', () => {
    const text = String.raw`r("a\tb\n\x41\101é\U0001F600\"\'\\\q", r"a\b\"", """x
"y" z""", 'a\
b')`;
    expect(namedOf(text)).to.deep.equal([['r', ['a\tb\nAAé😀"\'\\\\q', 'a\\b\\"', 'x\n"y" z', 'ab'], {}]]);
  });

  it('reads back every text that JSON quotes', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(namedOf(`r(${words.map((text) => JSON.stringify(text)).join(', ')})`)).to.deep.equal([['r', words, {}]]);
      }),
    );
  });

  it('says where a problem is, and goes on behind it', () => {
    const text = `a("1")
  m("8")
for x in []:
  b("2")
c("3"
d("4")
e("5", f)
g = h
i(j="1", j="2")
k("6") l("7")
n("no end)
o((1, 2))
p(q="1", "2")
r("\\x1")
s("9")
`;
    const { calls, problems } = readLiteralCalls(text);
    expect(calls.map(({ name, line, column }) => [name, line, column])).to.deep.equal([
      ['a', 1, 1],
      ['s', 15, 1],
    ]);
    expect(problems).to.deep.equal([
      { message: 'a statement must begin at the start of its line', line: 2, column: 3 },
      { message: 'for is not understood in rules files', line: 3, column: 1 },
      { message: 'expected , or )', line: 6, column: 1 },
      { message: 'f is not known here', line: 7, column: 8 },
      { message: 'h is not known here', line: 8, column: 5 },
      { message: 'j is given twice', line: 9, column: 10 },
      { message: 'expected the end of the statement', line: 10, column: 8 },
      { message: 'the text does not end', line: 11, column: 3 },
      { message: 'a tuple is not understood in rules files', line: 12, column: 3 },
      { message: 'an argument without a name cannot follow one with a name', line: 13, column: 10 },
      { message: '\\x is no escape', line: 14, column: 4 },
    ]);
  });

  it('ends on everything, and never throws', () => {
    const piece = fc.constantFrom(
      'a',
      '(',
      ')',
      '[',
      ']',
      ',',
      '=',
      '"',
      "'",
      '\\',
      '\n',
      ' ',
      '#',
      '+',
      'r',
      '"""',
      ';',
      '1',
      '\t',
      '\r\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => void readLiteralCalls(pieces.join(''))),
      { numRuns: 800 },
    );
    const deep = `a(${'['.repeat(5000)}`;
    expect(readLiteralCalls(deep).problems.map(({ message }) => message)).to.deep.equal(['nested too deeply']);
  });
});
