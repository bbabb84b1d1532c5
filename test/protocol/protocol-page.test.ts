import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { METHODS } from '../../src/protocol/methods.js';
import { NOTIFICATION_AUDIENCES } from '../../src/protocol/notification-names.js';
import { SERVER_REQUESTS } from '../../src/protocol/server-requests.js';

describe('docs/protocol.md', () => {
  // The tests run from dist/, the page lies in the source tree.
  const page = readFileSync(path.join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

  /** First two cells of each row below a heading. */
  function readTable(heading: string): Record<string, string> {
    const section = page.split('\n## ').find((text) => text.startsWith(`${heading}\n`)) ?? '';
    const rows = section.matchAll(/^\| `([^`]+)` +\| (none|all|thread|connection) +\|/gm);
    return Object.fromEntries([...rows].map(([, name, second]) => [name, second] as [string, string]));
  }

  it('lists every method with its order', () => {
    const scopes = Object.entries(METHODS).map(([name, { scope }]) => [name, scope]);
    expect(readTable('Methods')).to.deep.equal(Object.fromEntries(scopes));
  });

  it('lists every question of the daemon', () => {
    const section = page.split('\n## ').find((text) => text.startsWith('What the daemon asks\n')) ?? '';
    const names = [...section.matchAll(/^\| `(item\/[^`]+)` +\|/gm)].map(([, name]) => name);
    expect(names).to.deep.equal(Object.keys(SERVER_REQUESTS));
  });

  it('lists every notification with its audience', () => {
    expect(readTable('Notifications')).to.deep.equal(NOTIFICATION_AUDIENCES);
  });
});
