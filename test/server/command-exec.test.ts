import { expect } from 'chai';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { CheckedClient } from '../support/checked-client.js';
import type { WireMessage } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { isRunning, waitForEnds } from '../support/process-states.js';
import { requireProgram } from '../support/system-programs.js';

const toBase64 = (text: string): string => Buffer.from(text).toString('base64');

describe('command/exec', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const exec = (command: string[], more: object = {}): Promise<any> =>
    client.call('command/exec', { command, cwd: rig.home.workspace, ...more });
  const script = (text: string, more: object = {}): Promise<any> => exec(['sh', '-c', text], more);
  const errorOf = async (method: string, params: object): Promise<[number, string]> => {
    const { error } = await client.ask(method, params);
    return [error!.code, error!.message];
  };
  const deltas = (processId: string): Record<string, any>[] =>
    client.received
      .filter(({ method, params }) => method === 'command/exec/outputDelta' && params!.processId === processId)
      .map(({ params }) => params!);
  const outputOf = (processId: string, stream = 'stdout'): string =>
    Buffer.concat(
      deltas(processId)
        .filter((delta) => delta.stream === stream)
        .map(({ deltaBase64 }) => Buffer.from(deltaBase64, 'base64')),
    ).toString();
  const shows = (processId: string, text: string): Promise<WireMessage> =>
    client.notification(
      'command/exec/outputDelta',
      (params) => params.processId === processId && outputOf(processId).includes(text),
    );

  it('gives exit code and both streams of a command when it has ended', async () => {
    const result = await script('echo out; echo err >&2; exit 4');
    expect(result).to.deep.equal({ exitCode: 4, stdout: 'out\n', stderr: 'err\n' });
    expect(await script('kill -TERM $$')).to.deep.equal({ exitCode: 143, stdout: '', stderr: '' });
    expect((await exec(['pwd'])).stdout).to.equal(`${realpathSync(rig.home.workspace)}\n`);
  });

  it('runs in the folder of the daemon unless told otherwise', async () => {
    const { stdout } = await client.call('command/exec', { command: ['pwd'] });
    expect(stdout).to.equal(`${realpathSync(process.cwd())}\n`);
  });

  it('sets variables and takes them away, and gives none of the secrets of the daemon', async () => {
    const { stdout } = await script('echo $FOO-$HOME-$OPENAI_API_KEY', { env: { FOO: 'bar', HOME: null } });
    expect(stdout).to.equal('bar--\n');
  });

  it('refuses what cannot be run, in the words that clients know', async () => {
    const words = 'command/exec tty or streaming requires a client-supplied processId';
    const cases: [object, number, RegExp | string][] = [
      [{ command: [] }, -32600, 'command must not be empty'],
      [{ command: ['no-such-binary'] }, -32603, /could not be started: there is no program 'no-such-binary'/],
      [{ command: [''] }, -32603, /could not be started/],
      [{ command: ['true'], cwd: '/no/such/folder' }, -32603, /could not be started: there is no folder/],
      [{ command: ['tr\0ue'] }, -32603, /./],
      [{ command: ['true'], cwd: '/a\0b' }, -32603, /./],
      [{ command: ['true'], streamStdoutStderr: true }, -32600, words],
      [{ command: ['true'], streamStdin: true }, -32600, words],
      [{ command: ['true'], tty: true }, -32600, words],
      [{ command: ['true'], permissionProfile: 'p' }, -32600, 'invalid permission profile: none is configured'],
      [
        { command: ['true'], permissionProfile: 'p', sandboxPolicy: { type: 'dangerFullAccess' } },
        -32600,
        '`permissionProfile` cannot be combined with `sandboxPolicy`',
      ],
      [{ command: ['true'], timeoutMs: -1 }, -32602, 'command/exec timeoutMs must be non-negative, got -1'],
    ];
    for (const [params, code, message] of cases) {
      const [foundCode, found] = await errorOf('command/exec', params);
      expect(foundCode, JSON.stringify(params)).to.equal(code);
      if (typeof message === 'string') expect(found).to.equal(message);
      else expect(found).to.match(message);
    }
  });

  it('ends what takes too long, with all that it has started', async () => {
    const text = 'sleep 60 & echo $!; (setsid sleep 60 & echo $!); trap "" TERM; sleep 60';
    const result = await script(text, { timeoutMs: 300 });
    expect(result).to.deep.include({ exitCode: 124, stderr: '' });
    const pids = result.stdout.trim().split('\n').map(Number);
    expect(pids.length).to.equal(2);
    expect(await waitForEnds(pids)).to.deep.equal([]);
  });

  it('shows so many bytes of each stream and no more', async () => {
    const { stdout } = await script('seq 1 100000', { outputBytesCap: 50 });
    expect(stdout).to.equal('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20');
    const big = 'head -c 3000000 /dev/zero | tr "\\0" x; echo err >&2';
    expect((await script(big)).stdout.length).to.equal(1024 * 1024);
    expect((await script(big, { disableOutputCap: true })).stdout.length).to.equal(3_000_000);
    expect(await script(big, { outputBytesCap: 0 })).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    await script('seq 1 100; echo err >&2', { processId: 's', streamStdoutStderr: true, outputBytesCap: 10 });
    expect(deltas('s').filter(({ stream }) => stream === 'stdout')).to.deep.equal([
      { processId: 's', stream: 'stdout', deltaBase64: toBase64('1\n2\n3\n4\n5\n'), capReached: true },
    ]);
    expect(outputOf('s', 'stderr')).to.equal('err\n');
  });

  it('streams output to who asked, before the reply, and to nobody else', async () => {
    const other = await rig.client();
    const result = await script('echo a; sleep 0.2; echo b; echo e >&2', { processId: 'p1', streamStdoutStderr: true });
    expect(result).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    expect([outputOf('p1'), outputOf('p1', 'stderr')]).to.deep.equal(['a\nb\n', 'e\n']);
    expect(deltas('p1').every(({ capReached }) => capReached === false)).to.equal(true);
    const last = client.received.at(-1);
    expect(last).to.have.property('result');
    expect(other.received.filter(({ method }) => method === 'command/exec/outputDelta')).to.deep.equal([]);
  });

  it('takes input until it is closed', async () => {
    const done = exec(['cat'], { processId: 'p2', streamStdin: true, streamStdoutStderr: true });
    // It may be written to before it has begun.
    expect(
      await client.call('command/exec/write', { processId: 'p2', deltaBase64: toBase64('hello\n') }),
    ).to.deep.equal({});
    await shows('p2', 'hello\n');
    await client.call('command/exec/write', { processId: 'p2', deltaBase64: toBase64('last'), closeStdin: true });
    expect(await errorOf('command/exec/write', { processId: 'p2', deltaBase64: '' })).to.deep.equal([
      -32600,
      'stdin is already closed',
    ]);
    expect(await done).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    expect(outputOf('p2')).to.equal('hello\nlast');
  });

  it('gives a terminal of the wanted size, which takes input and another size', async () => {
    const text = 'stty size; read x; echo got $x; stty size; echo $TERM';
    const done = script(text, { processId: 'p3', tty: true, size: { rows: 30, cols: 90 } });
    await shows('p3', '30 90\r\n');
    expect(await client.call('command/exec/resize', { processId: 'p3', size: { rows: 10, cols: 20 } })).to.deep.equal(
      {},
    );
    await client.call('command/exec/write', { processId: 'p3', deltaBase64: toBase64('line\n') });
    expect(await done).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' });
    expect(outputOf('p3')).to.match(/^30 90\r\nline\r\ngot line\r\n10 20\r\nxterm-256color\r\n$/);
  });

  it('ends a command that is terminated, and knows only those that run on this connection', async () => {
    const options = { processId: 'p4', streamStdoutStderr: true, disableTimeout: true };
    const done = exec(['sleep', '60'], options);
    const duplicate = await client.ask('command/exec', { command: ['true'], processId: 'p4' });
    expect(duplicate.error).to.deep.equal({
      code: -32600,
      message: 'duplicate active command/exec process id: "p4"',
      data: { reason: 'command_id_in_use' },
    });
    const other = await rig.client();
    expect((await other.ask('command/exec/terminate', { processId: 'p4' })).error!.message).to.equal(
      'no active command/exec for process id "p4"',
    );
    expect(await client.call('command/exec/terminate', { processId: 'p4' })).to.deep.equal({});
    expect(await done).to.deep.equal({ exitCode: 137, stdout: '', stderr: '' });
    for (const method of ['command/exec/terminate', 'command/exec/write', 'command/exec/resize']) {
      const params = { processId: 'p4', deltaBase64: 'eA==', size: { rows: 1, cols: 1 } };
      expect(await errorOf(method, params)).to.deep.equal([-32600, 'no active command/exec for process id "p4"']);
    }
    expect(await exec(['true'], { processId: 'p4' })).to.deep.include({ exitCode: 0 });
  });

  it('refuses input and sizes where there is none', async () => {
    const done = exec(['sleep', '60'], { processId: 'n' });
    expect(await errorOf('command/exec/write', { processId: 'n', deltaBase64: 'eA==' })).to.deep.equal([
      -32600,
      'stdin streaming is not enabled for this command/exec',
    ]);
    expect(await errorOf('command/exec/resize', { processId: 'n', size: { rows: 1, cols: 1 } })).to.deep.equal([
      -32600,
      'failed to resize PTY: process is not attached to a PTY',
    ]);
    await client.call('command/exec/terminate', { processId: 'n' });
    expect((await done).exitCode).to.equal(137);
  });

  it('ends what a client has started when its connection closes, also what was left behind', async () => {
    const file = join(rig.home.workspace, 'pids');
    await script(`(setsid sleep 60 & echo $! >> ${file})`);
    const command = `echo $$ >> ${file}; sleep 60 & echo $! >> ${file}; echo ready; wait`;
    const params = { command: ['sh', '-c', command], processId: 'x', streamStdoutStderr: true, disableTimeout: true };
    client.sendRaw(JSON.stringify({ id: 'x', method: 'command/exec', params }));
    await shows('x', 'ready');
    const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    expect(pids.length).to.equal(3);
    await client.close();
    expect(await waitForEnds(pids, 3_000)).to.deep.equal([]);
  });

  it('ends all commands when the daemon ends, and says so to who waits', async () => {
    const done = script('echo $$; sleep 60', { disableTimeout: true, processId: 'y', streamStdoutStderr: true });
    await shows('y', '\n');
    await rig.daemon.close();
    expect((await done).exitCode).to.equal(137);
    expect(await waitForEnds([Number(outputOf('y'))])).to.deep.equal([]);
  });

  it('leaves nothing behind when the daemon is killed and started again', async () => {
    const { home } = rig;
    const first = await startDaemonProcess({ home: home.path });
    const other = await CheckedClient.connect(first.url, { token: first.token });
    const command = ['sh', '-c', 'setsid sleep 60 & echo $! $$; wait'];
    const params = { command, processId: 'k', streamStdoutStderr: true, disableTimeout: true };
    other.sendRaw(JSON.stringify({ id: 'k', method: 'command/exec', params }));
    const { params: delta } = await other.notification('command/exec/outputDelta');
    const pids = Buffer.from(delta!.deltaBase64, 'base64').toString().trim().split(' ').map(Number);
    await first.kill('SIGKILL');
    expect(pids.map(isRunning)).to.deep.equal([true, true]);
    const second = await startDaemonProcess({ home: home.path });
    expect(pids.filter(isRunning)).to.deep.equal([]);
    await second.stop();
  });

  it('runs in the configured sandbox, or the one that the request names', async function () {
    requireProgram(this, 'bwrap');
    const write = 'echo hi > ./made; echo $?';
    const readOnly = { type: 'readOnly' };
    expect((await script(write)).stdout).to.equal('0\n');
    expect((await script(write, { sandboxPolicy: readOnly })).stderr).to.contain('Read-only file system');
    await rig.restart({ configOverrides: ['sandbox_mode="read-only"'] });
    client = await rig.client();
    expect((await script(write)).stderr).to.contain('Read-only file system');
    expect((await script(write, { sandboxPolicy: { type: 'dangerFullAccess' } })).stdout).to.equal('0\n');
    const secret = await script(`cat ${join(rig.home.path, 'rolloutd', 'token')}`);
    expect(secret).to.deep.include({ stdout: '' });
    expect(secret.exitCode).to.not.equal(0);
    expect((await script('sleep 60', { timeoutMs: 300 })).exitCode).to.equal(124);
  });
});
