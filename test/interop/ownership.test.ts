import { expect } from 'chai';
import { JointHome } from './joint-home.js';
import { expectGrowth, readRollout } from './rollout-growth.js';
import { useJointHome } from './use-joint-home.js';

const INVALID_REQUEST = -32600;

/** How a daemon refuses what the process `pid` has. */
const refusal = (threadId: string, pid: number, command: string) => ({
  code: INVALID_REQUEST,
  message: `thread ${threadId} already has an active writer (${command}, pid ${pid})`,
  data: { reason: 'already_has_writer', holderPid: pid, holderCommand: command, readOnlyPossible: true },
});

describe('the owner of a conversation on a home with several servers', () => {
  const { home, binary } = useJointHome();

  it('is our daemon while it has it loaded: the peer may neither resume nor archive it', async () => {
    const ours = await home().startOurs();
    const peer = await home().startPeer(binary());
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    const refused = {
      code: INVALID_REQUEST,
      message: `thread ${id} already has an active writer`,
      data: undefined,
    };
    expect(await peer.client.refusal('thread/resume', { threadId: id })).to.deep.equal(refused);
    expect(await peer.client.refusal('thread/archive', { threadId: id })).to.deep.equal(refused);
    await ours.client.runTurn(id, 'two, ours');
    expectGrowth([readRollout(home().path, id)]);
  });

  it('is the peer while it has it loaded: ours is refused with its pid, and may read', async () => {
    const ours = await home().startOurs();
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    await peer.client.runTurn(id, 'one, theirs');
    expect(await ours.client.refusal('thread/resume', { threadId: id })).to.deep.equal(refusal(id, peer.pid, 'codex'));
    expect(await ours.client.readTurns(id)).to.deep.equal([
      { status: 'completed', said: ['user: one, theirs', 'agent: echo: one, theirs'] },
    ]);
    await peer.kill();
    await ours.client.resume(id);
    await ours.client.runTurn(id, 'two, ours');
  });

  it('stays our daemon when the thread that writes its rollouts dies', async () => {
    const killer = new URL('./writer-killer.js', import.meta.url);
    const ours = await home().startOurs([], { NODE_OPTIONS: `--import=${killer.href}` });
    const peer = await home().startPeer(binary());
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours', async () => {
      process.kill(ours.pid, 'SIGUSR2');
    });
    const { message } = await peer.client.refusal('thread/resume', { threadId: id });
    expect(message).to.equal(`thread ${id} already has an active writer`);
    // The next writer does its work under the same lock.
    await ours.client.runTurn(id, 'two, ours');
    expect(ours.stderr()).to.contain('the rollout writer died');
    expect((await peer.client.refusal('thread/resume', { threadId: id })).message).to.equal(message);
    await ours.stop();
    await peer.client.resume(id);
    expect((await peer.client.readTurns(id)).map(({ said }) => said[0])).to.deep.equal([
      'user: one, ours',
      'user: two, ours',
    ]);
    expectGrowth([readRollout(home().path, id)]);
  });
});

describe('two daemons on one home', () => {
  let home: JointHome;

  beforeEach(async () => {
    home = await JointHome.make();
  });

  afterEach(() => home.close());

  it('never own a conversation both; when the owner is killed the other gets it within 2 s', async () => {
    const first = await home.startOurs();
    const second = await home.startOurs();
    const id = await first.client.start(home.workspace);
    await first.client.runTurn(id, 'one, first');
    expect(await second.client.refusal('thread/resume', { threadId: id })).to.deep.equal(
      refusal(id, first.pid, 'node'),
    );
    const states = [readRollout(home.path, id)];
    const killedAt = performance.now();
    await first.kill();
    await second.client.resume(id);
    expect(performance.now() - killedAt).to.be.lessThan(2000);
    await second.client.runTurn(id, 'two, second');
    states.push(readRollout(home.path, id));
    expectGrowth(states);
  });
});
