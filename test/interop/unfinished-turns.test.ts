import { expect } from 'chai';
import { expectGrowth, readRollout, spokenTo } from './rollout-growth.js';
import type { ThreadClient } from './thread-client.js';
import { useJointHome } from './use-joint-home.js';

/** Resolves when the model has begun to answer and the client has heard it. */
async function runUntilItHangs(client: ThreadClient, threadId: string): Promise<string> {
  const { turn } = await client.startTurn(threadId, 'hang');
  await client.notification(
    ({ method, params }) => method === 'item/agentMessage/delta' && (params as { turnId: string }).turnId === turn.id,
  );
  return turn.id;
}

describe('turns that did not end well, between the daemon and the peer', () => {
  const { home, binary } = useJointHome();

  const lastSpoken = () => spokenTo(home().model.requests.at(-1)!.input);

  it('are read and continued by the peer with all that they hold', async () => {
    const ours = await home().startOurs();
    const { client } = ours;
    const id = await client.start(home().workspace);
    const hanging = await runUntilItHangs(client, id);
    await client.rpc.request('turn/interrupt', { threadId: id, turnId: hanging });
    await client.endOfTurn(hanging);
    await client.runTurn(id, 'fail 400');
    await client.runTurn(id, 'cut after 2 deltas 9');
    await client.runTurn(id, 'call nothing {"a":1}');
    const steered = await runUntilItHangs(client, id);
    await client.steer(id, steered, 'go on');
    await client.endOfTurn(steered);
    await ours.stop();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    expect(await peer.client.readTurns(id)).to.deep.equal([
      { status: 'interrupted', said: ['user: hang', 'agent: hanging'] },
      { status: 'failed', said: ['user: fail 400'] },
      // Once more for the retry.
      {
        status: 'failed',
        said: ['user: cut after 2 deltas 9', 'agent: partial partial ', 'agent: partial partial '],
      },
      {
        status: 'completed',
        said: ['user: call nothing {"a":1}', 'dynamicToolCall', 'agent: tool said 25 chars: unsupported call: nothing'],
      },
      { status: 'completed', said: ['user: hang', 'agent: hanging', 'user: go on', 'agent: echo: go on'] },
    ]);
    const after = await peer.client.runTurn(id, 'after all that');
    expect(after.status).to.equal('completed');
    expect(lastSpoken()).to.deep.equal([
      'user: hang',
      'assistant: hanging',
      'user: fail 400',
      'user: cut after 2 deltas 9',
      'assistant: partial partial ',
      'assistant: partial partial ',
      'user: call nothing {"a":1}',
      'assistant: tool said 25 chars: unsupported call: nothing',
      'user: hang',
      'assistant: hanging',
      'user: go on',
      'assistant: echo: go on',
      'user: after all that',
    ]);
    expect(callsAndOutputs()).to.deep.equal(['function_call call_5', 'function_call_output call_5']);
    expect(complaints(peer.client)).to.deep.equal([]);
    await peer.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });

  it('are interrupted here when the peer died in the middle of one', async () => {
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    await peer.client.runTurn(id, 'one, theirs');
    await runUntilItHangs(peer.client, id);
    await peer.kill();
    const states = [readRollout(home().path, id)];

    const ours = await home().startOurs();
    await ours.client.resume(id);
    const broken = [
      { status: 'completed', said: ['user: one, theirs', 'agent: echo: one, theirs'] },
      { status: 'interrupted', said: ['user: hang'] },
    ];
    expect(await ours.client.readTurns(id)).to.deep.equal(broken);
    await ours.client.runTurn(id, 'three, ours');
    await ours.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);

    const peerAgain = await home().startPeer(binary());
    await peerAgain.client.resume(id);
    const all = [...broken, { status: 'completed', said: ['user: three, ours', 'agent: echo: three, ours'] }];
    expect(await peerAgain.client.readTurns(id)).to.deep.equal(all);
  });

  it('keep nothing twice when the peer goes on with one that our daemon died in', async () => {
    const ours = await home().startOurs();
    const id = await ours.client.start(home().workspace);
    await ours.client.runTurn(id, 'one, ours');
    await runUntilItHangs(ours.client, id);
    await ours.kill();
    const states = [readRollout(home().path, id)];

    const peer = await home().startPeer(binary());
    await peer.client.resume(id);
    await peer.client.runTurn(id, 'three, theirs');
    await peer.stop();
    states.push(readRollout(home().path, id));

    const oursAgain = await home().startOurs();
    await oursAgain.client.resume(id);
    await oursAgain.client.runTurn(id, 'four, ours');
    expect(await oursAgain.client.readTurns(id)).to.deep.equal([
      { status: 'completed', said: ['user: one, ours', 'agent: echo: one, ours'] },
      { status: 'interrupted', said: ['user: hang'] },
      { status: 'completed', said: ['user: three, theirs', 'agent: echo: three, theirs'] },
      { status: 'completed', said: ['user: four, ours', 'agent: echo: four, ours'] },
    ]);
    await oursAgain.stop();
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });

  function callsAndOutputs(): string[] {
    return home()
      .model.requests.at(-1)!
      .input.filter(({ type }) => String(type).startsWith('function_call'))
      .map(({ type, call_id: callId }) => `${String(type)} ${String(callId)}`);
  }
});

function complaints(client: ThreadClient): unknown[] {
  return client.heard.filter(({ method }) => method === 'error' || method === 'warning');
}
