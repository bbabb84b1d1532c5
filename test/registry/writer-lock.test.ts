import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { releaseFlock, tryFlock } from '../../src/registry/flock.js';
import { WriterLocks } from '../../src/registry/writer-lock.js';
import { startChildProgram } from '../support/child-program.js';
import type { ChildProgram } from '../support/child-program.js';

const ID = '01a20707-fedb-76e1-8c85-7a57fa6eb42b';
const OTHER_ID = '01a20707-fedb-76e1-8c85-7a57fa6eb42c';
const LINUX = process.platform === 'linux';

describe('WriterLocks', () => {
  let home: string;
  let folder: string;
  let locks: WriterLocks;
  let programs: ChildProgram[];

  const lockFile = (id: string): string => join(folder, `${id}.lock`);
  const lockFiles = (): string[] => readdirSync(folder).sort();

  async function startProgram(mode: 'hold' | 'contend' | 'snatch', readyPattern: RegExp): Promise<ChildProgram> {
    const program = fileURLToPath(new URL('./lock-program.js', import.meta.url));
    const child = await startChildProgram({
      command: process.execPath,
      args: [program, mode, home, ID],
      readyPattern,
    });
    programs.push(child);
    return child;
  }

  async function refusal(acquiring: Promise<unknown>): Promise<Pick<DaemonError, 'code' | 'message' | 'data'>> {
    const error = await acquiring.then(
      () => {
        throw new Error('was not refused');
      },
      (reason: unknown) => reason as DaemonError,
    );
    const { code, message, data } = error;
    return { code, message, data };
  }

  /** An attempt is made without a pause in one go; what it settles is settled some turns of the loop later. */
  async function afterFirstAttempt(): Promise<'waits'> {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    return 'waits';
  }

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-lock-'));
    folder = join(home, 'thread-writer-locks');
    locks = new WriterLocks(home);
    programs = [];
  });

  afterEach(async () => {
    await locks.releaseAll();
    await Promise.all(programs.map((program) => program.kill('SIGKILL')));
    rmSync(home, { recursive: true, force: true });
  });

  it('makes private empty lock files, and removes that of a conversation when it is given up', async () => {
    const lease = await locks.acquire(ID);
    await locks.acquire(OTHER_ID);
    const facts = lockFiles().map((name) => statSync(join(folder, name)));
    expect(facts.map(({ mode, size }) => [mode & 0o777, size])).to.deep.equal(facts.map(() => [0o600, 0]));
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    expect([lease.id, locks.heldIds()]).to.deep.equal([ID, [ID, OTHER_ID]]);
    await lease.release();
    expect(lockFiles()).to.deep.equal(['.coordination.lock', `${OTHER_ID}.lock`]);
    await locks.releaseAll();
    await locks.releaseAll();
    expect([lockFiles(), locks.heldIds()]).to.deep.equal([['.coordination.lock'], []]);
  });

  it('refuses a second lease within one process, and names the process', async () => {
    const lease = await locks.acquire(ID);
    const { code, message, data } = await refusal(new WriterLocks(home).acquire(ID));
    expect(code).to.equal('already_has_writer');
    expect(message).to.match(new RegExp(`^thread ${ID} already has an active writer`));
    if (LINUX) expect(data).to.have.property('holderPid', process.pid);
    await lease.release();
    await lease.release();
    const next = await locks.acquire(ID);
    await lease.release();
    expect(locks.heldIds()).to.deep.equal([next.id]);
  });

  it('refuses what another process owns, and names it', async () => {
    const holder = await startProgram('hold', /(held)/);
    const { code, message, data } = await refusal(locks.acquire(ID));
    const who = LINUX ? ` (node, pid ${holder.pid})` : '';
    expect({ code, message, data }).to.deep.equal({
      code: 'already_has_writer',
      message: `thread ${ID} already has an active writer${who}`,
      data: LINUX ? { holderPid: holder.pid, holderCommand: 'node' } : { holderPid: null, holderCommand: null },
    });
    expect(locks.heldIds()).to.deep.equal([]);
  });

  it('takes over at once from a process that was killed', async () => {
    const holder = await startProgram('hold', /(held)/);
    await holder.kill('SIGKILL');
    expect(existsSync(lockFile(ID))).to.equal(true);
    const lease = await locks.acquire(ID);
    await lease.release();
    expect(existsSync(lockFile(ID))).to.equal(false);
  });

  it('gives a conversation to one process at a time, with a name to its lock, however many contend', async function () {
    this.timeout(30_000);
    const contenders = [startProgram('contend', /done (\d+)/), startProgram('contend', /done (\d+)/)];
    const done = await Promise.all(contenders);
    const ends = await Promise.all(done.map(({ exited }) => exited));
    expect(done.map(({ ready }, n) => [ready, ends[n]!.code])).to.deep.equal(contenders.map(() => ['150', 0]));
    expect(lockFiles()).to.deep.equal(['.coordination.lock']);
  });

  it('owns no lock file that was unlinked between its opening and its locking', async function () {
    this.timeout(30_000);
    await startProgram('snatch', /(snatching)/);
    const lost: number[] = [];
    for (let n = 0; n < 400; n += 1) {
      const lease = await locks.acquire(ID).catch(() => null);
      if (lease !== null && !existsSync(lockFile(ID))) lost.push(n);
      await lease?.release();
    }
    expect(lost).to.deep.equal([]);
  });

  it('leaves a lock alone that took the place of its own unlinked one', async () => {
    const lease = await locks.acquire(ID);
    unlinkSync(lockFile(ID));
    const holder = await startProgram('hold', /(held)/);
    await lease.release();
    expect(existsSync(lockFile(ID))).to.equal(true);
    const { data } = await refusal(locks.acquire(ID));
    if (LINUX) expect(data).to.have.property('holderPid', holder.pid);
  });

  it('waits while another process is in the middle of taking or giving up a lock', async () => {
    mkdirSync(folder);
    const fd = openSync(join(folder, '.coordination.lock'), 'w');
    expect(tryFlock(fd, 'exclusive')).to.equal(true);
    const acquiring = locks.acquire(ID);
    expect(await Promise.race([acquiring, afterFirstAttempt()])).to.equal('waits');
    releaseFlock(fd);
    closeSync(fd);
    expect((await acquiring).id).to.equal(ID);
  });

  it('takes locks beside others who are taking some, and gives none up before they are done', async () => {
    mkdirSync(folder);
    const fd = openSync(join(folder, '.coordination.lock'), 'w');
    expect(tryFlock(fd, 'shared')).to.equal(true);
    const lease = await locks.acquire(ID);
    const releasing = lease.release();
    expect(await Promise.race([releasing, afterFirstAttempt()])).to.equal('waits');
    expect(existsSync(lockFile(ID))).to.equal(true);
    closeSync(fd);
    await releasing;
    expect(existsSync(lockFile(ID))).to.equal(false);
  });

  it('gives up after a while, and frees what it releases even then', async () => {
    locks = new WriterLocks(home, 50);
    const lease = await locks.acquire(ID);
    const fd = openSync(join(folder, '.coordination.lock'), 'r');
    expect(tryFlock(fd, 'exclusive')).to.equal(true);
    const [refused] = await Promise.all([refusal(locks.acquire(OTHER_ID)), lease.release()]);
    closeSync(fd);
    expect(refused.code).to.equal('lock_unavailable');
    expect(lockFiles()).to.deep.equal(['.coordination.lock', `${ID}.lock`]);
    await locks.acquire(ID);
  });

  it('refuses names that would lead out of its folder, and says when the folder cannot be used', async () => {
    const codes = await Promise.all(['../x', '', '.coordination'].map((id) => refusal(locks.acquire(id))));
    const unusable = await refusal(new WriterLocks('/dev/null').acquire(ID));
    expect([...codes, unusable].map(({ code }) => code)).to.deep.equal([
      ...Array<string>(3).fill('invalid_thread_id'),
      'lock_unavailable',
    ]);
  });

  it('tells who owns a conversation and takes nothing, and gives the former answer while nothing has changed', async () => {
    expect(await locks.ownerOf(ID)).to.equal(null);
    const first = await startProgram('hold', /(held)/);
    const owner = await locks.ownerOf(ID);
    expect(owner).to.deep.include(LINUX ? { pid: first.pid, command: 'node' } : { pid: null, command: null });
    expect(await locks.ownerOf(ID, owner)).to.equal(owner);
    await first.kill('SIGKILL');
    expect(await locks.ownerOf(ID, owner)).to.equal(null);
    // The file that the dead one left is that of the next.
    const second = await startProgram('hold', /(held)/);
    const next = await locks.ownerOf(ID, owner);
    expect(next?.pid).to.equal(LINUX ? second.pid : null);
    expect(next!.lock.ino).to.equal(owner!.lock.ino);
    expect(next!.lock.mtimeMs).to.be.greaterThan(owner!.lock.mtimeMs);
    expect(locks.heldIds()).to.deep.equal([]);
  });

  it('looks who has it only while nobody is taking a lock, so that nobody is refused for that', async () => {
    mkdirSync(folder);
    closeSync(openSync(lockFile(ID), 'w'));
    const fd = openSync(join(folder, '.coordination.lock'), 'w');
    expect(tryFlock(fd, 'shared')).to.equal(true);
    const looking = locks.ownerOf(ID);
    expect(await Promise.race([looking, afterFirstAttempt()])).to.equal('waits');
    closeSync(fd);
    expect(await looking).to.equal(null);
  });

  it('names a holder that is stopped, and leaves the lock to it', async function () {
    if (!LINUX) this.skip();
    const holder = await startProgram('hold', /(held)/);
    process.kill(holder.pid, 'SIGSTOP');
    const { data } = await refusal(locks.acquire(ID));
    expect(data).to.deep.equal({ holderPid: holder.pid, holderCommand: 'node' });
    expect((await locks.ownerOf(ID))?.pid).to.equal(holder.pid);
  });

  it('leaks no descriptor into the programs it starts, and none after a refusal', async function () {
    if (!LINUX) this.skip();
    await locks.acquire(ID);
    await refusal(new WriterLocks(home).acquire(ID));
    const open = readdirSync('/proc/self/fd').length;
    await refusal(new WriterLocks(home).acquire(ID));
    expect(readdirSync('/proc/self/fd').length).to.equal(open);
    const inherited = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
    expect(inherited).to.not.include(folder);
  });
});
