// Holds the catalogue of errors, the codes they get on the wire, and their page together.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { DAEMON_ERROR_CODES, DaemonError } from '../../src/errors.js';
import { toRpcError } from '../../src/server/rpc-error.js';
import { ROOT } from './import-graph.js';

describe('docs/errors.md', () => {
  it('has every code of the catalogue, in its order and with its JSON-RPC code, and no other', () => {
    const page = readFileSync(path.join(ROOT, 'docs/errors.md'), 'utf8');
    const section = page.split(/^## /m).find((text) => text.startsWith('Codes of the daemon')) ?? '';
    const rows = [...section.matchAll(/^\| `([a-z_]+)` +\| (-\d+) +\|/gm)];
    expect(rows.map(([, reason, code]) => ({ reason, code: Number(code) }))).to.deep.equal(
      DAEMON_ERROR_CODES.map((reason) => ({ reason, code: toRpcError(new DaemonError(reason, '')).code })),
    );
  });
});
