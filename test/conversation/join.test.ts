import { expect } from 'chai';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { deltasText, deltaText } from '../support/model-script.js';
import { agentTexts, areConsecutive, namesOf } from './wire-story.js';

const DELTAS = 500;

/** Numbered notifications, which are those of conversations. */
const seqsOf = (messages: readonly WireMessage[]): number[] => messages.flatMap(({ seq }) => seq ?? []);

/** What a client holds of a message when it takes the reply, then item/started and the deltas as they come. */
function assembleText(reply: WireMessage, after: readonly WireMessage[], itemId: string): string {
  const items = reply.result.thread.turns.flatMap((turn: any) => turn.items);
  let text: string = items.find(({ id }: { id: string }) => id === itemId)?.text ?? '';
  for (const { method, params } of after) {
    if (method === 'item/started' && params!['item'].id === itemId) text = params!['item'].text;
    if (method === 'item/agentMessage/delta' && params!['itemId'] === itemId) text += params!['delta'];
  }
  return text;
}

/** Which deltas of the scripted model a text consists of. */
const deltaNumbers = (text: string): number[] => text.split(' ').slice(0, -1).map(Number);

/** Resumes and tells what came: the reply, and everything of the conversation after it. */
async function join(client: CheckedClient, threadId: string) {
  const reply = await client.ask('thread/resume', { threadId });
  const index = client.received.indexOf(reply);
  const after = (): WireMessage[] =>
    client.received.slice(index + 1).filter(({ params }) => params?.['threadId'] === threadId);
  return { client, reply, after };
}

