import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { identityOf, isRunning, ownIdentity } from '../../src/supervisor/process-identity.js';

describe('the identity of a process', () => {
  it('holds for the process itself, and for nobody who has its number later', () => {
    const own = ownIdentity();
    expect([isRunning(own), isRunning({ ...own, start: `${own.start}1` })]).to.deep.equal([true, false]);
  });

  it('is that of any living process when nothing but the number is known', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    expect([isRunning({ pid: process.pid, start: null }), isRunning({ pid, start: null })]).to.deep.equal([
      true,
      false,
    ]);
  });

  it('does not hold for one that has ended, also when its parent does not notice', async () => {
    // The shell becomes a program that knows nothing of the child it had.
    const parent = spawn('/bin/sh', ['-c', 'cat <&3 3<&- & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const child = identityOf(Number(line));
    expect(isRunning(child)).to.equal(true);
    // Until then it is a shell, which would notice.
    while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await setImmediate();
    process.kill(child.pid, 'SIGKILL');
    while (isRunning(child));
    // Still there for the system: the number is not free.
    expect(process.kill(child.pid, 0)).to.equal(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
  });
});
