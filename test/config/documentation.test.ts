import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { configSchema, GRANULAR_KEYS, PROVIDER_KEYS, WORKSPACE_WRITE_KEYS } from '../../src/config/config-schema.js';
import { isTable } from '../../src/config/config-table.js';
import { PASSIVE_PROVIDER_KEYS } from '../../src/config/known-keys.js';
import { findProjectRoot } from '../support/child-program.js';

describe('docs/configuration.md', () => {
  const root = findProjectRoot();
  const text = readFileSync(join(root, 'docs', 'configuration.md'), 'utf8');
  /** Key → default, of all rows of all tables. */
  const rows = new Map(
    [...text.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, key = '', value = '']) => [key, value]),
  );

  it('explains every key that acts, and no other', () => {
    const acting = [
      ...Object.keys(configSchema.shape),
      ...PROVIDER_KEYS.filter((key) => !PASSIVE_PROVIDER_KEYS.includes(key)),
      ...WORKSPACE_WRITE_KEYS,
    ];
    const tables = ['model_providers', 'sandbox_workspace_write'];
    for (const table of tables) expect(text).to.include(`[${table}`);
    for (const key of GRANULAR_KEYS) expect(text).to.include(`\`${key}\``);
    const expected = new Set(acting.filter((key) => !tables.includes(key)));
    expect([...rows.keys()].sort()).to.deep.equal([...expected].sort());
  });

  it('gives the defaults that are shipped', () => {
    const {
      model_providers: _providers,
      sandbox_workspace_write: sandbox,
      ...defaults
    } = parse(readFileSync(join(root, 'config', 'defaults.toml'), 'utf8'));
    if (!isTable(sandbox)) throw new Error('no table');
    for (const [key, value] of Object.entries({ ...defaults, ...sandbox })) {
      const shown = typeof value === 'string' ? value : JSON.stringify(value);
      expect([key, rows.get(key)]).to.deep.equal([key, `\`${shown}\``]);
    }
  });
});
