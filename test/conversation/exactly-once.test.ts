import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CheckedClient } from '../support/checked-client.js';
import type { WireMessage } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { startModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import { runTurns, wordsByRead } from './branch-story.js';
import { WorkerWatch } from './worker-watch.js';

const text = (words: string) => [{ type: 'text', text: words }];

/** Words and ids that clients gave, of every message of a user, turn by turn. */
async function messagesOf(client: CheckedClient, threadId: string): Promise<unknown[]> {
  const { thread } = await client.call('thread/read', { threadId, includeTurns: true });
  return thread.turns.flatMap(({ id, items }: any) =>
    items
      .filter(({ type }: any) => type === 'userMessage')
      .map(({ clientId, content }: any) => [id, clientId, content.map((part: any) => part.text ?? '').join('')]),
  );
}

describe('a message that a client sends again', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread();
  });
  afterEach(() => rig.close());

  const start = (clientUserMessageId: string, words: string, more: object = {}): Promise<WireMessage> =>
    client.ask('turn/start', { threadId, input: text(words), clientUserMessageId, ...more });
  const steer = (clientUserMessageId: string, words: string, expectedTurnId: string): Promise<WireMessage> =>
    client.ask('turn/steer', { threadId, input: text(words), clientUserMessageId, expectedTurnId });
  const ended = async (turnId: string): Promise<string> =>
    (await client.notification('turn/completed', ({ turn }) => turn.id === turnId)).params!['turn'].status;
  const fileOf = (): string => rig.rolloutFiles().find((file) => file.includes(threadId))!;

  async function loadAgain(): Promise<void> {
    await rig.daemon.registry.removeConversation(threadId);
    await client.call('thread/resume', { threadId });
  }

  async function restart(): Promise<void> {
    await rig.restart();
    client = await rig.client();
    await client.call('thread/resume', { threadId });
  }

  for (const historyMode of ['paginated', 'legacy']) {
    it(`is one, with one turn id, while its turn runs, when it is over, loaded again, restarted (${historyMode})`, async () => {
      ({
        thread: { id: threadId },
      } = await client.call('thread/start', { historyMode }));
      const replies = await Promise.all(Array.from({ length: 5 }, () => start('one', 'hang')));
      const { id: turnId } = replies[0]!.result.turn;
      const steered = await steer('two', 'deltas 3', turnId);
      expect(steered.result).to.deep.equal({ turnId });
      expect(await ended(turnId)).to.equal('completed');
      for (const again of [() => Promise.resolve(), loadAgain, restart]) {
        await again();
        const before = readFileSync(fileOf());
        replies.push(await start('one', 'hang'), await start('two', 'deltas 3'));
        const answers = [await steer('one', 'hang', 'whatever'), await steer('two', 'deltas 3', turnId)];
        expect(answers.map(({ result }) => result)).to.deep.equal([{ turnId }, { turnId }]);
        expect(readFileSync(fileOf()).equals(before), 'nothing is written').to.equal(true);
      }
      expect(replies.map(({ result }) => [result.turn.id, result.turn.status])).to.deep.equal([
        ...Array.from({ length: 5 }, () => [turnId, 'inProgress']),
        ...Array.from({ length: 6 }, () => [turnId, 'completed']),
      ]);
      expect(await messagesOf(client, threadId)).to.deep.equal([
        [turnId, 'one', 'hang'],
        [turnId, 'two', 'deltas 3'],
      ]);
      expect(rig.model.requestCount).to.equal(2);
      expect(await client.runTurn(threadId, 'go on')).to.deep.include({ status: 'completed' });
    });
  }

  it('is told of a turn that failed or was broken off as such', async () => {
    const failed = await start('one', 'fail 400');
    expect(await ended(failed.result.turn.id)).to.equal('failed');
    const hanging = await start('two', 'hang');
    const { id: turnId } = hanging.result.turn;
    expect((await start('one', 'fail 400')).result.turn).to.include({ id: failed.result.turn.id, status: 'failed' });
    await client.call('turn/interrupt', { threadId, turnId });
    expect((await start('two', 'hang')).result.turn).to.include({ id: turnId, status: 'interrupted' });
    await restart();
    expect((await start('one', 'fail 400')).result.turn).to.include({ id: failed.result.turn.id, status: 'failed' });
    expect((await start('two', 'hang')).result.turn).to.include({ id: turnId, status: 'interrupted' });
  });

  it('is known to the session that replaces one whose worker died', async () => {
    const watch = new WorkerWatch();
    try {
      const first = (await start('zero', 'hello')).result.turn.id;
      await ended(first);
      await restart();
      const { id: turnId } = (await start('one', 'hang')).result.turn;
      await client.notification('item/agentMessage/delta');
      await watch.kill(rig.daemon.threads().sessions[threadId]!);
      expect(await ended(turnId)).to.equal('failed');
      expect((await start('one', 'hang')).result.turn).to.include({ id: turnId, status: 'failed' });
      expect((await steer('one', 'other', turnId)).error?.data.reason).to.equal('client_message_conflict');
      await restart();
      expect((await start('one', 'hang')).result.turn).to.include({ id: turnId, status: 'failed' });
      expect(await messagesOf(client, threadId)).to.deep.equal([
        [first, 'zero', 'hello'],
        [turnId, 'one', 'hang'],
      ]);
    } finally {
      watch.stop();
    }
  });

  it('with other words is refused before anything changes', async () => {
    const { id: turnId } = (await start('one', 'hang')).result.turn;
    await client.notification('item/agentMessage/delta');
    const before = readFileSync(fileOf());
    const told = client.received.length;
    const refused = [
      await start('one', 'other', { model: 'another' }),
      await steer('one', 'other', turnId),
      await client.ask('turn/start', { threadId, input: [], clientUserMessageId: 'one' }),
    ];
    for (const { error } of refused) {
      expect(error).to.deep.equal({
        code: -32600,
        message: 'the message id one was given to another input before',
        data: { reason: 'client_message_conflict', clientUserMessageId: 'one', turnId },
      });
    }
    expect(readFileSync(fileOf()).equals(before), 'nothing is written').to.equal(true);
    expect(client.received.slice(told).filter(({ method }) => method !== undefined)).to.deep.equal([]);
    expect(rig.model.openReplies, 'the answer goes on').to.equal(1);
    await client.call('turn/interrupt', { threadId, turnId });
    await restart();
    expect((await start('one', 'other')).error?.data.reason).to.equal('client_message_conflict');
    expect(await messagesOf(client, threadId)).to.deep.equal([[turnId, 'one', 'hang']]);
  });

  it('changes no settings', async () => {
    const { id: turnId } = (await start('one', 'hello', { model: 'first' })).result.turn;
    await ended(turnId);
    await client.call('thread/settings/update', { threadId, model: 'second' });
    const told = client.received.length;
    expect((await start('one', 'hello', { model: 'first' })).result.turn.id).to.equal(turnId);
    expect(client.received.slice(told).map(({ method }) => method)).to.deep.equal([undefined]);
    await client.runTurn(threadId, 'go on');
    expect(rig.model.requests.at(-1)!.body!.model).to.equal('second');
  });

  it('waits for a picture that the first one still reads', async () => {
    const input = [{ type: 'localImage', path: `${rig.home.workspace}/missing.png` }];
    const send = (): Promise<WireMessage> => client.ask('turn/start', { threadId, input, clientUserMessageId: 'one' });
    const replies = await Promise.all([send(), send()]);
    const [{ id }] = replies.map(({ result }) => result.turn) as [{ id: string }];
    expect(replies.map(({ result }) => result.turn.id)).to.deep.equal([id, id]);
    await ended(id);
    expect(await messagesOf(client, threadId)).to.deep.equal([[id, 'one', '']]);
  });

  it('is a new one where a revert took the former back, and known in the segments that are kept', async () => {
    const first = (await start('one', 'hello')).result.turn.id;
    await ended(first);
    const second = (await start('two', 'hello')).result.turn.id;
    await ended(second);
    await client.call('thread/revert', { threadId, beforeTurnId: second });
    for (const again of [() => Promise.resolve(), restart]) {
      await again();
      expect((await start('one', 'hello')).result.turn).to.include({ id: first, status: 'completed' });
    }
    const other = (await start('two', 'other words')).result.turn.id;
    await ended(other);
    expect(await messagesOf(client, threadId)).to.deep.equal([
      [first, 'one', 'hello'],
      [other, 'two', 'other words'],
    ]);
  });

  for (const historyMode of ['paginated', 'legacy']) {
    it(`is a new one in a fork, and from then on its own (${historyMode})`, async () => {
      ({
        thread: { id: threadId },
      } = await client.call('thread/start', { historyMode }));
      const first = (await start('one', 'hello')).result.turn.id;
      await ended(first);
      const fork = await client.call('thread/fork', { threadId });
      threadId = fork.thread.id;
      await restart();
      const own = (await start('one', 'other words')).result.turn.id;
      await ended(own);
      await restart();
      expect((await start('one', 'other words')).result.turn.id).to.equal(own);
      expect(await wordsByRead(client, threadId)).to.deep.equal(['hello', 'other words']);
    });
  }

  it('is known in a conversation that keeps no file, as long as it is there', async () => {
    threadId = await client.startThread({ ephemeral: true });
    const turnId = (await start('one', 'hello')).result.turn.id;
    await ended(turnId);
    expect((await start('one', 'hello')).result.turn.id).to.equal(turnId);
    expect((await start('one', 'other')).error?.data.reason).to.equal('client_message_conflict');
  });

  it('without an id is another message', async () => {
    await runTurns(client, threadId, ['hello', 'hello']);
    await ended((await start('', 'hello')).result.turn.id);
    await ended((await start('', 'hello')).result.turn.id);
    expect(await wordsByRead(client, threadId)).to.deep.equal(['hello', 'hello', 'hello', 'hello']);
  });
});

