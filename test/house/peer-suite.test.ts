// The suite over recordings from elsewhere must not pass when there are none.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { recordedFolder } from '../peer/recorded-folder.js';
import { readRolloutSet } from '../support/rollout-set.js';
import { useTempFolder } from '../support/temp-folder.js';
import { ROOT } from './import-graph.js';

describe('npm run test:peer', () => {
  const folder = useTempFolder();

  it('fails without a folder', async () => {
    const args = [path.join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--config', '.mocharc.peer.cjs'];
    const env = { ...process.env, ROLLOUT_FIXTURES: '' };
    const { code, said } = await new Promise<{ code: unknown; said: string }>((resolve) => {
      execFile(process.execPath, args, { cwd: ROOT, env }, (error, stdout, stderr) => {
        resolve({ code: error?.code, said: stdout + stderr });
      });
    });
    expect(code).to.be.a('number').that.is.greaterThan(0);
    expect(said).to.include('ROLLOUT_FIXTURES must name the folder with the recordings');
  });

  it('takes no folder that is not there', () => {
    const nowhere = path.join(folder(), 'nowhere');
    expect(() => recordedFolder(nowhere)).to.throw(`ROLLOUT_FIXTURES names no folder: ${nowhere}`);
  });

  it('takes no collection without rollouts', () => {
    writeFileSync(path.join(folder(), 'INDEX.json'), '{}');
    expect(() => readRolloutSet(folder())).to.throw('no rollouts in');
  });
});
