// Stop means stop: nothing that a command has started is there two seconds later. Real processes; main thread.
import { expect } from 'chai';
import { findByArgument, waitForCount } from '../../support/process-search.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { BARE, Listener, makeRunner, requireSandbox, WORKSPACE } from './runner-rig.js';
import { STOP_STORIES } from './stop-stories.js';

/** A time to sleep that nobody else sleeps. */
function uniqueTime(): string {
  return `3000.${process.pid}${Math.floor(Math.random() * 1e9)}`;
}

describe('the end of commands', () => {
  const folder = useTempFolder();

  for (const policy of [BARE, WORKSPACE]) {
    const isBare = policy === BARE;
    describe(isBare ? 'without a sandbox' : 'in a sandbox', () => {
      before(async function () {
        if (!isBare) await requireSandbox(this);
      });

      for (const tty of [false, true]) {
        for (const { name, script, sleepers } of STOP_STORIES) {
          it(`ends ${name}, ${tty ? 'on a terminal' : 'with pipes'}`, async () => {
            const rig = makeRunner(folder());
            const time = uniqueTime();
            const listener = new Listener();
            const request = rig.script(`T=${time}; ${script.replaceAll('$T', time)}`, {
              tty,
              input: true,
              sandboxPolicy: policy,
            });
            const work = rig.runner.exec({
              ...request,
              argv: ['/bin/bash', '-c', request.argv[2]!],
              ...listener.handlers,
            });
            await listener.hears('ready');
            // Its shell names the time as well, and so does the sandbox.
            const outlives = /exit 0/.test(script);
            if (isBare && !outlives) await waitForSleepers(time, sleepers);
            if (outlives) await work;
            const start = performance.now();
            const report = await rig.runner.endAll();
            const wasQuick = performance.now() - start < 2_000;
            expect({ wasQuick, survivors: report.survivors, left: findByArgument(time) }).to.deep.equal({
              wasQuick: true,
              survivors: [],
              left: [],
            });
            expect((await work).exit, 'the call has ended, too').to.not.equal(null);
          });
        }
      }
    });
  }

  it('leaves the other commands of the conversation, and those of others', async () => {
    const rig = makeRunner(folder());
    const other = makeRunner(folder());
    const [one, two, three] = [uniqueTime(), uniqueTime(), uniqueTime()];
    const start = (time: string) => rig.script(`setsid sleep ${time} & echo; wait`, { yieldMs: 0 });
    const { processId } = await rig.runner.exec(start(one));
    await rig.runner.exec(start(two));
    await other.runner.exec(start(three));
    // The shell and the sleeper each.
    for (const time of [one, two, three]) await waitForCount(time, 2);
    const counts = (): number[] => [one, two, three].map((time) => findByArgument(time).length);
    await rig.runner.terminate(processId);
    const afterOne = counts();
    await rig.runner.endAll();
    const afterAll = counts();
    await other.runner.endAll();
    expect([afterOne, afterAll, counts()]).to.deep.equal([
      [0, 2, 2],
      [0, 0, 2],
      [0, 0, 0],
    ]);
  });

  it('lets a command in a sandbox tidy up at SIGTERM', async function () {
    await requireSandbox(this);
    const rig = makeRunner(folder());
    const listener = new Listener();
    const request = rig.script('trap "echo tidy; exit 9" TERM; echo ready; while :; do sleep 0.05; done', {
      ...listener.handlers,
      sandboxPolicy: WORKSPACE,
    });
    const work = rig.runner.exec(request);
    await listener.hears('ready');
    await rig.runner.endAll();
    const { exit } = await work;
    // The shell may say that its child was terminated.
    expect([listener.text.endsWith('tidy\n'), exit]).to.deep.equal([true, { code: 9, signal: null }]);
  });

  it('lets a key interrupt what runs in a sandbox, not the sandbox', async function () {
    await requireSandbox(this);
    const rig = makeRunner(folder());
    const listener = new Listener();
    const request = rig.script('trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done', {
      ...listener.handlers,
      sandboxPolicy: WORKSPACE,
      tty: true,
      yieldMs: 1,
    });
    const { processId } = await rig.runner.exec(request);
    await listener.hears('ready');
    const { exit } = await rig.runner.writeStdin(processId, '\x03', 20_000);
    expect([listener.text.includes('caught'), exit]).to.deep.equal([true, { code: 5, signal: null }]);
    await rig.runner.endAll();
  });
});

/** Resolves when so many processes sleep that long. */
async function waitForSleepers(time: string, count: number): Promise<void> {
  await waitForCount(`sleep\0${time}`, count);
}
