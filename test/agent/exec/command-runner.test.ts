// Commands as the turn loop runs them: real processes, without a sandbox. Main thread.
import { expect } from 'chai';
import { exitCodeOf } from '../../../src/agent/exec/exit-code.js';
import type { DaemonError } from '../../../src/errors.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { Listener, makeRunner } from './runner-rig.js';
import type { RunnerRig } from './runner-rig.js';

describe('CommandRunner', () => {
  const folder = useTempFolder();
  let rig: RunnerRig;
  beforeEach(() => {
    rig = makeRunner(folder());
  });
  afterEach(() => rig.runner.endAll());

  async function codeOf(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => 'none',
      (error: DaemonError) => error.code,
    );
  }

  it('runs a command and tells its output, its exit code and its process', async () => {
    const listener = new Listener();
    const started: number[] = [];
    const request = rig.script('echo out; exit 3', {
      ...listener.handlers,
      onStarted: ({ pid }) => started.push(pid),
    });
    const { exit, output } = await rig.runner.exec(request);
    const [pid] = started;
    const processes = rig.reports.map(({ type, process }) => `${type} ${process.pid}`);
    expect({ exit, output, told: listener.outcome?.output, processes, listed: rig.runner.list() }).to.deep.equal({
      exit: { code: 3, signal: null },
      output: { head: 'out\n', tail: '', omittedBytes: 0, totalBytes: 4 },
      told: output,
      processes: [`processStarted ${pid}`, `processEnded ${pid}`],
      listed: [],
    });
  });

  it('keeps the order of what goes to stdout and stderr', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => index);
    const text = lines.map((index) => `echo ${index}${index % 3 === 0 ? ' >&2' : ''}`).join('; ');
    const { output } = await rig.runner.exec(rig.script(text));
    expect(output.head.trim().split('\n').map(Number)).to.deep.equal(lines);
  });

  it('lets scripts open their output by name', async () => {
    const { output } = await rig.runner.exec(
      rig.script('echo a > /dev/stderr; echo b > /dev/stdout; cat < /dev/stdin'),
    );
    expect(output.head).to.equal('a\nb\n');
  });

  it('tells the signal that ended a command', async () => {
    const { exit } = await rig.runner.exec(rig.script('kill -9 $$'));
    expect([exit, exitCodeOf(exit!)]).to.deep.equal([{ code: null, signal: 'SIGKILL' }, 137]);
  });

  it('gives a command no input unless it is asked for', async () => {
    const { output, exit } = await rig.runner.exec(rig.script('cat; echo end'));
    expect([output.head, exit?.code]).to.deep.equal(['end\n', 0]);
  });

  it('refuses a program or a folder that is not there', async () => {
    const codes = [
      await codeOf(rig.runner.exec(rig.script('', { argv: ['no-such-program'] }))),
      await codeOf(rig.runner.exec(rig.script('', { argv: ['./no-such-file'] }))),
      await codeOf(rig.runner.exec(rig.script('', { argv: ['no-such-program'], tty: true }))),
      await codeOf(rig.runner.exec(rig.script('true', { cwd: '/no/such/folder' }))),
      await codeOf(rig.runner.exec(rig.script('', { argv: [] }))),
    ];
    expect([codes, rig.reports]).to.deep.equal([Array(5).fill('command_not_started'), []]);
  });

  it('lets a command run on when its time is over, and answers with what it wrote since', async () => {
    const listener = new Listener();
    const request = rig.script('echo one; read line; echo got $line; exit 4', {
      ...listener.handlers,
      input: true,
      yieldMs: 300,
    });
    const first = await rig.runner.exec(request);
    const listed = rig.runner.list().map(({ processId }) => processId);
    const second = await rig.runner.writeStdin(first.processId, 'hello\n', 20_000);
    expect({
      first: [first.exit, first.output.head],
      listed,
      second: [second.processId, second.exit?.code, second.output.head],
      shown: listener.text,
      all: listener.outcome?.output.head,
      left: rig.runner.list(),
    }).to.deep.equal({
      first: [null, 'one\n'],
      listed: [first.processId],
      second: [first.processId, 4, 'got hello\n'],
      shown: 'one\ngot hello\n',
      all: 'one\ngot hello\n',
      left: [],
    });
  });

  it('keeps the last words of a command that ended while nobody waited', async () => {
    const listener = new Listener();
    const request = rig.script('echo one; read line; echo two', { ...listener.handlers, input: true, yieldMs: 200 });
    const { processId } = await rig.runner.exec(request);
    rig.runner.endInput(processId);
    await listener.hears('two');
    const last = await rig.runner.writeStdin(processId, '', 20_000);
    expect([last.output.head, last.exit?.code, await codeOf(rig.runner.writeStdin(processId, '', 0))]).to.deep.equal([
      'two\n',
      0,
      'command_not_found',
    ]);
  });

  it('says which commands take no input', async () => {
    const { processId } = await rig.runner.exec(rig.script('sleep 60', { yieldMs: 0 }));
    expect(await codeOf(rig.runner.writeStdin(processId, 'x', 0))).to.equal('command_input_closed');
  });

  it('runs no more than so many at once', async () => {
    const small = makeRunner(folder(), { maxRunning: 2 });
    const sleep = small.script('sleep 60', { yieldMs: 0 });
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(small.runner.exec(sleep))));
    await small.runner.endAll();
    expect([codes, await codeOf(small.runner.exec(sleep))]).to.deep.equal([
      ['none', 'none', 'too_many_commands'],
      'none',
    ]);
    await small.runner.endAll();
  });

  it('is not held up by a child that keeps the output open', async () => {
    const { output, exit, wallTimeMs } = await rig.runner.exec(rig.script('sleep 60 & echo done'));
    expect([output.head, exit?.code, wallTimeMs < 5_000]).to.deep.equal(['done\n', 0, true]);
  });

  it('starts nothing for a signal that has fired already', async () => {
    const request = rig.script('echo ran', { signal: AbortSignal.abort() });
    expect([await codeOf(rig.runner.exec(request)), rig.reports]).to.deep.equal(['command_not_started', []]);
  });

  it('starts nothing that was asked for before everything was ended', async () => {
    const work = codeOf(rig.runner.exec(rig.script('sleep 60')));
    await rig.runner.endAll();
    expect([await work, rig.reports]).to.deep.equal(['command_not_started', []]);
  });

  it('ends a command when its signal fires', async () => {
    const stop = new AbortController();
    const listener = new Listener();
    const work = rig.runner.exec(rig.script('echo up; sleep 60', { ...listener.handlers, signal: stop.signal }));
    await listener.hears('up');
    stop.abort();
    const { exit } = await work;
    expect(exit).to.deep.equal({ code: null, signal: 'SIGTERM' });
  });

  describe('on a terminal', () => {
    it('shows a command its terminal, its size, and what is typed', async () => {
      const request = rig.script('test -t 0 && test -t 1 && stty size; read line; echo "<$line>"; stty size', {
        tty: true,
        size: { columns: 90, rows: 30 },
        yieldMs: 500,
      });
      const listener = new Listener();
      const work = rig.runner.exec({ ...request, ...listener.handlers });
      await listener.hears('30 90');
      const { processId } = await work;
      rig.runner.resize(processId, { columns: 20, rows: 10 });
      const { output, exit } = await rig.runner.writeStdin(processId, 'typed\n', 20_000);
      expect([output.head, exit]).to.deep.equal(['typed\r\n<typed>\r\n10 20\r\n', { code: 0, signal: null }]);
    });

    it('interrupts it by its key', async () => {
      const listener = new Listener();
      const request = rig.script('trap "echo caught; exit 5" INT; echo up; while :; do sleep 0.05; done', {
        tty: true,
      });
      const work = rig.runner.exec({ ...request, ...listener.handlers, yieldMs: 1 });
      const { processId } = await work;
      await listener.hears('up');
      const { exit } = await rig.runner.writeStdin(processId, '\x03', 20_000);
      expect([listener.text.includes('caught'), exit?.code]).to.deep.equal([true, 5]);
    });

    it('puts characters together that come in pieces', async () => {
      const request = rig.script("printf '\\360\\237'; sleep 0.05; printf '\\246\\200\\n'", { tty: true });
      const listener = new Listener();
      await rig.runner.exec({ ...request, ...listener.handlers });
      expect(listener.text).to.equal('🦀\r\n');
    });
  });
});
