import { expect } from 'chai';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRig } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { checkStory, doAll, itemsTold, outputsOf, processesLeft, scriptRounds } from './tool-story.js';
import type { Round, ToolCall } from './tool-story.js';

function exec(id: string, cmd: string, more: object = {}): ToolCall {
  return { id, name: 'exec_command', args: { cmd, login: false, yield_time_ms: 20_000, ...more } };
}

describe('calls of tools', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  let cwd: string;
  let count = 0;
  before(async () => {
    rig = await DaemonRig.start();
    scriptRounds(rig.model);
    mkdirSync(join(rig.home.path, 'rules'));
    writeFileSync(
      join(rig.home.path, 'rules', 'default.rules'),
      'prefix_rule(pattern=["forbidden-thing"], decision="forbidden")\n',
    );
  });
  after(() => rig.close());
  beforeEach(async () => {
    cwd = join(rig.home.workspace, String((count += 1)));
    mkdirSync(cwd);
    client = await rig.client();
    threadId = await client.startThread({ cwd });
  });

  const fileOf = (id: string): string => rig.rolloutFiles().find((name) => name.includes(id))!;
  const outputs = (): Record<string, string> => outputsOf(rig.model.requests.at(-1)!);
  const run = (...rounds: Round[]) => client.runTurn(threadId, doAll(rounds));

  it('each have an item that begins and ends, and an output, also when they come to nothing', async () => {
    const hidden = { cmd: 'forbidden-thing --now', login: false };
    const turn = await run([
      { id: 'unknown', name: 'no_such_tool', args: { a: 1 } },
      { id: 'no-json', name: 'exec_command', args: '{"cmd": "ec' },
      { id: 'no-object', name: 'exec_command', args: '[1]' },
      { id: 'wrong-kind', name: 'exec_command', args: { cmd: 7 } },
      { id: 'empty', name: 'exec_command', args: { cmd: '' } },
      { id: 'forbidden', name: 'exec_command', args: hidden },
      exec('no-folder', 'true', { workdir: '/no/such/folder' }),
      exec('no-shell', 'true', { shell: '/no/such/shell' }),
      exec('fails', 'exit 7'),
      exec('not-found', 'no-such-program-at-all'),
      { id: 'no-session', name: 'write_stdin', args: { session_id: 1, chars: 'x' } },
      { id: 'no-patch', name: 'apply_patch', input: 'what' },
      { id: 'no-fit', name: 'apply_patch', input: '*** Begin Patch\n*** Delete File: none\n*** End Patch' },
      { id: 'old', name: 'shell', args: { command: ['false'] } },
      { id: 'old-empty', name: 'shell', args: { command: [] } },
      { id: 'no-image', name: 'view_image', args: { path: 'none.png' } },
    ]);
    expect(turn.status).to.equal('completed');
    const starts = itemsTold(client, threadId, 'item/started').filter(({ type }) => !type.endsWith('Message'));
    const ends = itemsTold(client, threadId, 'item/completed').filter(({ type }) => !type.endsWith('Message'));
    expect(new Set(starts.map(({ status }) => status))).to.deep.equal(new Set(['inProgress']));
    expect(Object.fromEntries(ends.map(({ id, type, status }) => [id, `${type} ${status}`]))).to.deep.equal({
      unknown: 'dynamicToolCall failed',
      'no-json': 'dynamicToolCall failed',
      'no-object': 'dynamicToolCall failed',
      'wrong-kind': 'dynamicToolCall failed',
      empty: 'dynamicToolCall failed',
      forbidden: 'commandExecution declined',
      'no-folder': 'commandExecution failed',
      'no-shell': 'commandExecution failed',
      fails: 'commandExecution failed',
      'not-found': 'commandExecution failed',
      'no-session': 'dynamicToolCall failed',
      'no-patch': 'dynamicToolCall failed',
      'no-fit': 'dynamicToolCall failed',
      old: 'commandExecution failed',
      'old-empty': 'dynamicToolCall failed',
      'no-image': 'dynamicToolCall failed',
    });
    const told = outputs();
    expect(told['unknown']).to.equal('unsupported call: no_such_tool');
    expect(told['no-folder']).to.contain('/no/such/folder');
    expect(told['fails']).to.contain('code 7');
    expect(told['not-found']).to.contain('code 127');
    expect(told['no-fit']).to.contain('none');
    await checkStory(client, threadId, fileOf(threadId));
  });

  it('of one answer run side by side where their tools allow it, and alone where not', async () => {
    const meet = (mine: string, other: string): string =>
      `touch ${mine}; until [ -e ${other} ]; do sleep 0.02; done; echo met`;
    await run(
      [exec('one', meet('a', 'b')), exec('two', meet('b', 'a'))],
      [
        exec('before', 'sleep 0.3; [ -e p ] || echo absent'),
        { id: 'patch', name: 'apply_patch', input: '*** Begin Patch\n*** Add File: p\n+x\n*** End Patch' },
        exec('after', '[ -e p ] && echo present'),
      ],
    );
    const told = outputs();
    expect(told['one']).to.contain('met');
    expect(told['two']).to.contain('met');
    expect(told['before']).to.contain('absent');
    expect(told['after']).to.contain('present');
    await checkStory(client, threadId, fileOf(threadId));
  });

  it('go on while the user says more, which the model gets with the outputs', async () => {
    const { turnId, done } = await client.startTurn(
      threadId,
      doAll([[exec('slow', 'echo on; until [ -e go ]; do sleep 0.02; done; cat go')]]),
    );
    await client.notification('item/commandExecution/outputDelta', ({ itemId }) => itemId === 'slow');
    const input = [{ type: 'text', text: 'and hurry' }];
    expect(await client.call('turn/steer', { threadId, expectedTurnId: turnId, input })).to.deep.equal({ turnId });
    expect(itemsTold(client, threadId, 'item/completed').map(({ type }) => type)).to.deep.equal([
      'userMessage',
      'userMessage',
    ]);
    writeFileSync(join(cwd, 'go'), 'ended well\n');
    expect((await done).status).to.equal('completed');
    const { input: asked } = rig.model.requests.at(-1)!;
    const kinds = asked.slice(-3).map(({ type, role }) => role ?? type);
    expect(kinds.toSorted()).to.deep.equal(['function_call', 'function_call_output', 'user']);
    await checkStory(client, threadId, fileOf(threadId));
  }).timeout(20_000);

  it('are shown to who joins in the middle, with their output so far', async () => {
    const cmd = 'echo first; until [ -e go ]; do sleep 0.02; done; echo second';
    const { done } = await client.startTurn(threadId, doAll([[exec('slow', cmd)]]));
    await client.notification('item/commandExecution/outputDelta', ({ itemId }) => itemId === 'slow');
    const late = await rig.client();
    await late.call('thread/resume', { threadId });
    const told = await late.notification('item/started', ({ item }) => item.id === 'slow');
    expect(told.params!.item).to.deep.include({ status: 'inProgress', aggregatedOutput: 'first\n' });
    writeFileSync(join(cwd, 'go'), '');
    const end = await late.notification('item/completed', ({ item }) => item.id === 'slow');
    expect(end.params!.item).to.deep.include({ status: 'completed', aggregatedOutput: 'first\nsecond\n' });
    const deltas = late
      .notificationsOf(threadId)
      .filter(({ method }) => method === 'item/commandExecution/outputDelta');
    expect(deltas.map(({ params }) => params!.delta).join('')).to.equal('second\n');
    await done;
    await checkStory(client, threadId, fileOf(threadId));
  });

  it('are shown to who joins while they are asked for, before the question', async () => {
    threadId = await client.startThread({ cwd, approvalPolicy: 'untrusted' });
    const input = '*** Begin Patch\n*** Add File: p\n+x\n*** End Patch';
    const asked = client.next(({ method }) => method === 'item/fileChange/requestApproval');
    const { done } = await client.startTurn(threadId, doAll([[{ id: 'patch', name: 'apply_patch', input }]]));
    await asked;
    const late = await rig.client();
    const question = late.next(({ method }) => method === 'item/fileChange/requestApproval');
    await late.call('thread/resume', { threadId });
    late.answer((await question).id, { result: { decision: 'accept' } });
    expect((await done).status).to.equal('completed');
    const told = late.notificationsOf(threadId).filter(({ params }) => (params!['item'] ?? params!)['id'] === 'patch');
    expect(told[0]!.params!['item']).to.deep.include({ type: 'fileChange', status: 'inProgress' });
    expect(told[0]!.params!['item'].changes.map(({ path }: { path: string }) => path)).to.deep.equal([join(cwd, 'p')]);
    await checkStory(client, threadId, fileOf(threadId));
  });

  it('go into a fork of their running turn as failed, with what they wrote', async () => {
    const cmd = 'echo first; until [ -e go ]; do sleep 0.02; done';
    const { done } = await client.startTurn(threadId, doAll([[exec('slow', cmd)]]));
    await client.notification('item/commandExecution/outputDelta', ({ itemId }) => itemId === 'slow');
    const { thread } = await client.call('thread/fork', { threadId });
    const shown = thread.turns[0].items.find(({ id }: { id: string }) => id === 'slow');
    expect(shown).to.deep.include({ type: 'commandExecution', status: 'failed', aggregatedOutput: 'first\n' });
    writeFileSync(join(cwd, 'go'), '');
    expect((await done).status).to.equal('completed');
  });

  it('with ids that the model has used before get items of their own', async () => {
    await run([exec('same', 'echo 1')]);
    await client.runTurn(threadId, doAll([[exec('same', 'echo 2')]]));
    const ids = itemsTold(client, threadId, 'item/completed').filter(({ type }) => type === 'commandExecution');
    expect(ids.map(({ aggregatedOutput }) => aggregatedOutput)).to.deep.equal(['1\n', '2\n']);
  });

  it('that left a command behind are ended by the next interrupt, and told before its turn', async () => {
    await client.runTurn(threadId, doAll([[exec('left', 'sleep 300', { yield_time_ms: 250 })]]));
    const { turnId, done } = await client.startTurn(threadId, 'hang');
    await client.notification('item/agentMessage/delta', (params) => params.turnId === turnId);
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await done).status).to.equal('interrupted');
    await checkStory(client, threadId, fileOf(threadId), { mayOutlive: true });
    expect(await processesLeft(threadId)).to.deep.equal([]);
    // What is started at once must not be taken for what is ended.
    await client.runTurn(threadId, doAll([[exec('next', 'sleep 0.5; echo well')]]));
    expect(outputs()['next']).to.contain('code 0').and.contain('well');
  });

  it('for a command that prints without end keep head and tail', async () => {
    await run([exec('big', `head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end`)]);
    const end = itemsTold(client, threadId, 'item/completed').find(({ id }) => id === 'big');
    expect(end.aggregatedOutput.length).to.be.lessThan(3_000_000);
    expect(end.aggregatedOutput)
      .to.match(/^xxx/)
      .and.match(/end\n$/);
    await checkStory(client, threadId, fileOf(threadId));
  });
});
