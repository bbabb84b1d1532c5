import { expect } from 'chai';
import { renameSync } from 'node:fs';
import type { CheckedClient } from '../support/checked-client.js';
import { DaemonRig } from '../support/daemon-rig.js';
import type { ModelReply } from '../support/model-reply.js';
import { deltasText, deltaText } from '../support/model-script.js';
import { idOf, writeRollout } from '../support/rollout-home.js';
import { turnLines } from '../support/rollout-lines.js';
import { agentTexts, areConsecutive } from './wire-story.js';

const TURNS = 40;
/** So that the turns of a reply make 20 MB, more than may wait for a client that does not read. */
const ANSWER = 'x'.repeat(512 * 1024);

describe('a client of a large conversation', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  it('gets all of it in one reply, stays connected, and hears what follows', async () => {
    const lines = Array.from({ length: TURNS }, (_, turn) => turnLines(`turn-${turn}`, `question ${turn}`, ANSWER));
    writeRollout(rig.home.path, { number: 1, lines: lines.flat() });
    const [client, other] = [await rig.client(), await rig.client()];
    const threadId = idOf(1);
    for (const who of [client, other]) {
      const { thread } = await who.call('thread/resume', { threadId });
      expect(thread.turns.slice(0, TURNS).map(agentTexts)).to.deep.equal(Array.from({ length: TURNS }, () => [ANSWER]));
    }
    const turn = await other.runTurn(threadId, 'deltas 100');
    await client.notification('turn/completed', (params) => params['turn'].id === turn.id);
    for (const who of [client, other]) {
      const deltas = who.received.filter(({ method }) => method === 'item/agentMessage/delta');
      expect(deltas.map(({ params }) => params!['delta']).join('')).to.equal(deltasText(100));
      expect((await who.call('thread/loaded/list', {})).data).to.deep.equal([threadId]);
    }
  });
});

describe('a client that does not read', () => {
  /** Of 88, more pile up than a burst may have; of 44, more than may wait for long. */
  const DELTA_SIZE = 512 * 1024;
  let rig: DaemonRig;
  let reader: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    reader = await rig.client();
    threadId = await reader.startThread();
    await reader.runTurn(threadId, 'short');
  });
  afterEach(() => rig.close());

  /** Each delta waits until the reader has the one before: it never falls behind. */
  const sayMuch = (deltas: number): void => {
    rig.model.script(async (_request, reply) => {
      reply.create();
      const id = reply.startMessage();
      for (let index = 0; index < deltas; index += 1) {
        const heard = reader.notification('item/agentMessage/delta', ({ delta }) => Number(delta) === index);
        await reply.write(reply.formatDelta(deltaText(index, DELTA_SIZE)));
        await heard;
      }
      // The final form is short: it is the deltas that pile up.
      reply.endMessage(id, 'done');
      reply.complete();
    });
  };
  const deltasIn = (received: CheckedClient['received']): number[] =>
    received.filter(({ method }) => method === 'item/agentMessage/delta').map(({ params }) => Number(params!['delta']));

  it('is cut off before more than its share piles up; others get everything, in order', async () => {
    const DELTAS = 88;
    sayMuch(DELTAS);
    const deaf = await rig.client();
    await deaf.call('thread/resume', { threadId });
    const heard = deaf.received.length;
    deaf.socket.pause();
    const from = reader.received.length;
    const turn = await reader.runTurn(threadId, 'long');
    expect(turn.status).to.equal('completed');
    const story = reader.received.slice(from).filter(({ seq }) => seq !== undefined);
    expect(areConsecutive(story.map(({ seq }) => seq))).to.equal(true);
    expect(deltasIn(story)).to.deep.equal([...Array(DELTAS).keys()]);

    // What had left before is there still, in order; then it ends.
    deaf.socket.resume();
    const end = await Promise.race([deaf.closed, deaf.ask('thread/loaded/list', {})]);
    expect(end).to.have.property('code');
    expect((end as { code: number }).code).to.be.oneOf([1013, 1006]);
    const rest = deaf.received.slice(heard).filter(({ seq }) => seq !== undefined);
    expect(areConsecutive(rest.map(({ seq }) => seq))).to.equal(true);
    expect(rest.length).to.be.lessThan(story.length);
    const again = await rig.client();
    const { thread } = await again.call('thread/resume', { threadId });
    expect(thread.turns.slice(1).map(agentTexts)).to.deep.equal([['done']]);
  });

  it('for a moment only, gets all that was said meanwhile', async () => {
    const DELTAS = 44;
    sayMuch(DELTAS);
    const late = await rig.client();
    await late.call('thread/resume', { threadId });
    late.socket.pause();
    const turn = await reader.runTurn(threadId, 'long');
    late.socket.resume();
    await late.notification('turn/completed', (params) => params['turn'].id === turn.id);
    expect(deltasIn(late.received)).to.deep.equal([...Array(DELTAS).keys()]);
  });
});

describe('a client whose second resume fails', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
  });
  afterEach(() => rig.close());

  it('stays subscribed, and is told everything once and in order', async () => {
    let reply!: ModelReply;
    let said = 0;
    const say = (): void => reply.delta(deltaText(said++));
    rig.model.script(async ({ lastUserText }, held) => {
      if (lastUserText !== 'talk') return false;
      reply = held;
      reply.create();
      reply.startMessage();
      say();
      await reply.closed;
      return undefined;
    });
    const heard = (index: number) =>
      client.notification('item/agentMessage/delta', ({ delta }) => delta === deltaText(index));
    const threadId = await client.startThread();
    const { done } = await client.startTurn(threadId, 'talk');
    await heard(0);
    const [file] = rig.rolloutFiles();
    for (let round = 0; round < 3; round += 1) {
      renameSync(file!, `${file!}.away`);
      const resumed = client.ask('thread/resume', { threadId });
      for (let index = 0; index < 5; index += 1) say();
      const { error } = await resumed;
      renameSync(`${file!}.away`, file!);
      expect(error?.data.reason).to.equal('rollout_not_found');
      say();
      await heard(said - 1);
    }
    const conversation = rig.daemon.registry.getConversation(threadId);
    expect(conversation.fanOut.subscriberCount).to.equal(1);
    reply.endMessage(`msg_${reply.id}`, deltasText(said));
    reply.complete();
    expect(agentTexts(await done)).to.deep.equal([deltasText(said)]);
    const story = client.received.filter(({ seq }) => seq !== undefined);
    expect(areConsecutive(story.map(({ seq }) => seq))).to.equal(true);
    const stranger = await rig.client();
    renameSync(file!, `${file!}.away`);
    expect((await stranger.ask('thread/resume', { threadId })).error?.data.reason).to.equal('rollout_not_found');
    renameSync(`${file!}.away`, file!);
    expect(conversation.fanOut.subscriberCount, 'one who never was subscribed is not').to.equal(1);
  });
});
