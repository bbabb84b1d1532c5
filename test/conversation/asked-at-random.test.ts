import { expect } from 'chai';
import fc from 'fast-check';
import { DaemonError } from '../../src/errors.js';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { answerOf, approvalLines, ASK, askFor, scriptAsking } from './asking.js';

const MAX_CLIENTS = 4;

type Step =
  | { type: 'join' | 'leave' | 'unsubscribe' | 'comeBack' | 'interrupt' | 'staleAnswer'; who: number }
  | { type: 'start'; who: number; count: number }
  | { type: 'killWorker' }
  | { type: 'answer'; who: number; which: number; how: 'well' | 'badly' | 'error' };

const who = fc.nat(MAX_CLIENTS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('start' as const), who, count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('answer' as const),
      who,
      which: fc.nat(3),
      how: fc.constantFrom('well' as const, 'well' as const, 'badly' as const, 'error' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'killWorker' as const }) },
  {
    weight: 7,
    arbitrary: fc.record({
      type: fc.constantFrom(
        ...(['join', 'join', 'leave', 'unsubscribe', 'comeBack', 'interrupt', 'staleAnswer'] as const),
      ),
      who,
    }),
  },
);

const isQuestion = ({ id, method }: WireMessage): boolean => id !== undefined && method === ASK;

/** One client for as long as it is subscribed. */
class Watcher {
  /** Where in what it has received its subscription begins: each that it is told twice must have come twice in one of them. */
  from: number;
  isSubscribed = true;
  readonly client: CheckedClient;

  constructor(client: CheckedClient, from: number) {
    this.client = client;
    this.from = from;
  }

  get story(): WireMessage[] {
    return this.client.received.slice(this.from);
  }

  get openQuestions(): WireMessage[] {
    const story = this.story;
    const closed = new Set(
      story.filter(({ method }) => method === 'serverRequest/resolved').map(({ params }) => params!['requestId']),
    );
    return story.filter((message) => isQuestion(message) && !closed.has(message.id));
  }
}

class World {
  readonly rig: DaemonRig;
  readonly threadId: string;
  readonly watchers: Watcher[] = [];
  readonly #driver: CheckedClient;
  /** Every text that was ever given as an answer, with the id of its question. */
  readonly given = new Map<string, unknown>();

  constructor(rig: DaemonRig, driver: CheckedClient, threadId: string) {
    this.rig = rig;
    this.#driver = driver;
    this.threadId = threadId;
  }

  async perform(now: Step): Promise<void> {
    if (now.type === 'join') {
      if (this.watchers.length < MAX_CLIENTS) this.watchers.push(await this.#join());
      return;
    }
    if (now.type === 'start') {
      await this.#driver.ask('turn/start', {
        threadId: this.threadId,
        input: [{ type: 'text', text: askFor(now.count) }],
      });
      return;
    }
    if (now.type === 'killWorker') {
      const loaded = this.rig.daemon.registry.findLoaded(this.threadId);
      loaded?.handle.killWorker(new DaemonError('worker_lost', 'killed by the test'));
      return;
    }
    if (now.type === 'interrupt') {
      await this.#driver.ask('turn/interrupt', { threadId: this.threadId, turnId: '' });
      return;
    }
    const watcher = this.watchers[now.who % Math.max(1, this.watchers.length)];
    if (watcher === undefined) return;
    if (now.type === 'answer') return this.#answer(watcher, now.which, now.how);
    if (now.type === 'staleAnswer')
      return watcher.client.answer(1_000_000 + now.who, { result: answerOf('q0', 'stale') });
    this.check(watcher);
    if (now.type === 'unsubscribe') {
      watcher.isSubscribed = false;
      await watcher.client.call('thread/unsubscribe', { threadId: this.threadId });
      return;
    }
    this.watchers.splice(this.watchers.indexOf(watcher), 1);
    const seen = watcher.client.received.findLast(
      ({ seq, params }) => seq !== undefined && params?.['threadId'] === this.threadId,
    );
    if (now.type === 'leave') watcher.client.socket.terminate();
    else await watcher.client.close();
    if (now.type === 'comeBack') this.watchers.push(await this.#join(seen));
  }

  /** Nobody is told a question twice, and nobody is left with one that is closed. */
  check(watcher: Watcher): void {
    const ids = watcher.story.filter(isQuestion).map(({ id }) => id);
    expect(new Set(ids).size, 'asked twice').to.equal(ids.length);
  }

