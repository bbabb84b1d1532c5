import { expect } from 'chai';
import { expectGrowth, parseRollout, readRollout, spokenTo } from './rollout-growth.js';
import { useJointHome } from './use-joint-home.js';

const turns = (...texts: string[]) =>
  texts.map((text) => ({ status: 'completed', said: [`user: ${text}`, `agent: echo: ${text}`] }));

describe('a conversation that the peer has given another form', () => {
  const { home, binary } = useJointHome();

  const lastSpoken = () => spokenTo(home().model.requests.at(-1)!.input);

  it('goes on here from the summary that the peer made, and still shows all turns', async () => {
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    const compacted = peer.client.rpc.waitFor('turn/completed');
    await peer.client.rpc.requestUntyped('thread/compact/start', { threadId: id });
    await compacted;
    await peer.client.runTurn(id, 'two, theirs');
    const theirs = lastSpoken();
    await peer.stop();
    states.push(readRollout(home().path, id));

    const oursAgain = await home().startOurs();
    await oursAgain.client.resume(id);
    await oursAgain.client.runTurn(id, 'three, ours');
    expect(theirs).not.to.include('assistant: echo: one, ours');
    expect(lastSpoken()).to.deep.equal([...theirs, 'assistant: echo: two, theirs', 'user: three, ours']);
    expect(await oursAgain.client.readTurns(id)).to.deep.equal([
      ...turns('one, ours'),
      { status: 'completed', said: ['contextCompaction'] },
      ...turns('two, theirs', 'three, ours'),
    ]);
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });

  it('keeps its legacy form when it is continued here, and goes back in it', async () => {
    const peer = await home().startPeer(binary());
    const { thread } = await peer.client.rpc.request('thread/start', { cwd: home().workspace, historyMode: 'legacy' });
    await peer.client.runTurn(thread.id, 'one, theirs');
    await peer.stop();
    const before = readRollout(home().path, thread.id);

    const ours = await home().startOurs();
    await ours.client.resume(thread.id);
    await ours.client.runTurn(thread.id, 'two, ours');
    await ours.stop();
    const after = readRollout(home().path, thread.id);
    expect(after.subarray(0, before.length).equals(before)).to.equal(true);
    expect(parseRollout(after).filter(({ ordinal }) => ordinal !== undefined)).to.deep.equal([]);

    const peerAgain = await home().startPeer(binary());
    await peerAgain.client.resume(thread.id);
    await peerAgain.client.runTurn(thread.id, 'three, theirs');
    expect(await peerAgain.client.readTurns(thread.id)).to.deep.equal(
      turns('one, theirs', 'two, ours', 'three, theirs'),
    );
    expect(lastSpoken()).to.deep.equal([
      'user: one, theirs',
      'assistant: echo: one, theirs',
      'user: two, ours',
      'assistant: echo: two, ours',
      'user: three, theirs',
    ]);
  });

  it('is resumed here with the settings of its last turn, and a resume alone writes nothing', async () => {
    const sandbox = {
      type: 'workspaceWrite' as const,
      writableRoots: [],
      networkAccess: false,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: true,
    };
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    const { turn } = await peer.client.rpc.request('turn/start', {
      threadId: id,
      input: [{ type: 'text', text: 'one, theirs', text_elements: [] }],
      model: 'gpt-5.4',
      effort: 'high',
      approvalPolicy: 'on-request',
      sandboxPolicy: sandbox,
    });
    await peer.client.endOfTurn(turn.id);
    await peer.stop();
    const before = readRollout(home().path, id);

    const ours = await home().startOurs();
    const resumed = await ours.client.rpc.request('thread/resume', { threadId: id });
    expect({
      model: resumed.model,
      reasoningEffort: resumed.reasoningEffort,
      approvalPolicy: resumed.approvalPolicy,
      sandbox: resumed.sandbox,
    }).to.deep.equal({ model: 'gpt-5.4', reasoningEffort: 'high', approvalPolicy: 'on-request', sandbox });
    await ours.stop();
    expect(readRollout(home().path, id).equals(before)).to.equal(true);
  });
});
