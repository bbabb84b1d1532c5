// start, stop, restart and status as people use them: real processes that outlive the command.
import { expect } from 'chai';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDaemonFile } from '../../src/cli/daemon-file.js';
import type { HomeStatus } from '../../src/cli/status.js';
import { isRunning } from '../../src/supervisor/process-identity.js';
import { readSupervisorState } from '../../src/supervisor/state-file.js';
import { CheckedClient } from '../support/checked-client.js';
import { findProjectRoot } from '../support/child-program.js';
import { readToken } from '../support/daemon-process.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { TerminalProgram } from '../support/terminal.js';
import { runCli, startCli } from './cli-process.js';
import type { CliOptions, CliResult } from './cli-process.js';
import { FIRST_WORDS, holdAnswers, LAST_WORDS } from './held-answer.js';
import { whenFolderShows } from './watch-folder.js';

const ANY_PORT = ['--listen', 'ws://127.0.0.1:0'];

describe('a daemon in the background', function () {
  this.timeout(30_000);
  let model: ModelServer;
  let home: TempHome;

  beforeEach(async () => {
    model = await startModelServer();
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  });

  afterEach(async () => {
    await run('stop');
    await model.close();
    await home.remove();
  });

  function run(command: string, args: string[] = [], options: CliOptions = {}): Promise<CliResult> {
    return runCli([command, '--home', home.path, ...args], options);
  }

  /** Starts it; fails unless that went well. */
  async function start(): Promise<string> {
    const { code, stdout, stderr } = await run('start', ANY_PORT);
    expect(code, stderr).to.equal(0);
    return /^listening on: (ws:\S+)\n$/.exec(stdout)![1]!;
  }

  async function status(options: CliOptions = {}): Promise<HomeStatus> {
    return JSON.parse((await run('status', ['--json'], options)).stdout) as HomeStatus;
  }

  const daemonPid = () => readDaemonFile(home.path)?.pid ?? null;
  const whenDaemonIsNot = (pid: number) =>
    whenFolderShows(join(home.path, 'rolloutd'), () => {
      const now = daemonPid();
      return now === pid ? null : now;
    });

  async function connect(): Promise<CheckedClient> {
    return CheckedClient.connect(readDaemonFile(home.path)!.url, { token: await readToken(home.path) });
  }

  it('is started once, outlives the terminal it was started in, and is stopped once', async () => {
    const entry = join(findProjectRoot(), 'bin', 'rolloutd.js');
    const command = `'${process.execPath}' '${entry}' start --home '${home.path}' ${ANY_PORT.join(' ')}; read x`;
    const terminal = new TerminalProgram({
      command: '/bin/sh',
      args: ['-c', command],
      cwd: home.root,
      env: { PATH: process.env['PATH'] ?? '', HOME: home.root },
    });
    await terminal.waitFor('listening on');
    const { url, pid } = readDaemonFile(home.path)!;
    await terminal.kill();
    expect(await run('start')).to.deep.equal({
      code: 0,
      stdout: `listening on: ${url}\n`,
      stderr: `already running, pid ${pid}\n`,
    });
    const { supervisorPid, uptimeSeconds, startedAt, ...rest } = await status();
    expect([supervisorPid !== null, uptimeSeconds! < 60, Date.parse(startedAt!) > 0]).to.deep.equal([true, true, true]);
    expect(rest).to.deep.equal({
      home: home.path,
      state: 'running',
      pid,
      url,
      version: rest.commandVersion,
      commandVersion: rest.commandVersion,
      supervisorLost: false,
      restarts: 0,
      lastEnd: null,
      loadedThreads: 0,
      runningTurns: 0,
      clients: 0,
      refusedRequests: 0,
    });
    expect(await run('stop')).to.deep.equal({ code: 0, stdout: '', stderr: 'stopped\n' });
    expect([supervisorPid!, pid].map((each) => isRunning({ pid: each, start: null }))).to.deep.equal([false, false]);
    const nothing = `no daemon runs for ${home.path}\n`;
    expect(await run('stop')).to.deep.equal({ code: 0, stdout: '', stderr: nothing });
    const after = await run('status');
    expect([after.code, after.stdout]).to.satisfy(
      ([code, text]: [number, string]) => code === 3 && text.includes('not'),
    );
  });

  it('says why it did not start, and is one daemon when many ask for it at once afterwards', async () => {
    const { code, stdout, stderr } = await run('start', ['-c', 'approval_policy=5']);
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^rolloutd: the daemon did not start: .*approval_policy must be .*service\.log\n$/);
    const failed = await run('status');
    expect([failed.code, failed.stdout.includes('approval_policy must be')]).to.deep.equal([3, true]);
    const results = await Promise.all([1, 2, 3].map(() => run('start', ANY_PORT)));
    const listening = results.map((result) => [result.code, result.stdout]);
    const { url } = readDaemonFile(home.path)!;
    expect(listening).to.deep.equal(results.map(() => [0, `listening on: ${url}\n`]));
    expect(results.filter((result) => result.stderr.startsWith('already running'))).to.have.length(2);
  });

  it('is there again after it was killed, with its conversations and a new epoch', async () => {
    await start();
    const before = await connect();
    const threadId = await before.startThread();
    await before.runTurn(threadId, 'hello');
    const epoch = before.received.find((message) => message.epoch !== undefined)!.epoch;
    const pid = daemonPid()!;
    process.kill(pid, 'SIGKILL');
    await before.closed;
    await whenDaemonIsNot(pid);
    const after = await connect();
    const { thread } = await after.call('thread/resume', { threadId });
    expect(thread.turns.map((turn: any) => turn.status)).to.deep.equal(['completed']);
    expect((await after.runTurn(threadId, 'and again')).status).to.equal('completed');
    expect(after.received.find((message) => message.epoch !== undefined)!.epoch).to.not.equal(epoch);
    await after.close();
    const { restarts, lastEnd } = await status();
    expect({ restarts, lastEnd }).to.deep.equal({ restarts: 1, lastEnd: 'ended with SIGKILL' });
  });

  it('goes on without its supervisor, is given another that restarts it, and is killed when it does not stop', async () => {
    await start();
    const pid = daemonPid()!;
    process.kill(readSupervisorState(home.path)!.supervisor.pid, 'SIGKILL');
    while (!(await status()).supervisorLost);
    expect((await status()).state).to.equal('running');
    const again = await run('start', ANY_PORT);
    expect([again.code, again.stderr]).to.deep.equal([
      0,
      `already running, pid ${pid}; its supervisor was gone, it has a new one\n`,
    ]);
    process.kill(pid, 'SIGKILL');
    await whenDaemonIsNot(pid);
    const { state, restarts, supervisorLost } = await status();
    expect({ state, restarts, supervisorLost }).to.deep.equal({ state: 'running', restarts: 1, supervisorLost: false });
    process.kill(daemonPid()!, 'SIGSTOP');
    const file = join(home.path, 'rolloutd', 'daemon.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"closeLimitMs":5000', '"closeLimitMs":1'));
    expect(await run('stop')).to.deep.equal({
      code: 0,
      stdout: '',
      stderr: 'it did not end within 2.001 s and is killed\nstopped\n',
    });
  });

  it('is still one daemon when its supervisor is killed while it starts', async () => {
    const preload = join(home.root, 'slow-start.mjs');
    const go = join(home.root, 'go');
    // The daemon's main thread waits before it does anything.
    writeFileSync(
      preload,
      `import { existsSync } from 'node:fs';
       import { isMainThread } from 'node:worker_threads';
       if (isMainThread && process.argv.includes('--supervised')) {
         while (!existsSync(${JSON.stringify(go)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
       }`,
    );
    const env = { NODE_OPTIONS: `--import ${preload}` };
    const first = run('start', ANY_PORT, { env });
    const folder = join(home.path, 'rolloutd');
    const { supervisor, daemon } = await whenFolderShows(home.path, () => (existsSync(folder) ? true : null)).then(() =>
      whenFolderShows(folder, () => {
        const state = readSupervisorState(home.path);
        return state?.daemon == null ? null : { supervisor: state.supervisor, daemon: state.daemon };
      }),
    );
    process.kill(supervisor.pid, 'SIGKILL');
    expect((await first).stderr).to.contain('the daemon did not start: its supervisor ended');
    const second = run('start', ANY_PORT, { env });
    writeFileSync(go, '');
    const { code, stderr } = await second;
    expect([code, stderr]).to.deep.equal([
      0,
      `already running, pid ${daemon.pid}; its supervisor was gone, it has a new one\n`,
    ]);
  });

  it('does not take the place of one that runs in a terminal, but stops and restarts it', async () => {
    const serving = startCli(['serve', '--home', home.path, ...ANY_PORT, '-c', 'model=other']);
    await serving.seen('stdout', '\n');
    const pid = daemonPid()!;
    const again = await run('start');
    expect([again.code, again.stderr]).to.deep.equal([
      0,
      `already running, pid ${pid}, started without a supervisor\n`,
    ]);
    expect((await status()).supervisorPid).to.equal(null);
    expect((await run('restart')).code).to.equal(0);
    expect((await serving.ended).code).to.equal(0);
    const { serveArgs, supervised } = readDaemonFile(home.path)!;
    expect({ serveArgs, supervised }).to.deep.equal({
      serveArgs: ['--home', home.path, ...ANY_PORT, '--config', 'model=other'],
      supervised: true,
    });
  });

  it('is restarted when idle only after the last turn has come to its own end', async () => {
    const letEnd = holdAnswers(model);
    await start();
    const pid = daemonPid()!;
    const client = await connect();
    const threadId = await client.startThread();
    const { done } = await client.startTurn(threadId, 'hold');
    await client.notification('item/agentMessage/delta');
    const impatient = await run('restart', ['--when-idle', '--timeout', '0']);
    expect([impatient.code, impatient.stderr, daemonPid()]).to.deep.equal([
      1,
      'waiting for 1 turn to end\nrolloutd: turns still run after 0 s; nothing was restarted\n',
      pid,
    ]);
    const restart = startCli(['restart', '--home', home.path, '--when-idle']);
    await restart.seen('stderr', 'waiting for 1 turn to end');
    // Others are served as before.
    const other = await client.startThread();
    expect((await client.runTurn(other, 'meanwhile')).status).to.equal('completed');
    letEnd();
    expect((await done).status).to.equal('completed');
    expect((await client.closed).code).to.equal(1001);
    expect((await restart.ended).code).to.equal(0);
    expect(daemonPid()).to.not.equal(pid);
    const after = await connect();
    const { thread } = await after.call('thread/read', { threadId, includeTurns: true });
    const [turn] = thread.turns as any[];
    expect([turn.status, turn.items.at(-1).text]).to.deep.equal(['completed', FIRST_WORDS + LAST_WORDS]);
    await after.close();
  });

  it('is restarted also when it does not run; after an upgrade with the new code, and with other options if given', async () => {
    expect((await run('restart', ANY_PORT)).code).to.equal(0);
    const newer = join(home.root, 'newer');
    const root = findProjectRoot();
    for (const part of ['bin', 'config', 'dist/src', 'dist/workers', 'package.json']) {
      cpSync(join(root, part), join(newer, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(newer, 'node_modules'));
    const manifest = JSON.parse(readFileSync(join(newer, 'package.json'), 'utf8')) as { version: string };
    writeFileSync(join(newer, 'package.json'), JSON.stringify({ ...manifest, version: '9.9.9' }));
    const entry = join(newer, 'bin', 'rolloutd.js');
    const versions = async () => {
      const { version, commandVersion } = await status({ entry });
      return [version, commandVersion];
    };
    expect(await versions()).to.deep.equal([manifest.version, '9.9.9']);
    expect((await run('status', [], { entry })).stdout).to.contain(`${manifest.version} runs, 9.9.9 is installed`);
    expect((await run('restart', [...ANY_PORT, '--log-level', 'debug'], { entry })).code).to.equal(0);
    expect(readDaemonFile(home.path)!.serveArgs).to.include('debug');
    expect(await versions()).to.deep.equal(['9.9.9', '9.9.9']);
    await run('stop');
    rmSync(newer, { recursive: true });
  });
});
