// Commands that are interrupted at random moments, also before they have begun. Main thread.
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { DaemonError } from '../../../src/errors.js';
import { startChildProgram } from '../../support/child-program.js';
import { findByArgument } from '../../support/process-search.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { BARE, Listener, makeRunner, requireSandbox, WORKSPACE } from './runner-rig.js';

const COMMANDS = 60;

describe('commands that are interrupted at random moments', () => {
  const folder = useTempFolder();
  const { TMPDIR } = process.env;
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  for (const policy of [BARE, WORKSPACE]) {
    it(`leave no process, file or descriptor, ${policy === BARE ? 'bare' : 'in a sandbox'}`, async function () {
      if (policy !== BARE) await requireSandbox(this);
      this.timeout(120_000);
      const temporary = join(folder(), 'tmp');
      mkdirSync(temporary);
      process.env.TMPDIR = temporary;
      const rig = makeRunner(folder());
      const time = `5000.${process.pid}${Math.floor(Math.random() * 1e9)}`;
      const script = `setsid sleep ${time} & nohup sleep ${time} >/dev/null 2>&1 & echo one; sleep ${time}`;
      // What is loaded and opened once.
      await rig.runner.exec(rig.script('true', { sandboxPolicy: policy, tty: true }));
      const before = listDescriptors();
      const codes = new Set<string>();
      let exits = 0;
      const runOne = async (index: number): Promise<void> => {
        const stop = new AbortController();
        const listener = new Listener();
        const request = rig.script(script, { ...listener.handlers, sandboxPolicy: policy, signal: stop.signal });
        const work = rig.runner.exec({ ...request, tty: index % 2 === 0 });
        void delay(Math.random() * 60).then(() => stop.abort());
        await work.catch(({ code }: DaemonError) => codes.add(code));
        if (listener.outcome !== null) exits += 1;
      };
      for (let index = 0; index < COMMANDS; index += 4) {
        await Promise.all([0, 1, 2, 3].map((more) => runOne(index + more)));
      }
      const started = rig.reports.filter(({ type }) => type === 'processStarted').length - 1;
      expect({
        codes: [...codes].filter((code) => code !== 'command_not_started'),
        everyStartHasItsEnd: exits === started && rig.reports.length === 2 * (started + 1),
        processes: findByArgument(time),
        listed: rig.runner.list(),
        files: readdirSync(temporary),
        project: readdirSync(rig.project),
        descriptors: listDescriptors(),
      }).to.deep.equal({
        codes: [],
        everyStartHasItsEnd: true,
        processes: [],
        listed: [],
        files: [],
        project: [],
        descriptors: before,
      });
    });
  }
});

describe('a program that is killed while it starts commands', () => {
  const folder = useTempFolder();

  it('leaves no file behind', async function () {
    this.timeout(60_000);
    const temporary = join(folder(), 'tmp');
    mkdirSync(temporary);
    for (let round = 0; round < 8; round += 1) {
      const program = await startChildProgram({
        command: process.execPath,
        args: [fileURLToPath(new URL('./starter-main.js', import.meta.url)), folder()],
        env: { TMPDIR: temporary },
        readyPattern: /(ready)/,
      });
      await delay(Math.random() * 30);
      await program.kill('SIGKILL');
    }
    const deadline = Date.now() + 5_000;
    while (readdirSync(temporary).length > 0 && Date.now() < deadline) await delay(10);
    expect(readdirSync(temporary)).to.deep.equal([]);
  });
});

/** What the open descriptors lead to, but for those with which processes are looked at. */
function listDescriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => readLink(`/proc/self/fd/${fd}`))
    .filter((target) => !target.startsWith('/proc/'))
    .map((target) => target.replace(/\d+/g, 'N'))
    .sort();
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It was the one that lists them.
    return '/proc/';
  }
}