  async #join(seen?: WireMessage): Promise<Watcher> {
    const client = await this.rig.client();
    const from = client.received.length;
    const cursor = seen === undefined ? {} : { afterEpoch: seen.epoch, afterSeq: seen.seq };
    await this.#resume(client, cursor);
    return new Watcher(client, from);
  }

  /** A request that was on its way when the worker died is refused, and may be sent again. */
  async #resume(client: CheckedClient, cursor: object = {}): Promise<any> {
    for (;;) {
      const params = { threadId: this.threadId, excludeTurns: true, ...cursor };
      const { result, error } = await client.ask('thread/resume', params);
      if (error === undefined) return result;
      expect(error.data.reason).to.equal('worker_lost');
    }
  }

  #answer(watcher: Watcher, which: number, how: 'well' | 'badly' | 'error'): void {
    const open = watcher.openQuestions;
    const question = open[which % Math.max(1, open.length)];
    if (question === undefined) return;
    if (how === 'error') return watcher.client.answer(question.id, { error: { code: 1, message: 'no' } });
    if (how === 'badly') return watcher.client.answer(question.id, { result: { decision: 'accept' } });
    const text = `answer ${this.given.size}`;
    this.given.set(text, question.params!['itemId']);
    watcher.client.answer(question.id, { result: answerOf(question.params!['questions'][0].id, text) });
  }

  /** Whoever joins can bring the turn to its end by answering what it is asked: nothing waits that nobody sees. */
  async finish(): Promise<void> {
    const last = await this.rig.client();
    const ended = last.notification('turn/completed');
    const { thread } = await this.#resume(last);
    const watcher = new Watcher(last, 0);
    for (let isRunning = thread.status.type === 'active'; isRunning;) {
      const next = last.next(isQuestion);
      for (const { id, params } of watcher.openQuestions) {
        last.answer(id, { result: answerOf(params!['questions'][0].id, 'at last') });
      }
      isRunning = (await Promise.race([ended.then(() => 'ended'), next])) !== 'ended';
    }
    const asker = await this.rig.client();
    const after = await this.#resume(asker);
    await asker.call('thread/read', { threadId: this.threadId });
    // The last turn may have failed with its worker.
    expect(after.thread.status.type).to.not.equal('active');
    expect(asker.questionsOf(this.threadId)).to.deep.equal([]);
    // What is closed was told to all who are still there.
    for (const each of this.watchers.filter(({ isSubscribed }) => isSubscribed)) {
      await each.client.call('thread/read', { threadId: this.threadId });
      this.check(each);
      expect(each.openQuestions, 'left with an open question').to.deep.equal([]);
    }
    this.#checkFile();
  }

  /** Each question has one end, and each answer that counted was given to that question by somebody. */
  #checkFile(): void {
    const lines = approvalLines(this.rig, this.threadId);
    const asked = lines.filter(({ type }) => type === 'approval_requested');
    const closed = lines.filter(({ type }) => type === 'approval_resolved');
    expect(closed.map(({ approval_id }) => approval_id)).to.have.members(asked.map(({ approval_id }) => approval_id));
    const file = this.rig.rolloutFiles().find((name) => name.includes(this.threadId))!;
    const outputs = readLines(file).filter(({ payload }) => payload.type === 'function_call_output');
    for (const { call_id, digest, approval_id, outcome, answer } of closed) {
      expect(digest).to.equal(asked.find((line) => line['approval_id'] === approval_id)!['digest']);
      const mine = outputs.filter(({ payload }) => payload.call_id === call_id).map(({ payload }) => payload.output);
      expect(mine, 'outputs of one call').to.have.length(1);
      if (outcome !== 'answered') continue;
      const [text] = Object.values<any>(answer.answers)[0].answers;
      if (text !== 'at last') expect(this.given.get(text)).to.equal(call_id);
      // An interrupt may come between the answer and what follows from it.
      expect([JSON.stringify(answer), 'aborted']).to.include(mine[0]);
    }
  }
}

describe('questions to many clients that come, go, answer and interrupt', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
    scriptAsking(rig);
  });
  after(() => rig.close());

  it('are answered once, seen by all who may answer, and closed with their turn', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const driver = await rig.client();
        const threadId = await driver.startThread();
        // So that there is a file, also when no step makes one.
        await driver.runTurn(threadId, 'hello');
        const world = new World(rig, driver, threadId);
        // One whose worker dies too often is closed.
        const kills = steps.filter(({ type }) => type === 'killWorker').slice(0, 5);
        for (const now of steps) if (now.type !== 'killWorker' || kills.includes(now)) await world.perform(now);
        await world.finish();
        for (const { client } of world.watchers) await client.close();
        await driver.call('thread/unload', { threadId });
        await driver.close();
      }),
      { numRuns: 25 },
    );
  });
});