describe('a message that a killed daemon recorded and nobody was told of', function () {
  // Three daemons are started.
  this.timeout(60_000);
  for (const historyMode of ['paginated', 'legacy']) {
    it(`is there once when the client sends it again (${historyMode})`, async () => {
      const model = await startModelServer();
      const home = await makeTempHome({ modelBaseUrl: model.baseUrl });
      const preload = fileURLToPath(new URL('./kill-at-record.js', import.meta.url));
      let daemon: DaemonProcess | null = null;
      const start = async (env: Record<string, string>): Promise<CheckedClient> => {
        daemon = await startDaemonProcess({ home: home.path, env });
        return CheckedClient.connect(daemon.url, { token: daemon.token });
      };
      try {
        const killing = { NODE_OPTIONS: `--import ${preload}`, ROLLOUTD_TEST_KILL_AT: '"client_id":"fatal' };
        const first = await start(killing);
        const { thread } = await first.call('thread/start', { historyMode });
        const threadId = thread.id as string;
        const send = (client: CheckedClient, id: string, words: string): Promise<WireMessage> =>
          client.ask('turn/start', { threadId, input: text(words), clientUserMessageId: id });
        const turnId = (await send(first, 'safe', 'hello')).result.turn.id;
        await first.notification('turn/completed');
        // The new turn, a steer of it: each is answered by nothing but the end of the connection.
        let fatal = send(first, 'fatal 1', 'hang');
        let told = await Promise.race([fatal, first.closed]);
        expect(told).to.have.property('reason');
        const second = await start(killing);
        await second.call('thread/resume', { threadId });
        const lost = (await send(second, 'fatal 1', 'hang')).result.turn;
        expect(lost.status).to.equal('interrupted');
        const { id: steered } = (await send(second, 'running', 'hang')).result.turn;
        fatal = send(second, 'fatal 2', 'and this');
        told = await Promise.race([fatal, second.closed]);
        expect(told).to.have.property('reason');

        const third = await start({});
        await third.call('thread/resume', { threadId });
        for (const [id, words, expected] of [
          ['safe', 'hello', turnId],
          ['fatal 1', 'hang', lost.id],
          ['running', 'hang', steered],
          ['fatal 2', 'and this', steered],
        ] as const) {
          expect((await send(third, id, words)).result.turn.id, id).to.equal(expected);
        }
        expect((await send(third, 'fatal 1', 'other')).error?.data.reason).to.equal('client_message_conflict');
        expect(await third.runTurn(threadId, 'go on')).to.deep.include({ status: 'completed' });
        expect((await messagesOf(third, threadId)).slice(0, -1)).to.deep.equal([
          [turnId, 'safe', 'hello'],
          [lost.id, 'fatal 1', 'hang'],
          [steered, 'running', 'hang'],
          [steered, 'fatal 2', 'and this'],
        ]);
        const users = model.requests
          .at(-1)!
          .input.filter(({ role }) => role === 'user')
          .map(({ content }) => (content as { text: string }[])[0]!.text)
          .filter((words) => !words.startsWith('<'));
        expect(users).to.deep.equal(['hello', 'hang', 'hang', 'and this', 'go on']);
        expect(readLines(thread.path).filter(({ type }) => type === 'session_meta')).to.have.length(1);
      } finally {
        await (daemon as DaemonProcess | null)?.kill();
        await model.close();
        await home.remove();
      }
    });
  }
});
