import { expect } from 'chai';
import fc from 'fast-check';
import { buildFlagsTable, buildRequestTable, parseOverride, parseOverrideValue } from '../../src/config/overrides.js';
import { DaemonError } from '../../src/errors.js';

describe('overrides', () => {
  describe('parseOverride', () => {
    const cases: [string, string[], unknown][] = [
      ['model=gpt-5.5', ['model'], 'gpt-5.5'],
      ['model="gpt-5.5"', ['model'], 'gpt-5.5'],
      [" model = 'gpt-5.5' ", ['model'], 'gpt-5.5'],
      ['a.b.c=1', ['a', 'b', 'c'], 1],
      ['a=true', ['a'], true],
      ['a=[1, "b"]', ['a'], [1, 'b']],
      ['a={ b = 1 }', ['a'], { b: 1 }],
      ['a=', ['a'], ''],
      ['a=b=c', ['a'], 'b=c'],
      ['a=it"s', ['a'], 'it"s'],
      ['a="unfinished', ['a'], 'unfinished'],
      ['a=1\nmodel = 2', ['a'], '1\nmodel = 2'],
      ['projects."/a/b.c".trust_level=trusted', ['projects', '/a/b.c', 'trust_level'], 'trusted'],
      ['projects./a/b.trust_level=trusted', ['projects', '/a/b', 'trust_level'], 'trusted'],
    ];
    for (const [text, path, value] of cases) {
      it(`takes ${JSON.stringify(text)} apart`, () => {
        expect(parseOverride(text)).to.deep.equal({ path, value });
      });
    }

    for (const text of ['model', '', '=x', '  = x']) {
      it(`refuses ${JSON.stringify(text)}`, () => {
        expect(() => parseOverride(text)).to.throw(DaemonError, '-c needs key=value');
      });
    }

    it('gives every TOML value back as it was meant, and every other text as it is', () => {
      const scalar = fc.oneof(fc.boolean(), fc.maxSafeInteger(), fc.string({ unit: 'grapheme-ascii' }));
      fc.assert(
        fc.property(fc.oneof(scalar, fc.array(scalar)), (value) => {
          expect(parseOverride(`a.b=${JSON.stringify(value)}`)).to.deep.equal({ path: ['a', 'b'], value });
        }),
      );
      const word = fc.stringMatching(/^[a-z][a-z0-9:/._-]*$/).filter((text) => !/^(true|false|inf|nan)$/.test(text));
      fc.assert(fc.property(word, (text) => parseOverrideValue(text) === text));
    });

    it('takes any bare or quoted key apart at its dots', () => {
      const bare = fc.stringMatching(/^[A-Za-z0-9_-]+$/);
      const quoted = fc.string({ unit: 'grapheme-ascii' }).filter((text) => !/[=#]/.test(text));
      const segment = fc.oneof(
        bare.map((key) => ({ key, text: key })),
        quoted.map((key) => ({ key, text: JSON.stringify(key) })),
      );
      fc.assert(
        fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
          const { path } = parseOverride(`${segments.map(({ text }) => text).join('.')}=1`);
          expect(path).to.deep.equal(segments.map(({ key }) => key));
        }),
      );
    });

    it('throws for no text whatever anything but a DaemonError', () => {
      fc.assert(
        fc.property(fc.stringMatching(/^[ab.="'[\]{}#\\\n\0 1é\u2028]*$/), (text) => {
          try {
            expect(parseOverride(text).path).not.to.have.length(0);
          } catch (error) {
            expect(error).to.be.instanceOf(DaemonError);
          }
        }),
      );
    });
  });

  it('builds one table of all flags, the later ones winning', () => {
    expect(buildFlagsTable(['a.b=1', 'a.c=2', 'd=x', 'a.b=3', 'd.e=4'])).to.deep.equal({
      a: { b: 3, c: 2 },
      d: { e: 4 },
    });
  });

  it('builds a table of nested and dotted keys of a request, without what is null', () => {
    const overrides = { a: { b: 1, n: null }, 'a.c': 2, n: null, 'x.n': null, list: [{ y: null, z: 1 }] };
    expect(buildRequestTable(overrides)).to.deep.equal({ a: { b: 1, c: 2 }, list: [{ z: 1 }] });
    expect(overrides.a).to.deep.equal({ b: 1, n: null });
  });
});
