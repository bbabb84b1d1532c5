import { expect } from 'chai';
import fc from 'fast-check';
import { findClosestKey } from '../../src/config/closest-key.js';

describe('findClosestKey', () => {
  const known = ['model', 'model_provider', 'sandbox_mode', 'tui', 'base_url'];
  const cases: [string, string | null][] = [
    ['modle', 'model'],
    ['model-provider', 'model_provider'],
    ['Sandbox_Mode', 'sandbox_mode'],
    ['sandboxmode', 'sandbox_mode'],
    ['baseurl', 'base_url'],
    ['tiu', 'tui'],
    ['ui', null],
    ['frobnicate', null],
    ['', null],
  ];
  for (const [key, expected] of cases) {
    it(`takes ${JSON.stringify(key)} for ${expected === null ? 'nothing' : expected}`, () => {
      expect(findClosestKey(key, known)).to.equal(expected);
    });
  }

  it('finds a long key again after any one letter of it was lost', () => {
    fc.assert(
      fc.property(fc.constantFrom('model_provider', 'sandbox_mode', 'base_url'), fc.nat(), (key, at) => {
        const index = at % key.length;
        expect(findClosestKey(key.slice(0, index) + key.slice(index + 1), known)).to.equal(key);
      }),
    );
  });
});