describe('a client that joins', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.model.script(null));
  after(() => rig.close());

  it('gets the running item with its text so far, right after the reply, then the rest', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    let goOn = (): void => undefined;
    rig.model.script(async ({ number }, reply) => {
      reply.create();
      const id = reply.startMessage();
      reply.delta('so far');
      await new Promise<void>((resolve) => (goOn = resolve));
      reply.delta(' and the rest');
      reply.endMessage(id, 'so far and the rest');
      reply.complete();
      expect(id).to.equal(`msg_resp_${number}`);
    });
    const { turnId, done } = await first.startTurn(threadId, 'tell me');
    await first.notification('item/agentMessage/delta');
    const { client, reply, after } = await join(await rig.client(), threadId);
    const { thread } = reply.result;
    expect([thread.status, thread.turns.map((turn: any) => [turn.id, turn.status, turn.items.length])]).to.deep.equal([
      { type: 'active', activeFlags: [] },
      [[turnId, 'inProgress', 1]],
    ]);
    goOn();
    await done;
    await client.notification('turn/completed');
    const story = after();
    expect(namesOf(story)).to.deep.equal([
      'thread/goal/cleared',
      'item/started',
      'item/agentMessage/delta',
      'item/completed',
      'thread/tokenUsage/updated',
      'thread/readState/changed',
      'thread/status/changed',
      'turn/completed',
    ]);
    const item = story[1]!.params!['item'];
    expect([item.text, item.completedAtMs, story[2]!.params!['delta']]).to.deep.equal([
      'so far',
      null,
      ' and the rest',
    ]);
    const seen = first.received.find(
      ({ method, params }) => method === 'item/completed' && params!['item'].id === item.id,
    );
    expect(story[3]).to.deep.equal(seen);
    expect(namesOf(first.received)).not.to.include('thread/goal/cleared');
  });

  it('is told the usage so far with the turn that it is of, while the next one runs', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    const turn = await first.runTurn(threadId, 'hello');
    let goOn = (): void => undefined;
    rig.model.script(async (_request, reply) => {
      reply.create();
      const id = reply.startMessage();
      reply.delta('so far');
      await new Promise<void>((resolve) => (goOn = resolve));
      reply.endMessage(id, 'so far');
      reply.complete();
    });
    const { done } = await first.startTurn(threadId, 'tell me');
    await first.notification('item/agentMessage/delta', ({ delta }) => delta === 'so far');
    const joiner = await rig.client();
    await joiner.call('thread/resume', { threadId, excludeTurns: true });
    const { params } = await joiner.notification('thread/tokenUsage/updated');
    goOn();
    await done;
    const told = first.received.find(({ method }) => method === 'thread/tokenUsage/updated');
    expect([params!['turnId'], params!['tokenUsage']]).to.deep.equal([turn.id, told!.params!['tokenUsage']]);
  });

  it(`has the whole text, whenever it joins: ${DELTAS} deltas, 30 moments`, async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    const late = await Promise.all(Array.from({ length: 30 }, () => rig.client()));
    const joined: ReturnType<typeof join>[] = [];
    rig.model.script(async (_request, reply) => {
      reply.create();
      const id = reply.startMessage();
      for (let index = 0; index < DELTAS; index += 1) {
        reply.delta(deltaText(index));
        await nextTick();
        if (index % 16 !== 8 || joined.length === late.length) continue;
        joined.push(join(late[joined.length]!, threadId));
        // Not so fast that it ends before they are in.
        await joined.at(-3);
      }
      reply.endMessage(id, deltasText(DELTAS));
      reply.complete();
    });
    const turn = await first.runTurn(threadId, 'tell me');
    const itemId = turn.items[0].id;
    const views = await Promise.all(joined);
    expect(views).to.have.length(30);
    let joinedInTheMiddle = 0;
    const whole = Array.from({ length: DELTAS }, (_, index) => index);
    for (const { client, reply, after } of views) {
      const [read] = reply.result.thread.turns;
      if (read.status === 'inProgress') {
        joinedInTheMiddle += 1;
        await client.notification('turn/completed');
      }
      expect(deltaNumbers(assembleText(reply, after(), itemId))).to.deep.equal(whole);
    }
    expect(joinedInTheMiddle, 'joined while it streamed').to.be.at.least(28);
  });

  it('sees from then on exactly what the others see, under the same numbers', async () => {
    const [first, second] = [await rig.client(), await rig.client()];
    const threadId = await first.startThread();
    const { turnId, done } = await first.startTurn(threadId, 'deltas 200 16 1');
    await first.notification('item/agentMessage/delta', (params) => params['delta'] === deltaText(20));
    const { reply } = await join(second, threadId);
    await done;
    await second.notification('turn/completed', (params) => params['turn'].id === turnId);
    await first.runTurn(threadId, 'another');
    await second.notification('turn/completed', (params) => params['turn'].id !== turnId);
    const since = second.received.slice(second.received.indexOf(reply) + 1).filter(({ seq }) => seq !== undefined);
    const snapshotAt = since[0]!.seq!;
    const live = since.filter(({ seq }) => seq! > snapshotAt);
    expect(since.filter(({ seq }) => seq! <= snapshotAt).map(({ method }) => method)).to.deep.equal([
      'thread/goal/cleared',
      'item/started',
    ]);
    expect(live).to.deep.equal(first.received.filter(({ seq }) => seq !== undefined && seq > snapshotAt));
    expect(live.length).to.be.greaterThan(150);
  });

  it('may do so twice, and is told everything once', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    const { done } = await client.startTurn(threadId, 'deltas 100 16 1');
    await client.notification('item/agentMessage/delta');
    const { reply, after } = await join(client, threadId);
    const turn = await done;
    expect(assembleText(reply, after(), turn.items[0].id)).to.equal(deltasText(100));
    const completed = client.received.filter(({ method }) => method === 'turn/completed');
    expect(completed).to.have.length(1);
  });

  it('after the end gets the turns whole, and no more', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'hello');
    const { reply, after } = await join(await rig.client(), threadId);
    expect(reply.result.thread.turns.map(agentTexts)).to.deep.equal([['echo: hello']]);
    expect(reply.result.thread.turns.map(({ itemsView }: any) => itemsView)).to.deep.equal(['full']);
    await first.call('thread/read', { threadId });
    expect(namesOf(after())).to.deep.equal(['thread/tokenUsage/updated', 'thread/goal/cleared']);
    const without = await first.call('thread/resume', { threadId, excludeTurns: true });
    expect(without.thread.turns).to.deep.equal([]);
  });

  it('reads a running turn with its text so far without joining', async () => {
    const [first, reader] = [await rig.client(), await rig.client()];
    const threadId = await first.startThread();
    const { turnId } = await first.startTurn(threadId, 'hang');
    await first.notification('item/agentMessage/delta');
    const { thread } = await reader.call('thread/read', { threadId, includeTurns: true });
    expect(thread.turns.map((turn: any) => [turn.id, turn.status, agentTexts(turn)])).to.deep.equal([
      [turnId, 'inProgress', ['hanging']],
    ]);
    await first.call('turn/interrupt', { threadId, turnId });
    expect(namesOf(reader.received)).to.not.include('turn/completed');
  });
});

