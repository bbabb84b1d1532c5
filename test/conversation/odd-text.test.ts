import { expect } from 'chai';
import { DaemonRig } from '../support/daemon-rig.js';

describe('odd text of a model', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  it('shows a character whole whose halves come in two deltas, and a half that stays alone as a mark', async () => {
    rig.model.script((_request, reply) => {
      reply.create();
      const id = reply.startMessage();
      for (const delta of ['a', '\ud83d', '\ude42', '', 'b\ud83d', 'c']) {
        reply.raw(
          `data: {"type":"response.output_text.delta","item_id":"${id}","output_index":0,"delta":${JSON.stringify(delta)}}\n\n`,
        );
      }
      reply.endMessage(id, 'a🙂b\ufffdc');
      reply.complete();
    });
    const client = await rig.client();
    const threadId = await client.startThread();
    const turn = await client.runTurn(threadId, 'tell me');
    const deltas = client
      .notificationsOf(threadId)
      .filter(({ method }) => method === 'item/agentMessage/delta')
      .map(({ params }) => params!['delta']);
    expect(deltas).to.deep.equal(['a', '🙂', 'b', '\ufffdc']);
    expect(turn.items[0].text).to.equal('a🙂b\ufffdc');
  });
});
