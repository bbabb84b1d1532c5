import { expect } from 'chai';
import { expectGrowth, readRollout, spokenTo } from './rollout-growth.js';
import { useJointHome } from './use-joint-home.js';

const turns = (...texts: string[]) =>
  texts.map((text) => ({ status: 'completed', said: [`user: ${text}`, `agent: echo: ${text}`] }));
const spoken = (...texts: string[]) => texts.flatMap((text) => [`user: ${text}`, `assistant: echo: ${text}`]);

describe('a conversation that changes hands between the daemon and the peer', () => {
  const { home, binary } = useJointHome();

  /** What the model was told of the conversation in the last request. */
  const lastSpoken = () => spokenTo(home().model.requests.at(-1)!.input);

  it('begins here, goes on there, comes back and goes there again, in one file that only grows', async () => {
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await ours.client.runTurn(id, 'two, ours');
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    expect(await peer.client.readTurns(id)).to.deep.equal(turns('one, ours', 'two, ours'));
    await peer.client.runTurn(id, 'three, theirs');
    expect(lastSpoken()).to.deep.equal([...spoken('one, ours', 'two, ours'), 'user: three, theirs']);
    await peer.stop();
    states.push(readRollout(home().path, id));

    const oursAgain = await home().startOurs();
    expect(await oursAgain.client.readTurns(id)).to.deep.equal(turns('one, ours', 'two, ours', 'three, theirs'));
    await oursAgain.client.resume(id);
    await oursAgain.client.runTurn(id, 'four, ours');
    expect(lastSpoken()).to.deep.equal([...spoken('one, ours', 'two, ours', 'three, theirs'), 'user: four, ours']);
    await oursAgain.stop();
    states.push(readRollout(home().path, id));

    const peerAgain = await home().startPeer(binary());
    await peerAgain.client.resume(id);
    const all = ['one, ours', 'two, ours', 'three, theirs', 'four, ours'];
    expect(await peerAgain.client.readTurns(id)).to.deep.equal(turns(...all));
    await peerAgain.client.runTurn(id, 'five, theirs');
    expect(lastSpoken()).to.deep.equal([...spoken(...all), 'user: five, theirs']);
    await peerAgain.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });

  it('begins there with a command, goes on here and comes back, in one file that only grows', async () => {
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    await peer.client.runTurn(id, 'one, theirs');
    await peer.client.runTurn(id, 'call exec_command {"cmd":"echo from a command","login":false}');
    const command = {
      status: 'completed',
      said: [
        'user: call exec_command {"cmd":"echo from a command","login":false}',
        'command: from a command',
        (await peer.client.readTurns(id))[1]!.said[2],
      ],
    };
    expect(await peer.client.readTurns(id)).to.deep.equal([...turns('one, theirs'), command]);
    await peer.stop();
    const states = [readRollout(home().path, id)];

    const ours = await home().startOurs();
    expect(await ours.client.readTurns(id)).to.deep.equal([...turns('one, theirs'), command]);
    await ours.client.resume(id);
    await ours.client.runTurn(id, 'three, ours');
    const request = home().model.requests.at(-1)!;
    const outputs = request.input.filter(({ type }) => type === 'function_call_output');
    expect(outputs.map(({ output }) => String(output).includes('from a command'))).to.deep.equal([true]);
    expect(lastSpoken().at(-1)).to.equal('user: three, ours');
    await ours.stop();
    states.push(readRollout(home().path, id));

    const peerAgain = await home().startPeer(binary());
    await peerAgain.client.resume(id);
    await peerAgain.client.runTurn(id, 'four, theirs');
    const all = [...turns('one, theirs'), command, ...turns('three, ours', 'four, theirs')];
    expect(await peerAgain.client.readTurns(id)).to.deep.equal(all);
    await peerAgain.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);

    const oursAgain = await home().startOurs();
    expect(await oursAgain.client.readTurns(id)).to.deep.equal(all);
  });

  it('changes hands while both run, as soon as the one that has it unloads it', async () => {
    await home().addConfig({ keys: 'thread_unload_delay_secs = 1' });
    const ours = await home().startOurs();
    const peer = await home().startPeer(binary());
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await ours.client.unload(id);
    const states = [readRollout(home().path, id)];

    await peer.client.resume(id);
    await peer.client.runTurn(id, 'two, theirs');
    expect(await ours.client.readTurns(id)).to.deep.equal(turns('one, ours', 'two, theirs'));
    await peer.client.unload(id);
    states.push(readRollout(home().path, id));

    await ours.client.resume(id);
    await ours.client.runTurn(id, 'three, ours');
    expect(lastSpoken()).to.deep.equal([...spoken('one, ours', 'two, theirs'), 'user: three, ours']);
    await ours.client.unload(id);
    states.push(readRollout(home().path, id));

    await peer.client.resume(id);
    expect(await peer.client.readTurns(id)).to.deep.equal(turns('one, ours', 'two, theirs', 'three, ours'));
    expectGrowth(states);
  });

  it("goes to the peer's one-shot command and back", async () => {
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const printed = await home().execPeer(binary(), ['resume', '--skip-git-repo-check', '--json', id, 'two, by exec']);
    expect(printed.map(({ type }) => type)).to.deep.equal([
      'thread.started',
      'turn.started',
      'item.completed',
      'turn.completed',
    ]);
    expect(lastSpoken()).to.deep.equal([...spoken('one, ours'), 'user: two, by exec']);
    states.push(readRollout(home().path, id));

    const oursAgain = await home().startOurs();
    await oursAgain.client.resume(id);
    await oursAgain.client.runTurn(id, 'three, ours');
    expect(await oursAgain.client.readTurns(id)).to.deep.equal(turns('one, ours', 'two, by exec', 'three, ours'));
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });
});
