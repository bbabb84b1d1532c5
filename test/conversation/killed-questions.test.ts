import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { CheckedClient } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { readLines } from '../support/daemon-rig.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { answerOf, approvalLinesOf, askFor, questions, RESOLVED, scriptAsking } from './asking.js';

/** Messages of a turn with two questions after which the daemon is killed: around the questions and their answers. */
const MOMENTS = [7, 9, 10, 11, 13];

describe('a daemon that is killed while it asks', function () {
  // Many daemons are started.
  this.timeout(120_000);
  let model: ModelServer;
  let home: TempHome;
  let daemon: DaemonProcess;
  beforeEach(async () => {
    model = await startModelServer();
    scriptAsking({ model });
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  });
  afterEach(async () => {
    await daemon.kill();
    await model.close();
    await home.remove();
  });

  /** `killAt`: it dies when a line with this text has been written, and nobody was told. */
  async function start(killAt?: string): Promise<CheckedClient> {
    const preload = fileURLToPath(new URL('./kill-at-record.js', import.meta.url));
    const env: Record<string, string> =
      killAt === undefined ? {} : { NODE_OPTIONS: `--import ${preload}`, ROLLOUTD_TEST_KILL_AT: killAt };
    daemon = await startDaemonProcess({ home: home.path, env });
    return CheckedClient.connect(daemon.url, { token: daemon.token });
  }

  const ask = (client: CheckedClient, threadId: string, count: number) =>
    client.ask('turn/start', { threadId, input: [{ type: 'text', text: askFor(count) }] });

  it('has asked nobody what is not on record, and done nothing by an answer that is not', async () => {
    let client = await start('"type":"approval_requested"');
    const { thread } = await client.call('thread/start', {});
    const threadId = thread.id as string;
    const story = (): unknown[] =>
      readLines(thread.path).flatMap(({ payload: { type, outcome, output } }) => {
        if (type === 'approval_requested') return ['asked'];
        if (type === 'approval_resolved') return [outcome];
        return type === 'function_call_output' ? [output] : [];
      });
    void ask(client, threadId, 1);
    await client.closed;
    expect([client.questionsOf(threadId), story()]).to.deep.equal([[], ['asked']]);

    client = await start('"outcome":"answered"');
    await client.call('thread/resume', { threadId });
    await ask(client, threadId, 1);
    const [{ id }] = (await questions(client, threadId, 1)) as [{ id: number }];
    client.answer(id, { result: answerOf('q0', 'Blue') });
    await client.closed;
    expect(client.received.filter(({ method }) => method === RESOLVED)).to.deep.equal([]);
    expect(story()).to.deep.equal(['asked', 'expired', 'aborted', 'asked', 'answered']);

    client = await start();
    await client.call('thread/resume', { threadId });
    expect((await client.runTurn(threadId, 'go on')).status).to.equal('completed');
    expect(story()).to.deep.equal(['asked', 'expired', 'aborted', 'asked', 'answered', 'aborted']);
    expect(client.schemaErrors).to.deep.equal([]);
  });

  it('has on record whatever it told, and closes all of it at the next input, at whatever moment it died', async () => {
    let client = await start();
    const { thread } = await client.call('thread/start', {});
    const threadId = thread.id as string;
    await client.runTurn(threadId, 'hello');
    await daemon.kill();
    let askedBefore = 0;
    for (const moment of MOMENTS) {
      client = await start();
      await client.call('thread/resume', { threadId });
      const from = client.received.length;
      client.socket.on('message', () => {
        const came = client.received.length - from;
        if (came === moment) process.kill(daemon.pid, 'SIGKILL');
        const { id, method, params } = client.received.at(-1)!;
        if (id === undefined || method === undefined || came >= moment) return;
        client.answer(id, { result: answerOf(params!['questions'][0].id, `at ${moment}`) });
      });
      void ask(client, threadId, 2);
      await client.closed;
      await daemon.exited;
      const lines = approvalLinesOf(thread.path);
      const asked = lines.filter(({ type }) => type === 'approval_requested');
      const told = client.questionsOf(threadId).map(({ params }) => params!['itemId']);
      expect(asked.slice(askedBefore).map(({ call_id }) => call_id)).to.include.members(told);
      askedBefore = asked.length;
      const closed = client.received.slice(from).filter(({ method }) => method === RESOLVED).length;
      const answered = lines.filter(({ answer }) => JSON.stringify(answer ?? null).includes(`"at ${moment}"`));
      expect(answered.length).to.be.at.least(closed);
    }
    client = await start();
    await client.call('thread/resume', { threadId });
    await client.runTurn(threadId, 'at last');
    const lines = approvalLinesOf(thread.path);
    const idsOf = (kind: string) => lines.filter(({ type }) => type === kind).map(({ approval_id }) => approval_id);
    expect(idsOf('approval_resolved')).to.have.members(idsOf('approval_requested'));
    expect(askedBefore).to.be.greaterThan(MOMENTS.length);
  });
});
