import { expect } from 'chai';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { isRunning, waitForEnds } from '../support/process-states.js';
import { itemsTold } from './tool-story.js';

describe('thread/shellCommand', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
  });
  afterEach(() => rig.close());

  const shell = (command: string, more: object = {}): Promise<any> =>
    client.call('thread/shellCommand', { threadId, command, ...more });
  const commandsOf = (method: 'item/started' | 'item/completed'): any[] =>
    itemsTold(client, threadId, method).filter(({ type }) => type === 'commandExecution');
  const nextTurnEnd = (): Promise<any> =>
    client.next(({ method }) => method === 'turn/completed').then(({ params }) => params!.turn);
  /** What the model was told of commands, in its last request. */
  const toldToModel = (): string[] =>
    rig.model.requests
      .at(-1)!
      .input.flatMap(({ content }) => (Array.isArray(content) ? content : []) as { text?: string }[])
      .flatMap(({ text = '' }) => (text.startsWith('<user_shell_command>') ? [text] : []));

  it('runs in a turn of its own, without the model', async () => {
    const ended = nextTurnEnd();
    const before = client.received.length;
    expect(await shell('echo from user shell; exit 1')).to.deep.equal({});
    const turn = await ended;
    expect(turn).to.deep.include({ status: 'completed', items: [], itemsView: 'notLoaded', error: null });
    const methods = client.received.slice(before).map(({ method }) => method);
    expect(methods).to.deep.equal([
      undefined,
      'thread/status/changed',
      'turn/started',
      'item/started',
      'item/commandExecution/outputDelta',
      'item/completed',
      'thread/status/changed',
      'turn/completed',
    ]);
    const [started] = commandsOf('item/started');
    const [completed] = commandsOf('item/completed');
    const same = {
      type: 'commandExecution',
      pluginId: null,
      scriptPath: null,
      command: `/bin/bash -lc 'echo from user shell; exit 1'`,
      cwd: rig.home.workspace,
      processId: null,
      source: 'userShell',
      commandActions: [{ type: 'unknown', command: 'echo from user shell; exit 1' }],
    };
    const { id, startedAtMs } = started;
    expect(started).to.deep.equal({
      ...{ ...same, id, startedAtMs },
      ...{ status: 'inProgress', aggregatedOutput: null, exitCode: null, durationMs: null, completedAtMs: null },
    });
    const { durationMs, completedAtMs } = completed;
    expect(completed).to.deep.equal({
      ...{ ...same, id, startedAtMs, durationMs, completedAtMs },
      ...{ status: 'failed', aggregatedOutput: 'from user shell\n', exitCode: 1 },
    });
    expect(rig.model.requests).to.deep.equal([]);
  });

  it('is told to the model with its output, and is in the history after a restart', async () => {
    const ended = nextTurnEnd();
    await shell('echo one; exit 3');
    const turn = await ended;
    const [completed] = commandsOf('item/completed');
    await rig.restart();
    client = await rig.client();
    const { thread } = await client.call('thread/resume', { threadId });
    expect(thread.turns.map(({ id }: any) => id)).to.deep.equal([turn.id]);
    expect(thread.turns[0]).to.deep.include({ status: 'completed', items: [completed] });
    await client.runTurn(threadId, 'hello');
    expect(toldToModel().map((text) => text.replace(/Duration: [\d.]+/, 'Duration: N'))).to.deep.equal([
      '<user_shell_command>\n<command>\necho one; exit 3\n</command>\n<result>\nExit code: 3\nDuration: N seconds\nOutput:\none\n\n</result>\n</user_shell_command>',
    ]);
    const items = readLines(rig.rolloutFiles()[0]!).filter(({ type }) => type === 'response_item');
    const kinds = items.map(({ payload }) => payload.internal_chat_message_metadata_passthrough?.content_item_kinds);
    expect(kinds).to.deep.include(['shell.user_command']);
  });

  it('runs in the turn that runs, whose model is asked again afterwards', async () => {
    const { turnId, done } = await client.startTurn(threadId, 'deltas 20 8 40');
    await client.notification('item/agentMessage/delta');
    const ended = client.notification('item/completed', ({ item }) => item.type === 'commandExecution');
    await shell('echo mid-turn');
    expect((await ended).params!).to.deep.include({ turnId });
    expect((await done).status).to.equal('completed');
    expect(rig.model.requests.length).to.equal(2);
    // Behind what the model was saying meanwhile, which is whole.
    const types = rig.model.requests[1]!.input.slice(-2).map(({ role }) => role);
    expect(types).to.deep.equal(['assistant', 'user']);
    expect(toldToModel()[0]).to.contain('\nmid-turn\n');
    expect(client.notificationsOf(threadId).filter(({ method }) => method === 'turn/started').length).to.equal(1);
  });

  it('does not come between a call of the model and its output', async () => {
    const call = `call exec_command ${JSON.stringify({ cmd: 'echo ready; sleep 1; echo tool' })}`;
    const { done } = await client.startTurn(threadId, call);
    await client.notification('item/commandExecution/outputDelta', ({ delta }) => delta.includes('ready'));
    const ended = client.notification('item/completed', ({ item }) => item.source === 'userShell');
    await shell('echo beside');
    await ended;
    // The call still runs.
    expect(commandsOf('item/completed')).to.have.lengthOf(1);
    expect((await done).status).to.equal('completed');
    const types = rig.model.requests[1]!.input.slice(-3).map(({ type, role }) => role ?? type);
    expect(types).to.deep.equal(['function_call', 'function_call_output', 'user']);
    expect(toldToModel()[0]).to.contain('\nbeside\n');
  });

  it('keeps its turn open, which goes on when it ends', async () => {
    const { done } = await client.startTurn(threadId, 'deltas 10 8 40');
    await client.notification('item/agentMessage/delta');
    await shell('sleep 1.5; echo late');
    expect((await done).status).to.equal('completed');
    const [completed] = commandsOf('item/completed');
    expect(completed).to.deep.include({ status: 'completed', exitCode: 0 });
    expect(rig.model.requests.length).to.equal(2);
  });

  it('has the model asked at once when somebody speaks meanwhile, and again with the result', async () => {
    const ended = nextTurnEnd();
    await shell('read -t 60 < <(sleep 0.5); echo done');
    const { turnId } = await client.startTurn(threadId, 'hello');
    const turn = await ended;
    expect(turn).to.deep.include({ id: turnId, status: 'completed' });
    expect(rig.model.requests.length).to.equal(2);
    expect(toldToModel().length).to.equal(1);
  });

  it('stops with its turn, with all that it has started', async () => {
    const ended = nextTurnEnd();
    await shell('sleep 60 & echo $!; (setsid nohup sleep 60 >/dev/null & echo $!); trap "" TERM; wait');
    const deltas = (): string =>
      client
        .notificationsOf(threadId)
        .filter(({ method }) => method === 'item/commandExecution/outputDelta')
        .map(({ params }) => params!.delta as string)
        .join('');
    await client.notification('item/commandExecution/outputDelta', () => deltas().split('\n').length > 2);
    const pids = deltas().trim().split('\n').map(Number);
    expect(pids.map(isRunning)).to.deep.equal([true, true]);
    await client.call('turn/interrupt', { threadId, turnId: '' });
    expect((await ended).status).to.equal('interrupted');
    expect(commandsOf('item/completed')).to.have.lengthOf(1);
    expect(commandsOf('item/completed')[0]).to.deep.include({ status: 'failed', exitCode: null });
    expect(await waitForEnds(pids)).to.deep.equal([]);
    await client.runTurn(threadId, 'hello');
    expect(toldToModel()).to.have.lengthOf(1);
    expect(toldToModel()[0]).to.contain('Exit code: -1\n').and.contain('stopped by the user');
    expect(commandsOf('item/completed')).to.have.lengthOf(1);
  });

  it('never begins when it is stopped before, and leaves nothing when it is stopped at any moment', async () => {
    const made = join(rig.home.workspace, 'made');
    for (let round = 0; round < 8; round += 1) {
      const ended = nextTurnEnd();
      const started = client.next(({ method }) => method === 'item/started');
      const ask = (method: string, more: object): Promise<unknown> => client.ask(method, { threadId, ...more });
      const replies = [ask('thread/shellCommand', { command: `sleep 0.4; touch ${made}` })];
      // Right behind it, then a little later each time: while it is recorded, started, run.
      if (round > 0) await started;
      for (let turns = 0; turns < round * 4; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      replies.push(ask('turn/interrupt', { turnId: '' }));
      expect((await ended).status).to.equal('interrupted');
      await Promise.all(replies);
    }
    expect(commandsOf('item/completed').map(({ status }) => status)).to.deep.equal(Array<string>(8).fill('failed'));
    const last = nextTurnEnd();
    await shell('sleep 0.6');
    expect((await last).status).to.equal('completed');
    expect(commandsOf('item/completed').at(-1)).to.deep.include({ status: 'completed', exitCode: 0 });
    expect(existsSync(made)).to.equal(false);
  });

  it('is not taken for part of what is just being stopped', async () => {
    const ended = nextTurnEnd();
    await shell('trap "" TERM; echo stubborn; while true; do sleep 0.05; done');
    await client.notification('item/commandExecution/outputDelta');
    await client.call('turn/interrupt', { threadId, turnId: '' });
    await ended;
    const next = nextTurnEnd();
    await shell('sleep 0.8; echo alive');
    await next;
    const after = { status: 'completed', exitCode: 0, aggregatedOutput: 'alive\n' };
    expect(commandsOf('item/completed').at(-1)).to.deep.include(after);
    await client.runTurn(threadId, `call exec_command ${JSON.stringify({ cmd: 'echo model' })}`);
    expect(commandsOf('item/completed').at(-1)).to.deep.include({ exitCode: 0, aggregatedOutput: 'model\n' });
  });

  it('is shown to whoever joins while it runs, with what it has said so far', async () => {
    const ended = nextTurnEnd();
    await shell('echo so far; read -t 60 < <(sleep 1); echo more');
    await client.notification('item/commandExecution/outputDelta');
    const other = await rig.client();
    const { thread } = await other.call('thread/resume', { threadId });
    const running = { source: 'userShell', status: 'inProgress', aggregatedOutput: 'so far\n' };
    expect(thread.turns).to.have.lengthOf(1);
    expect(thread.turns[0]).to.deep.include({ status: 'inProgress' });
    const started = await other.notification('item/started');
    expect(started.params!.item).to.deep.include(running);
    const delta = await other.notification('item/commandExecution/outputDelta');
    expect(delta.params!.delta).to.equal('more\n');
    await ended;
  });

  it('is read back from a thread of the legacy mode', async () => {
    const { thread } = await client.call('thread/start', { cwd: rig.home.workspace, historyMode: 'legacy' });
    threadId = thread.id;
    const ended = nextTurnEnd();
    await shell('echo old; exit 2');
    await ended;
    const read = await client.call('thread/read', { threadId, includeTurns: true });
    expect(read.thread.turns[0].items[0]).to.deep.include({
      ...{ type: 'commandExecution', source: 'userShell', status: 'failed', exitCode: 2, aggregatedOutput: 'old\n' },
    });
  });

  it('ends after its time', async () => {
    const ended = nextTurnEnd();
    await shell('echo a; sleep 60', { timeoutMs: 500 });
    expect((await ended).status).to.equal('completed');
    expect(commandsOf('item/completed')[0]).to.deep.include({
      ...{ status: 'failed', exitCode: 124, aggregatedOutput: 'a\n' },
    });
  });

  it('runs outside of the sandbox of its thread', async () => {
    const { thread } = await client.call('thread/start', { cwd: rig.home.workspace, sandbox: 'read-only' });
    threadId = thread.id;
    const ended = nextTurnEnd();
    await shell('echo hi > made && pwd');
    await ended;
    expect(commandsOf('item/completed')[0]).to.deep.include({
      ...{ exitCode: 0, aggregatedOutput: `${realpathSync(rig.home.workspace)}\n` },
    });
  });

  it('goes on when the model fails, and its end is told of the turn it was in', async () => {
    const { turnId, done } = await client.startTurn(threadId, 'deltas 10 8 40');
    await client.notification('item/agentMessage/delta');
    const ended = client.notification('item/completed', ({ item }) => item.type === 'commandExecution');
    await shell('sleep 1.5; echo late');
    await client.call('turn/steer', { threadId, expectedTurnId: turnId, input: [{ type: 'text', text: 'fail 400' }] });
    expect((await done).status).to.equal('failed');
    const { params } = await ended;
    expect(params).to.deep.include({ turnId });
    expect(params!.item).to.deep.include({ status: 'completed', exitCode: 0, aggregatedOutput: 'late\n' });
    await client.runTurn(threadId, 'hello');
    expect(toldToModel()).to.have.lengthOf(1);
  });

  it('is refused without a command, without a thread, with a time that cannot be', async () => {
    const refusals = await Promise.all([
      client.ask('thread/shellCommand', { threadId, command: '  ' }),
      client.ask('thread/shellCommand', { threadId, command: 'true', timeoutMs: -1 }),
      client.ask('thread/shellCommand', { threadId: '01a206f9-d34e-70a2-bf18-27046f537a1a', command: 'true' }),
    ]);
    expect(refusals.map(({ error }) => [error!.code, error!.message])).to.deep.equal([
      [-32600, 'command must not be empty'],
      [-32602, 'thread/shellCommand timeoutMs must be non-negative, got -1'],
      [-32600, 'thread not found: 01a206f9-d34e-70a2-bf18-27046f537a1a'],
    ]);
  });
});
