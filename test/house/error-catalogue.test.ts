// Holds the catalogue of errors and its page together.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { DAEMON_ERROR_CODES } from '../../src/errors.js';
import { ROOT } from './import-graph.js';

describe('docs/errors.md', () => {
  it('describes every code of the catalogue, in its order, and no other', () => {
    const page = readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8');
    const section = page.split(/^## /m).find((text) => text.startsWith('Codes of the daemon')) ?? '';
    const codes = [...section.matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code);
    expect(codes).to.deep.equal([...DAEMON_ERROR_CODES]);
  });
});
