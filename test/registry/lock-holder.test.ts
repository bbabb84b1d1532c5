import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { tryFlock } from '../../src/registry/flock.js';
import { findLockHolder } from '../../src/registry/lock-holder.js';
import { useTempFolder } from '../support/temp-folder.js';

const LINUX = process.platform === 'linux';

describe('findLockHolder', () => {
  const folder = useTempFolder();
  let file: string;
  let fd: number;
  beforeEach(function () {
    if (!LINUX) this.skip();
    file = join(folder(), 'x.lock');
    fd = openSync(file, 'w');
  });
  afterEach(() => {
    if (LINUX) closeSync(fd);
  });

  /** What the kernel would tell, written by hand: the named process, and those that have the file open. */
  function makeProc(named: number, processes: Record<number, { opened: string; locked: boolean }>): string {
    const proc = join(folder(), 'proc');
    const { ino } = statSync(file);
    mkdirSync(proc);
    writeFileSync(join(proc, 'locks'), `1: FLOCK  ADVISORY  WRITE ${named} 00:00:${ino} 0 EOF\n`);
    for (const [pid, { opened, locked }] of Object.entries(processes)) {
      for (const part of ['fd', 'fdinfo']) mkdirSync(join(proc, pid, part), { recursive: true });
      symlinkSync(opened, join(proc, pid, 'fd', '9'));
      const lock = locked ? `lock:\t1: FLOCK  ADVISORY  WRITE ${pid} 00:00:${ino} 0 EOF\n` : '';
      writeFileSync(join(proc, pid, 'fdinfo', '9'), `pos:\t0\n${lock}`);
      writeFileSync(join(proc, pid, 'comm'), `program ${pid}\n`);
    }
    return proc;
  }

  it('names the process that holds the lock, and nobody when it is free', async () => {
    expect(await findLockHolder(statSync(file))).to.equal(null);
    expect(tryFlock(fd, 'exclusive')).to.equal(true);
    expect((await findLockHolder(statSync(file)))?.pid).to.equal(process.pid);
  });

  it('names the child that kept the lock of a process that has ended', async () => {
    expect(tryFlock(fd, 'exclusive')).to.equal(true);
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    await once(child, 'spawn');
    closeSync(fd);
    fd = openSync('/dev/null', 'r');
    // The kernel goes on naming this process, which has taken it, and does not have it any more.
    expect(await findLockHolder(statSync(file))).to.deep.equal({ pid: child.pid, command: 'sleep' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await findLockHolder(statSync(file))).to.equal(null);
  });

  it('does not name a process that was given the number of the holder, which has ended', async () => {
    const other = join(folder(), 'other');
    writeFileSync(other, '');
    const proc = makeProc(17, { 17: { opened: other, locked: true }, 18: { opened: file, locked: false } });
    expect(await findLockHolder(statSync(file), proc)).to.equal(null);
  });

  it('names who has it locked in place of a process that has only the number', async () => {
    const other = join(folder(), 'other');
    writeFileSync(other, '');
    const proc = makeProc(17, { 17: { opened: other, locked: true }, 18: { opened: file, locked: true } });
    expect(await findLockHolder(statSync(file), proc)).to.deep.equal({ pid: 18, command: 'program 18' });
  });

  it('takes the kernel at its word about a process of the same user that hides its descriptors', async () => {
    const holders = [];
    for (const uid of [statSync(file).uid, statSync(file).uid + 1]) {
      const proc = join(folder(), `proc-${uid}`);
      mkdirSync(join(proc, '17'), { recursive: true });
      writeFileSync(join(proc, 'locks'), `1: FLOCK  ADVISORY  WRITE 17 00:00:${statSync(file).ino} 0 EOF\n`);
      // No folder: reading it fails otherwise than where there is none.
      writeFileSync(join(proc, '17', 'fd'), '');
      writeFileSync(join(proc, '17', 'status'), `Name:\tcodex\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
      writeFileSync(join(proc, '17', 'comm'), 'codex\n');
      holders.push(await findLockHolder(statSync(file), proc));
    }
    expect(holders).to.deep.equal([{ pid: 17, command: 'codex' }, null]);
  });
});
