import { expect } from 'chai';
import fc from 'fast-check';
import type { ConfigTable } from '../../src/config/config.js';
import { getAt, isTable, makeTable, mergeInto, setAt } from '../../src/config/config-table.js';

/** All leaves by dotted path, as `origins` names them. */
function leavesOf(value: unknown, path: string[] = []): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((element, index) => leavesOf(element, [...path, String(index)]));
  if (isTable(value)) return Object.entries(value).flatMap(([key, element]) => leavesOf(element, [...path, key]));
  return [[path.join('.'), value]];
}

describe('config tables', () => {
  const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
  const { table } = fc.letrec<{ table: ConfigTable; value: unknown }>((tie) => ({
    table: fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: false }),
    value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.array(fc.integer(), { maxLength: 3 }), tie('table')),
  }));

  function merge(layers: readonly ConfigTable[]): { merged: ConfigTable; origins: Map<string, number> } {
    const merged = makeTable();
    const origins = new Map<string, number>();
    for (const [index, layer] of layers.entries()) mergeInto(merged, layer, index, origins);
    return { merged, origins };
  }

  it('merge tables key by key and replace everything else whole', () => {
    const { merged, origins } = merge([
      { a: { b: 1, c: [1, 2, 3], d: { e: 1 } }, f: 1 },
      { a: { c: [4], d: 5, g: { h: 6 } }, f: { i: 7 } },
    ]);
    expect(merged).to.deep.equal({ a: { b: 1, c: [4], d: 5, g: { h: 6 } }, f: { i: 7 } });
    expect(Object.fromEntries(origins)).to.deep.equal({ 'a.b': 0, 'a.c.0': 1, 'a.d': 1, 'a.g.h': 1, 'f.i': 1 });
  });

  it('hold all of the highest layer, and name the layer of every leaf', () => {
    fc.assert(
      fc.property(fc.array(table, { minLength: 1, maxLength: 4 }), (layers) => {
        const before = JSON.stringify(layers);
        const { merged, origins } = merge(layers);
        const leaves = leavesOf(merged);
        expect([...origins.keys()].sort()).to.deep.equal(leaves.map(([path]) => path).sort());
        const top = new Map(leavesOf(layers.at(-1)));
        for (const [path, value] of leaves) {
          const origin = origins.get(path) ?? -1;
          expect(new Map(leavesOf(layers[origin])).get(path)).to.deep.equal(value);
          if (top.has(path)) expect(origin).to.equal(layers.length - 1);
        }
        for (const [path, value] of top) expect(new Map(leaves).get(path)).to.deep.equal(value);
        // No layer is changed by being merged.
        expect(JSON.stringify(layers)).to.equal(before);
      }),
    );
  });

  it('do not depend on how layers are grouped', () => {
    fc.assert(
      fc.property(table, table, table, (first, second, third) => {
        const all = merge([first, second, third]).merged;
        expect(merge([merge([first, second]).merged, third]).merged).to.deep.equal(all);
      }),
    );
  });

  it('give back what was set at a path', () => {
    fc.assert(
      fc.property(table, fc.array(key, { minLength: 1, maxLength: 4 }), fc.integer(), (start, path, value) => {
        const target = merge([start]).merged;
        setAt(target, path, value);
        expect(getAt(target, path)).to.equal(value);
        expect(Object.getPrototypeOf({})).to.equal(Object.prototype);
      }),
    );
  });
});
