import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEnvironment } from '../../src/config/load-environment.js';

describe('loadEnvironment', () => {
  let home: string;
  let file: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-env-'));
    file = join(home, '.env');
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  it('lays the file over the environment, and leaves that as it was', () => {
    writeFileSync(file, '# keys\nA=file\nexport B="two words"\nC=\n');
    const env = { A: 'own', D: 'own' };
    expect(loadEnvironment(home, env)).to.deep.equal({
      env: { A: 'file', B: 'two words', C: '', D: 'own' },
      warnings: [],
    });
    expect(env).to.deep.equal({ A: 'own', D: 'own' });
  });

  it('lets the file set nothing that steers Codex or rolloutd', () => {
    writeFileSync(file, 'CODEX_HOME=/bad\nROLLOUTD_X=bad\nrolloutd_y=bad\nMY_CODEX_KEY=good\n');
    const { env } = loadEnvironment(home, { CODEX_HOME: '/own' });
    expect(env).to.deep.equal({ CODEX_HOME: '/own', MY_CODEX_KEY: 'good' });
  });

  it('reads afresh each time, and takes a missing file for none', () => {
    expect(loadEnvironment(home, { A: '1' })).to.deep.equal({ env: { A: '1' }, warnings: [] });
    writeFileSync(file, 'A=2');
    expect(loadEnvironment(home, { A: '1' }).env).to.deep.equal({ A: '2' });
    rmSync(file);
    expect(loadEnvironment(home, { A: '1' }).env).to.deep.equal({ A: '1' });
  });

  it('warns of a file that cannot be read, and goes on without it', () => {
    mkdirSync(file);
    expect(loadEnvironment(home, { A: '1' })).to.deep.equal({
      env: { A: '1' },
      warnings: [{ message: `${file} is left out: it is not a file`, file, line: null, key: null }],
    });
  });
});
