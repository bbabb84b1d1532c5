import { expect } from 'chai';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { isRunning, waitForEnds } from '../support/process-states.js';

describe('thread/backgroundTerminals', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
  });
  afterEach(() => rig.close());

  const call = (method: string, more: object = {}): Promise<any> =>
    client.call(`thread/backgroundTerminals/${method}`, { threadId, ...more });
  const leaveRunning = async (cmd: string): Promise<any> => {
    const before = client.received.length;
    await client.runTurn(threadId, `call exec_command ${JSON.stringify({ cmd, yield_time_ms: 300 })}`);
    const started = client.received
      .slice(before)
      .find(({ method, params }) => method === 'item/started' && params!.item.type === 'commandExecution');
    return started!.params!.item;
  };

  it('lists what runs on after its turn, and what it takes', async () => {
    expect(await call('list')).to.deep.equal({ data: [], nextCursor: null });
    const item = await leaveRunning('echo bg; sleep 60; echo bgdone');
    const { data, nextCursor } = await call('list');
    expect(nextCursor).to.equal(null);
    const [{ osPid, cpuPercent, rssKb, ...rest }] = data;
    expect(data.length).to.equal(1);
    expect(rest).to.deep.equal({
      itemId: item.id,
      processId: item.processId,
      command: 'echo bg; sleep 60; echo bgdone',
      cwd: rig.home.workspace,
    });
    expect(isRunning(osPid)).to.equal(true);
    expect(cpuPercent).to.be.within(0, 100);
    // A shell and a sleep.
    expect(rssKb).to.be.within(1_000, 100_000);
  });

  it('lists a page at a time, oldest first', async () => {
    const first = await leaveRunning('sleep 60');
    const second = await leaveRunning('sleep 61');
    const third = await leaveRunning('sleep 62');
    const page = await call('list', { limit: 2 });
    expect(page.data.map(({ itemId }: any) => itemId)).to.deep.equal([first.id, second.id]);
    const rest = await call('list', { limit: 2, cursor: page.nextCursor });
    expect([rest.data.map(({ itemId }: any) => itemId), rest.nextCursor]).to.deep.equal([[third.id], null]);
    const { error } = await client.ask('thread/backgroundTerminals/list', { threadId, cursor: 'x' });
    expect(error).to.deep.include({ code: -32602, message: 'invalid cursor: x' });
  });

  it('ends the one that is named, with all that it has started, and says whether there was one', async () => {
    const item = await leaveRunning('trap "" TERM; sleep 60');
    const other = await leaveRunning('sleep 60');
    const [{ osPid }] = (await call('list')).data;
    const ended = client.notification('item/completed', (params) => params.item.id === item.id);
    expect(await call('terminate', { processId: item.processId })).to.deep.equal({ terminated: true });
    expect((await ended).params!.item).to.deep.include({ status: 'failed' });
    expect(await waitForEnds([osPid])).to.deep.equal([]);
    expect((await call('list')).data.map(({ itemId }: any) => itemId)).to.deep.equal([other.id]);
    expect(await call('terminate', { processId: item.processId })).to.deep.equal({ terminated: false });
    const { error } = await client.ask('thread/backgroundTerminals/terminate', { threadId, processId: 'abc' });
    expect(error!.code).to.equal(-32600);
    expect(error!.message).to.contain('invalid background terminal process id');
  });

  it('ends all of them, and not the command of a person', async () => {
    await leaveRunning('sleep 60');
    await leaveRunning('sleep 60');
    const pids = (await call('list')).data.map(({ osPid }: any) => osPid);
    await client.call('thread/shellCommand', { threadId, command: 'echo ready; read -t 60 < <(sleep 1); echo done' });
    await client.notification('item/commandExecution/outputDelta', ({ delta }) => delta.includes('ready'));
    expect((await call('list')).data.length).to.equal(2);
    const done = client.notification('item/completed', ({ item }) => item.source === 'userShell');
    expect(await call('clean')).to.deep.equal({});
    expect(await waitForEnds(pids)).to.deep.equal([]);
    expect(await call('list')).to.deep.equal({ data: [], nextCursor: null });
    expect((await done).params!.item).to.deep.include({ exitCode: 0, aggregatedOutput: 'ready\ndone\n' });
  });
});
