import { expect } from 'chai';
import type { Turn } from '../../src/protocol/thread.js';
import { expectGrowth, readRollout } from './rollout-growth.js';
import type { ThreadClient } from './thread-client.js';
import { useJointHome } from './use-joint-home.js';

/** What a client heard of a turn: whole items, told as they were recorded. */
function itemsOf(client: ThreadClient, turnId: string): string[] {
  return client.heard.flatMap((notification) => {
    if (notification.method !== 'item/completed' || notification.params.turnId !== turnId) return [];
    const { item } = notification.params;
    return [item.type === 'agentMessage' ? `agent: ${item.text}` : item.type];
  });
}

const endOf = (client: ThreadClient, turnId: string) =>
  client.notification(({ method, params }) => method === 'turn/completed' && params.turn.id === turnId);

describe('looking on at a conversation of the peer', () => {
  const { home, binary } = useJointHome();

  it('shows what it holds, lets its turns come in, and takes over with the same numbers when the peer is gone', async () => {
    const ours = await home().startOurs();
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    await peer.client.runTurn(id, 'one, theirs');
    const refusal = await ours.client.refusal('thread/resume', { threadId: id });
    expect(refusal.data).to.deep.equal({
      reason: 'already_has_writer',
      holderPid: peer.pid,
      holderCommand: 'codex',
      readOnlyPossible: true,
    });
    const resumed = await ours.client.rpc.request('thread/resume', { threadId: id, readOnly: true });
    expect([resumed.readOnly, resumed.owner, resumed.thread.status, resumed.thread.turns.length]).to.deep.equal([
      true,
      { pid: peer.pid, command: 'codex' },
      { type: 'idle' },
      1,
    ]);

    const turn: Turn = await peer.client.runTurn(id, 'two, theirs');
    const endedAt = performance.now();
    await endOf(ours.client, turn.id);
    expect(performance.now() - endedAt).to.be.lessThan(1000);
    expect(itemsOf(ours.client, turn.id)).to.deep.equal(['userMessage', 'agent: echo: two, theirs']);
    const states = [readRollout(home().path, id)];

    const broken = (await peer.client.startTurn(id, 'hang')).turn;
    await ours.client.notification(({ method, params }) => method === 'turn/started' && params.turn.id === broken.id);
    await peer.client.notification(({ method }) => method === 'item/agentMessage/delta');
    const killedAt = performance.now();
    await peer.kill();
    const end = await endOf(ours.client, broken.id);
    expect((end.params as { turn: Turn }).turn.status).to.equal('interrupted');
    await ours.client.notification(({ method, params }) => method === 'thread/owner/changed' && params.owner === null);
    expect(performance.now() - killedAt).to.be.lessThan(2000);

    await ours.client.resume(id);
    expect((await ours.client.runTurn(id, 'three, ours')).status).to.equal('completed');
    const seqs = ours.client.heard.flatMap(({ seq }) => seq ?? []);
    expect([...new Set(seqs)]).to.deep.equal(Array.from(new Set(seqs), (_, index) => seqs[0]! + index));
    states.push(readRollout(home().path, id));
    expectGrowth(states);
  });

  it('takes nothing from the peer, whatever is asked meanwhile', async () => {
    const ours = await home().startOurs();
    const peer = await home().startPeer(binary());
    const id = await peer.client.start(home().workspace);
    await peer.client.runTurn(id, 'one, theirs');
    await ours.client.rpc.request('thread/resume', { threadId: id, readOnly: true });
    const input = [{ type: 'text' as const, text: 'ours', text_elements: [] }];
    const { data } = await ours.client.refusal('turn/start', { threadId: id, input });
    expect(data).to.deep.include({ reason: 'already_has_writer', holderPid: peer.pid });
    for (let count = 0; count < 10; count += 1) {
      const text = `turn ${count}, theirs`;
      const turn = await peer.client.runTurn(id, text);
      await endOf(ours.client, turn.id);
    }
    await peer.stop();
    await ours.client.notification(({ method, params }) => method === 'thread/owner/changed' && params.owner === null);
    expectGrowth([readRollout(home().path, id)]);
  });
});