describe('the numbers of notifications', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  const placesOf = (client: CheckedClient, from = 0) =>
    client.received.slice(from).flatMap(({ epoch, seq }) => (epoch === undefined ? [] : [{ epoch, seq: seq! }]));

  it('count from 1 without gaps, in one epoch for each life of the daemon', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'one');
    await first.runTurn(threadId, 'reason');
    const before = placesOf(first);
    await rig.restart();
    const second = await rig.client();
    await second.call('thread/resume', { threadId });
    const from = second.received.length;
    await second.runTurn(threadId, 'two');
    const after = placesOf(second, from);
    expect([before[0]!.seq, areConsecutive(before.map(({ seq }) => seq))]).to.deep.equal([1, true]);
    expect(areConsecutive(after.map(({ seq }) => seq))).to.equal(true);
    expect(new Set(before.map(({ epoch }) => epoch)).size).to.equal(1);
    expect(new Set(after.map(({ epoch }) => epoch)).size).to.equal(1);
    expect(after[0]!.epoch).to.not.equal(before[0]!.epoch);
  });

  it('go on where they were when a conversation is unloaded and resumed', async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'one');
    await rig.daemon.registry.removeConversation(threadId);
    await client.notification('thread/closed', (params) => params['threadId'] === threadId);
    await client.call('thread/resume', { threadId });
    await client.runTurn(threadId, 'two');
    // What is repeated for the one who joins has the number of the last event before it.
    const live = client.received.filter(({ method }) => method !== 'thread/goal/cleared' && !isUsageAside(method));
    const seqs = seqsOf(live);
    expect([seqs[0], new Set(seqs).size === seqs.length]).to.deep.equal([1, true]);
    expect(seqs).to.deep.equal(seqs.toSorted((one, other) => one - other));
  });

  const isUsageAside = (method: string | undefined): boolean => method === 'thread/tokenUsage/updated';
});

describe('fifty conversations at once', () => {
  it('lose, repeat and reorder nothing, for two clients each, however they stream', async function () {
    this.timeout(30_000);
    const rig = await DaemonRig.start();
    try {
      // Five pairs of clients with ten conversations each.
      const pairs = await Promise.all(
        Array.from({ length: 5 }, async () => [await rig.client({ name: 'driver' }), await rig.client()] as const),
      );
      const commands = ['hello', 'deltas 60', 'reason', 'deltas 30 16 1', 'again'];
      const conversations = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const [driver, watcher] = pairs[index % pairs.length]!;
          const threadId = await driver.startThread();
          const { reply } = await join(watcher, threadId);
          const from = watcher.received.indexOf(reply);
          for (const command of commands) await driver.runTurn(threadId, command);
          await watcher.notification('turn/completed', isLast(driver, threadId));
          return { threadId, driver, watcher, from };
        }),
      );
      for (const { threadId, driver, watcher, from } of conversations) {
        const toDriver = driver.notificationsOf(threadId);
        const toWatcher = watcher.received
          .slice(from)
          .filter(({ method, params }) => params?.['threadId'] === threadId && method !== 'thread/goal/cleared');
        const start = toDriver.findIndex(({ seq }) => seq === toWatcher[0]!.seq);
        expect(toWatcher, 'two clients see the same').to.deep.equal(toDriver.slice(start));
        expect(toDriver.filter(({ method }) => method === 'turn/completed')).to.have.length(commands.length);
        checkDeltas(toDriver);
        const lines = readLines(rig.rolloutFiles().find((file) => file.includes(threadId))!);
        expect(lines.map((line) => line['ordinal'])).to.deep.equal(lines.map((_line, index) => index));
        expect(lines.filter(({ payload }) => payload.type === 'task_complete')).to.have.length(commands.length);
      }
      for (const [driver] of pairs) {
        // A driver heard everything of its ten conversations: no number of any of them is missing.
        const byThread = new Map<string, number[]>();
        let threadId = '';
        for (const { method, params, seq } of driver.received) {
          // Limits name no thread; they follow the usage of the one they belong to.
          if (method !== 'account/rateLimits/updated') threadId = params?.['threadId'] ?? params?.['thread']?.id ?? '';
          const own = conversations.some((one) => one.driver === driver && one.threadId === threadId);
          if (own && seq !== undefined) byThread.set(threadId, [...(byThread.get(threadId) ?? []), seq]);
        }
        expect(byThread.size).to.equal(10);
        for (const seqs of byThread.values()) expect([seqs[0], areConsecutive(seqs)]).to.deep.equal([1, true]);
      }
    } finally {
      await rig.close();
    }
  });

  /** Tells the turn that this client saw end last. */
  const isLast = (client: CheckedClient, threadId: string) => {
    const last = client.notificationsOf(threadId).findLast(({ method }) => method === 'turn/completed');
    return (params: Record<string, any>): boolean => params['turn'].id === last?.params!['turn'].id;
  };

  /** Each message is what its deltas add up to. */
  function checkDeltas(story: readonly WireMessage[]): void {
    const texts = new Map<string, string>();
    for (const { method, params } of story) {
      const id = params!['itemId'] ?? params!['item']?.id;
      if (method === 'item/agentMessage/delta') texts.set(id, (texts.get(id) ?? '') + params!['delta']);
      if (method !== 'item/completed' || params!['item'].type !== 'agentMessage') continue;
      expect(params!['item'].text).to.equal(texts.get(id));
    }
  }
});
