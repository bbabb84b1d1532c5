// What the main thread does for processes whose session can no longer end them. Real processes; main thread.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { ProcessGroups } from '../../src/registry/process-groups.js';
import { OWNER_MARK, ownerMark, thisOwner } from '../../src/session/process-mark.js';
import type { ProcessReport } from '../../src/session/process-report.js';
import { readStartTime } from '../../src/session/process-table.js';
import { startChildProgram } from '../support/child-program.js';
import { findByArgument, waitForCount } from '../support/process-search.js';
import { useTempFolder } from '../support/temp-folder.js';

const SESSION = new URL('./command-session.js', import.meta.url);

describe('ProcessGroups', () => {
  const folder = useTempFolder();
  const left: ChildProcess[] = [];
  afterEach(() => {
    for (const child of left.splice(0)) child.kill('SIGKILL');
  });

  function uniqueTime(): string {
    return `4000.${process.pid}${Math.floor(Math.random() * 1e9)}`;
  }

  function start(argv: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(argv[0]!, argv.slice(1), { detached: true, stdio: 'ignore', env: { ...process.env, ...env } });
    left.push(child);
    return child;
  }

  function identify({ pid = 0 }: ChildProcess) {
    return { pid, startTime: readStartTime(pid)! };
  }

  it('knows the groups that each conversation has', () => {
    const groups = new ProcessGroups(folder());
    const [one, two] = [
      { pid: 1001, startTime: '5' },
      { pid: 1002, startTime: '6' },
    ];
    groups.note('a', { type: 'processStarted', process: one });
    groups.note('a', { type: 'processStarted', process: two });
    groups.note('b', { type: 'processStarted', process: two });
    groups.note('a', { type: 'processEnded', process: one });
    // Another one that had the number before.
    groups.note('b', { type: 'processEnded', process: { ...two, startTime: '1' } });
    expect([groups.list('a'), groups.list('b'), groups.list('c')]).to.deep.equal([[two], [two], []]);
  });

  it('ends the groups of one conversation and of no other', async () => {
    const groups = new ProcessGroups(folder());
    // Names of conversations, too.
    const times = [uniqueTime(), uniqueTime()];
    for (const time of times) {
      const child = start(['/bin/sh', '-c', `trap "" TERM; sleep ${time} & wait`]);
      groups.note(time, { type: 'processStarted', process: identify(child) });
    }
    for (const time of times) await waitForCount(time, 2);
    const report = await groups.endConversation(times[0]!);
    expect([report.survivors, times.map((time) => findByArgument(time).length), groups.list(times[0]!)]).to.deep.equal([
      [],
      [0, 2],
      [],
    ]);
    await groups.endAll();
    expect(findByArgument(times[1]!)).to.deep.equal([]);
  });

  it('does not end a process that got the number of one that has ended', async () => {
    const groups = new ProcessGroups(folder());
    const time = uniqueTime();
    const child = start(['sleep', time]);
    await waitForCount(time, 1);
    groups.note(time, { type: 'processStarted', process: { pid: child.pid!, startTime: '1' } });
    const report = await groups.endConversation(time);
    expect([report, findByArgument(time)]).to.deep.equal([{ found: 0, survivors: [] }, [child.pid]]);
  });

  it('ends at the start what a dead daemon of this home has left, and nothing of a living or another one', async () => {
    const [home, otherHome] = [join(folder(), 'home'), join(folder(), 'other')];
    mkdirSync(home);
    mkdirSync(otherHome);
    const owner = thisOwner(home);
    const marks = {
      dead: ownerMark({ ...owner, pid: 0x3fffff }),
      reused: ownerMark({ ...owner, startTime: '1' }),
      living: ownerMark(owner),
      elsewhere: ownerMark({ ...owner, pidSpace: '1', pid: 0x3fffff }),
      other: ownerMark({ ...thisOwner(otherHome), pid: 0x3fffff }),
    };
    const times = Object.entries(marks).map(([name, mark]) => {
      const time = uniqueTime();
      start(['setsid', 'sleep', time], { [OWNER_MARK]: mark });
      return [name, time] as const;
    });
    for (const [, time] of times) await waitForCount(`sleep\0${time}`, 1);
    const report = await new ProcessGroups(home).endOrphans();
    const running = times.filter(([, time]) => findByArgument(time).length > 0).map(([name]) => name);
    expect([report, running]).to.deep.equal([{ found: 2, survivors: [] }, ['living', 'elsewhere', 'other']]);
    for (const [, time] of times) for (const pid of findByArgument(time)) process.kill(pid, 'SIGKILL');
  });

  async function startWorker(data: { tty: boolean; traps: string }) {
    const groups = new ProcessGroups(folder());
    const [time, conversationId] = [uniqueTime(), `c${uniqueTime()}`];
    const worker = new Worker(SESSION, { workerData: { folder: folder(), conversationId, time, ...data } });
    await new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', (message: ProcessReport | 'ready') => {
        if (message === 'ready') resolve();
        else groups.note(conversationId, message);
      });
    });
    await waitForCount(`sleep\0${time}`, 2);
    return { worker, time, endConversation: () => groups.endConversation(conversationId) };
  }

  for (const tty of [false, true]) {
    for (const traps of ['', 'trap "" TERM HUP;']) {
      const who = `${traps === '' ? '' : 'stubborn '}commands of a worker that was terminated`;
      it(`ends the ${who}, ${tty ? 'on a terminal' : 'with pipes'}`, async () => {
        const { worker, time, endConversation } = await startWorker({ tty, traps });
        await worker.terminate();
        const report = await endConversation();
        expect([report.survivors, findByArgument(time)]).to.deep.equal([[], []]);
      });
    }
  }

  it('loses no descriptor of its own to a worker that ends', async () => {
    const { worker, endConversation } = await startWorker({ tty: true, traps: '' });
    // They get the numbers that the worker's commands no longer need.
    const descriptors = Array.from({ length: 50 }, () => openSync('/dev/null', 'r'));
    await worker.terminate();
    await endConversation();
    const sound = descriptors.filter((fd) => fstatSync(fd).isCharacterDevice()).length;
    for (const fd of descriptors) closeSync(fd);
    expect(sound).to.equal(50);
  });

  it('ends the commands of a daemon that was killed', async () => {
    const time = uniqueTime();
    const program = await startChildProgram({
      command: process.execPath,
      args: [SESSION.pathname, folder(), `c${time}`, time],
      readyPattern: /(ready)/,
    });
    await waitForCount(`sleep\0${time}`, 2);
    await program.kill('SIGKILL');
    const report = await new ProcessGroups(join(folder(), 'home')).endOrphans();
    expect([report.survivors, findByArgument(time)]).to.deep.equal([[], []]);
  });
});
