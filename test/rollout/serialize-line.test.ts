import { expect } from 'chai';
import fc from 'fast-check';
import type { RolloutLine } from '../../src/rollout/line.js';
import { parseLine } from '../../src/rollout/parse-line.js';
import { serializeLine, stringifyWellFormed } from '../../src/rollout/serialize-line.js';
import { assistantLine } from '../support/rollout-lines.js';

/** Text with everything that is awkward in JSON lines: surrogates, separators, backslashes, quotes, escapes. */
const awkwardText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom('\ud83d', '\ude00', '\n', '\r', '\u2028', '\0', '\\', '"', 'ud83d', '\\ud800', 'é', '😀', 'x'),
    )
    .map((parts) => parts.join('')),
);

describe('serializeLine', () => {
  it('writes one line that reads back the same, with lone surrogates replaced', () => {
    fc.assert(
      fc.property(awkwardText, awkwardText, (text, key) => {
        const line = { ...assistantLine(text), metadata: { [key]: text } };
        const serialized = serializeLine(line);
        const expected = {
          ...assistantLine(text.toWellFormed()),
          metadata: { [key.toWellFormed()]: text.toWellFormed() },
        };
        expect(serialized.indexOf('\n')).to.equal(serialized.length - 1);
        expect(serialized.isWellFormed()).to.equal(true);
        expect(serialized).not.to.match(/(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/);
        expect(parseLine(JSON.parse(serialized))).to.deep.equal(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps whole pairs and what only looks like an escape', () => {
    const text = 'a 😀 \\ud83d \\\\ud83d "\\u0041"';
    expect(JSON.parse(stringifyWellFormed({ text }))).to.deep.equal({ text });
  });

  it('replaces each half of a broken pair by one replacement character', () => {
    expect(stringifyWellFormed(['\ud83d', '\ude00\ud83d', 'a\ud83d\\'])).to.equal(
      '["\ufffd","\ufffd\ufffd","a\ufffd\\\\"]',
    );
  });

  it('leaves out fields that are undefined', () => {
    const line: RolloutLine = { ...assistantLine('a'), metadata: undefined };
    expect(serializeLine(line)).not.to.include('metadata');
  });
});
