import { expect } from 'chai';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { questions } from './asking.js';
import { itemsTold } from './tool-story.js';
import { WorkerWatch } from './worker-watch.js';

/** What the scripted model is told to call. */
const call = (tool: string, args: object): string => `call ${tool} ${JSON.stringify(args)}`;

describe('a command of the model', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  const itemsOf = (threadId: string, method: 'item/started' | 'item/completed', type: string): any[] =>
    itemsTold(client, threadId, method).filter((item) => item.type === type);
  const lastOutput = (): string => {
    const outputs = rig.model.requests.at(-1)!.input.filter(({ type }) => String(type).endsWith('call_output'));
    return String(outputs.at(-1)!['output']);
  };

  it('runs, is shown while it runs and when it has ended, and its output goes to the model', async () => {
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    const turn = await client.runTurn(threadId, call('exec_command', { cmd: 'echo one; echo two >&2; exit 3' }));
    expect(turn.status).to.equal('completed');
    const [started] = itemsOf(threadId, 'item/started', 'commandExecution');
    const [completed] = itemsOf(threadId, 'item/completed', 'commandExecution');
    expect(started).to.deep.include({
      command: `/bin/bash -lc 'echo one; echo two >&2; exit 3'`,
      cwd: rig.home.workspace,
      source: 'unifiedExecStartup',
      status: 'inProgress',
      exitCode: null,
    });
    expect(completed).to.deep.include({ id: started.id, status: 'failed', exitCode: 3, source: 'unifiedExecStartup' });
    expect(completed.aggregatedOutput).to.match(/^(one\ntwo|two\none)\n$/);
    expect(lastOutput()).to.match(/Process exited with code 3\n.*\nOutput:\n(one\ntwo|two\none)\n$/s);
    const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
    const read = thread.turns[0].items.find(({ type }: { type: string }) => type === 'commandExecution');
    expect({ ...read, startedAtMs: 0, completedAtMs: 0 }).to.deep.equal({
      ...completed,
      startedAtMs: 0,
      completedAtMs: 0,
    });
  });

  it('goes on in the background when it takes long, is written to, and ends', async () => {
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    const cmd = 'echo ready; read answer; echo got $answer';
    await client.runTurn(threadId, call('exec_command', { cmd, tty: true, yield_time_ms: 1500 }));
    const [started] = itemsOf(threadId, 'item/started', 'commandExecution');
    expect(lastOutput()).to.contain(`Process running with session ID ${started.processId}`).and.contain('ready');
    expect(itemsOf(threadId, 'item/completed', 'commandExecution')).to.deep.equal([]);
    const ended = client.notification('item/completed', ({ item }) => item.type === 'commandExecution');
    const write = { session_id: Number(started.processId), chars: 'yes\n', yield_time_ms: 5000 };
    await client.runTurn(threadId, call('write_stdin', write));
    expect((await ended).params!.item).to.deep.include({ id: started.id, status: 'completed', exitCode: 0 });
    expect(lastOutput()).to.contain('got yes').and.contain('Process exited with code 0');
  });

  it('is asked for when it wants to leave the sandbox, and runs when somebody accepts', async () => {
    const threadId = await client.startThread({
      cwd: rig.home.workspace,
      approvalPolicy: 'on-request',
      sandbox: 'read-only',
    });
    const file = join(rig.home.workspace, 'made.txt');
    const args = {
      cmd: `echo y > ${file}`,
      sandbox_permissions: 'require_escalated',
      justification: 'to write a file',
    };
    const { done } = await client.startTurn(threadId, call('exec_command', args));
    const [request] = await questions(client, threadId, 1);
    expect(existsSync(file)).to.equal(false);
    expect(request!.params).to.deep.include({ reason: 'to write a file', cwd: rig.home.workspace, threadId });
    client.socket.send(JSON.stringify({ id: request!.id, result: { decision: 'accept' } }));
    expect((await done).status).to.equal('completed');
    expect(readFileSync(file, 'utf8')).to.equal('y\n');
    const [completed] = itemsOf(threadId, 'item/completed', 'commandExecution');
    expect(completed).to.deep.include({ status: 'completed', exitCode: 0, source: 'unifiedExecStartup' });
  });

  for (const decision of ['decline', 'cancel']) {
    it(`does not run when somebody answers ${decision}`, async () => {
      const threadId = await client.startThread({
        cwd: rig.home.workspace,
        approvalPolicy: 'untrusted',
        sandbox: 'danger-full-access',
      });
      const file = join(rig.home.workspace, 'made.txt');
      const { done } = await client.startTurn(threadId, call('exec_command', { cmd: `echo y > ${file}` }));
      const [request] = await questions(client, threadId, 1);
      client.socket.send(JSON.stringify({ id: request!.id, result: { decision } }));
      expect((await done).status).to.equal(decision === 'decline' ? 'completed' : 'interrupted');
      expect(existsSync(file)).to.equal(false);
      const [completed] = itemsOf(threadId, 'item/completed', 'commandExecution');
      expect(completed).to.deep.include({ status: 'declined', exitCode: null });
    });
  }

  it('that is not allowed to write fails inside of its sandbox', async () => {
    const threadId = await client.startThread({
      cwd: rig.home.workspace,
      approvalPolicy: 'never',
      sandbox: 'read-only',
    });
    const file = join(rig.home.workspace, 'made.txt');
    await client.runTurn(threadId, call('exec_command', { cmd: `echo y > ${file}` }));
    expect(existsSync(file)).to.equal(false);
    expect(lastOutput()).to.contain('Read-only file system');
  });

  it('ends at once when its turn is interrupted, with all that it has started', async () => {
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    const pids = join(rig.home.workspace, 'pids');
    const cmd = `(setsid sleep 300 & echo $! >> ${pids}); nohup sleep 300 & echo $! >> ${pids}; trap "" TERM; echo ready; sleep 300`;
    const { turnId } = await client.startTurn(threadId, call('exec_command', { cmd, yield_time_ms: 30_000 }));
    await client.notification('item/commandExecution/outputDelta', ({ delta }) => delta.includes('ready'));
    const ended = client.notification('turn/completed', ({ turn }) => turn.id === turnId);
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await ended).params!.turn.status).to.equal('interrupted');
    const [completed] = itemsOf(threadId, 'item/completed', 'commandExecution');
    expect(completed).to.deep.include({ status: 'failed', exitCode: null, aggregatedOutput: 'ready\n' });
    const since = performance.now();
    const isThere = (pid: string): boolean => {
      try {
        // One that is dead and not yet fetched by its parent does nothing any more.
        return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    };
    while (readFileSync(pids, 'utf8').trim().split('\n').some(isThere) && performance.now() - since < 2000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(readFileSync(pids, 'utf8').trim().split('\n').filter(isThere)).to.deep.equal([]);
  });

  it('leaves no descriptor behind that its worker would close for somebody else', async () => {
    const watch = new WorkerWatch();
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    for (let round = 0; round < 3; round += 1)
      await client.runTurn(threadId, call('exec_command', { cmd: 'echo one' }));
    // These get the numbers that are free now.
    const file = join(rig.home.workspace, 'mine');
    writeFileSync(file, '');
    const descriptors = Array.from({ length: 64 }, () => openSync(file, 'r'));
    await watch.kill(rig.daemon.threads().sessions[threadId]!);
    await client.runTurn(threadId, 'hello');
    for (const descriptor of descriptors) {
      expect(fstatSync(descriptor).isFile()).to.equal(true);
      closeSync(descriptor);
    }
    watch.stop();
  });

  it('may be a patch, which changes all its files or none', async () => {
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    writeFileSync(join(rig.home.workspace, 'a.txt'), 'one\ntwo\n');
    const patch = [
      '*** Begin Patch',
      '*** Update File: a.txt',
      '@@',
      '-two',
      '+three',
      '*** Add File: b.txt',
      '+new',
      '*** End Patch',
    ];
    await client.runTurn(threadId, call('apply_patch', { input: patch.join('\n') }));
    expect(readFileSync(join(rig.home.workspace, 'a.txt'), 'utf8')).to.equal('one\nthree\n');
    expect(readFileSync(join(rig.home.workspace, 'b.txt'), 'utf8')).to.equal('new\n');
    const [completed] = itemsOf(threadId, 'item/completed', 'fileChange');
    expect(completed.status).to.equal('completed');
    expect(completed.changes.map(({ kind }: any) => kind.type)).to.deep.equal(['update', 'add']);
    const diff = client.notificationsOf(threadId).filter(({ method }) => method === 'turn/diff/updated');
    expect(diff.length).to.equal(1);
    await client.runTurn(threadId, call('apply_patch', { input: patch.join('\n') }));
    expect(itemsOf(threadId, 'item/completed', 'fileChange').length).to.equal(1);
    expect(itemsOf(threadId, 'item/completed', 'dynamicToolCall').at(-1)).to.deep.include({
      tool: 'apply_patch',
      status: 'failed',
    });
  });
});
