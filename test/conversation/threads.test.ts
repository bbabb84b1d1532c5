import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { threadId as ownThreadId } from 'node:worker_threads';
import { CheckedClient } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { deltasText, deltaText } from '../support/model-script.js';
import type { ModelReply } from '../support/model-reply.js';
import { agentTexts, areConsecutive, conversationTexts, namesOf } from './wire-story.js';
import { WorkerWatch } from './worker-watch.js';

/** A model that speaks only when the test says so. */
class HeldModel {
  readonly #rig: DaemonRig;
  #reply!: ModelReply;
  #itemId = '';
  #said = 0;

  constructor(rig: DaemonRig) {
    this.#rig = rig;
  }

  /** Holds the next request of this conversation; resolves once it has come and a message has begun. */
  hold(threadId: string): Promise<void> {
    return new Promise((resolve) => {
      this.#rig.model.script(async ({ cacheKey }, reply) => {
        if (cacheKey !== threadId || this.#itemId !== '') return false;
        this.#reply = reply;
        reply.create();
        this.#itemId = reply.startMessage();
        resolve();
        await reply.closed;
        return undefined;
      });
    });
  }

  get itemId(): string {
    return this.#itemId;
  }

  /** Text so far. */
  get text(): string {
    return deltasText(this.#said);
  }

  say(count: number): string {
    for (let index = 0; index < count; index += 1) this.#reply.delta(deltaText(this.#said++));
    return deltaText(this.#said - 1);
  }

  finish(): void {
    this.#reply.endMessage(this.#itemId, this.text);
    this.#reply.complete();
  }
}

describe('the threads of a daemon', () => {
  let watch: WorkerWatch;
  let rig: DaemonRig;
  let client: CheckedClient;
  beforeEach(async () => {
    watch = new WorkerWatch();
    rig = await DaemonRig.start({ configOverrides: ['max_threads=2'] });
    client = await rig.client();
  });
  afterEach(async () => {
    await rig.close();
    watch.stop();
  });

  const fileOf = (threadId: string): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;
  const heard = (delta: string) =>
    client.notification('item/agentMessage/delta', (params) => params['delta'] === delta);

  it('are one for the registry, one for each of two sessions, and one that writes', async () => {
    const ids = [await client.startThread(), await client.startThread()];
    const { main, writer, sessions } = rig.daemon.threads();
    expect(main).to.equal(ownThreadId);
    expect(Object.keys(sessions).sort()).to.deep.equal(ids.toSorted());
    expect(new Set([main, writer, ...Object.values(sessions)]).size).to.equal(4);
    for (const id of ids) {
      expect(rig.daemon.registry.getConversation(id).configured.threadId).to.equal(sessions[id]);
    }
    await client.startThread();
    const third = Object.values(rig.daemon.threads().sessions);
    expect([third.length, new Set(third).size], 'a third shares a worker').to.deep.equal([3, 2]);
  });

  it('go on when the writer is killed in mid-stream: each fact is in the file once, and the lock stays held', async () => {
    const held = new HeldModel(rig);
    const threadId = await client.startThread();
    const holding = held.hold(threadId);
    const { done } = await client.startTurn(threadId, 'tell me');
    await holding;
    const second = await rig.startSecondDaemon();
    const rival = await CheckedClient.connect(second.url, { token: rig.token });
    try {
      for (let round = 0; round < 3; round += 1) {
        await heard(held.say(20));
        const replaced = watch.next();
        const killed = watch.kill(rig.daemon.threads().writer!);
        const streamed = heard(held.say(20));
        await killed;
        const refused = await rival.ask('thread/resume', { threadId });
        expect(refused.error?.data).to.deep.include({ reason: 'already_has_writer', holderPid: process.pid });
        expect(refused.error?.message).to.contain(`pid ${process.pid}`);
        await streamed;
        await replaced;
      }
      const killed = watch.kill(rig.daemon.threads().writer!);
      held.finish();
      const [turn] = await Promise.all([done, killed]);
      expect([turn.status, agentTexts(turn)]).to.deep.equal(['completed', [held.text]]);
      expect(rival.schemaErrors).to.deep.equal([]);
    } finally {
      await rival.close();
      await second.close();
    }
    await client.runTurn(threadId, 'again');
    const deltas = client.received.filter(({ params }) => params?.['itemId'] === held.itemId);
    expect(deltas.map(({ params }) => params!['delta']).join('')).to.equal(deltasText(120));
    checkFile(fileOf(threadId), ['tell me', deltasText(120), 'again', 'echo: again']);
  });

  it('lose and double nothing when the writer is killed under the facts of many conversations', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `turn ${index}`);
    const first = await client.startThread();
    const others = await Promise.all(Array.from({ length: 9 }, () => client.startThread()));
    const ids = [first, ...others];
    let ended = 0;
    const running = ids.map(async (threadId) => {
      for (const text of texts) {
        expect((await client.runTurn(threadId, text)).status).to.equal('completed');
        ended += 1;
        if (ended % 20 === 10) await watch.kill(rig.daemon.threads().writer!);
      }
    });
    await Promise.all(running);
    for (const id of ids)
      checkFile(
        fileOf(id),
        texts.flatMap((text) => [text, `echo: ${text}`]),
      );
  });

  it('are replaced when a session worker is killed: its turn fails with all it said, the next one runs, others go on', async () => {
    const [lost, kept] = [await client.startThread(), await client.startThread()];
    const { sessions } = rig.daemon.threads();
    expect(sessions[lost]).to.not.equal(sessions[kept]);
    const held = new HeldModel(rig);
    const holding = held.hold(lost);
    const broken = await client.startTurn(lost, 'tell me');
    await holding;
    await heard(held.say(30));
    const other = await client.startTurn(kept, 'deltas 300 16 1');
    await client.notification('item/agentMessage/delta', (params) => params['turnId'] === other.turnId);
    const from = client.notificationsOf(lost).length;
    const killed = watch.kill(sessions[lost]!);
    const asked = rig.daemon.registry
      .getConversation(lost)
      .takeSnapshot()
      .then(
        () => 'answered',
        (error: { code: string }) => error.code,
      );
    expect(await asked).to.equal('worker_lost');
    await killed;
    const turn = await broken.done;
    expect([turn.status, turn.error.additionalDetails]).to.deep.equal(['failed', 'worker_lost']);
    const told = client.notificationsOf(lost).slice(from);
    expect(told.map(({ method, params }) => [method, params!['status']?.type ?? null])).to.deep.equal([
      ['thread/status/changed', 'systemError'],
      ['item/completed', null],
      ['error', null],
      ['thread/readState/changed', null],
      ['turn/completed', null],
    ]);
    expect(told[1]!.params!['item']).to.include({ id: held.itemId, text: held.text, partial: true });
    const again = await client.runTurn(lost, 'again');
    expect([again.status, agentTexts(again)]).to.deep.equal(['completed', ['echo: again']]);
    expect(areConsecutive(client.notificationsOf(lost).map(({ seq }) => seq))).to.equal(true);
    const untouched = await other.done;
    expect([untouched.status, agentTexts(untouched)]).to.deep.equal(['completed', [deltasText(300)]]);

    const input = conversationTexts(rig.model.requests.at(-1)!.input);
    expect([input[0], input[1], input[3]]).to.deep.equal(['tell me', held.text, 'again']);
    expect(input[2]).to.match(/^<turn_aborted>/);
    const read = await client.call('thread/read', { threadId: lost, includeTurns: true });
    expect(read.thread.turns.map((each: any) => [each.status, agentTexts(each)])).to.deep.equal([
      ['failed', [held.text]],
      ['completed', ['echo: again']],
    ]);
    checkFile(fileOf(lost), ['tell me', held.text, 'again', 'echo: again']);
  });

  it('stay loaded for everybody who shares the killed worker, and nobody else gets them', async () => {
    const ids = [await client.startThread(), await client.startThread(), await client.startThread()];
    await Promise.all(ids.map((id) => client.runTurn(id, 'hello')));
    const { sessions } = rig.daemon.threads();
    const worker = sessions[ids[0]!]!;
    const neighbours = ids.filter((id) => sessions[id] === worker);
    expect(neighbours).to.have.length(2);
    const idle = neighbours.map((id) => nextStatus(id, 'idle'));
    await watch.kill(worker);
    await Promise.all(idle);
    expect(namesOf(client.received)).to.not.include('error');
    expect(namesOf(client.received)).to.not.include('thread/closed');
    expect(rig.daemon.registry.loadedIds()).to.have.members(ids);
    const second = await rig.startSecondDaemon();
    const rival = await CheckedClient.connect(second.url, { token: rig.token });
    const refused = await rival.ask('thread/resume', { threadId: neighbours[0] });
    expect(refused.error?.data.reason).to.equal('already_has_writer');
    await rival.close();
    await second.close();
    for (const id of neighbours) expect((await client.runTurn(id, 'still there?')).status).to.equal('completed');
  });

  it('are given up for a conversation whose worker dies again and again', async () => {
    const id = await client.startThread();
    await client.runTurn(id, 'hello');
    for (let death = 1; death <= 11; death += 1) {
      const settled = nextStatus(id, death < 11 ? 'idle' : 'notLoaded');
      await watch.kill(rig.daemon.threads().sessions[id]!);
      await settled;
    }
    await client.notification('thread/closed', ({ threadId }) => threadId === id);
    const { thread } = await client.call('thread/resume', { threadId: id });
    expect(thread.turns.map(agentTexts)).to.deep.equal([['echo: hello']]);
  });

  function nextStatus(id: string, status: string): Promise<unknown> {
    return client.next(
      ({ method, params }) =>
        method === 'thread/status/changed' && params!['threadId'] === id && params!['status'].type === status,
    );
  }

  /** Every line parses and is there once; the words of both sides are these, in this order. */
  function checkFile(file: string, texts: string[]): void {
    expect(readFileSync(file, 'utf8').endsWith('\n')).to.equal(true);
    const lines = readLines(file);
    expect(areConsecutive(lines.map((line) => line['ordinal']))).to.equal(true);
    expect(lines.filter(({ type }) => type === 'session_meta')).to.have.length(1);
    const items = lines.filter(({ payload }) => payload.type === 'item_completed').map(({ payload }) => payload.item);
    expect(items.map(({ content }) => content[0].text)).to.deep.equal(texts);
    expect(new Set(items.map(({ id }) => id)).size).to.equal(items.length);
  }
});
