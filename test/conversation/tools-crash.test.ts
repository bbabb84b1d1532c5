import { expect } from 'chai';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CheckedClient } from '../support/checked-client.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { checkStory, doAll, itemsTold, processesLeft, processesOf, scriptRounds } from './tool-story.js';
import type { ToolCall } from './tool-story.js';
import { questions } from './asking.js';
import { journalPathOf, waitForJournal } from './journal-watch.js';
import { WorkerWatch } from './worker-watch.js';

const LINGERING = 'setsid sleep 300 & nohup sleep 300 >/dev/null 2>&1 & trap "" TERM; echo started; sleep 300';

const LOST = { type: 'commandExecution', status: 'failed', exitCode: null, aggregatedOutput: 'started\n' };

function exec(id: string, cmd: string): ToolCall {
  return { id, name: 'exec_command', args: { cmd, login: false, yield_time_ms: 20_000 } };
}

/** What a file says of its calls: each has one output. */
function expectAnswered(file: string): void {
  const items = readLines(file).filter(({ type }) => type === 'response_item');
  const idsOf = (type: string): string[] =>
    items.filter(({ payload }) => payload.type === type).map(({ payload }) => payload.call_id as string);
  expect(idsOf('function_call_output')).to.have.members(idsOf('function_call'));
}

describe('the death of a worker whose conversation runs commands', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let watch: WorkerWatch;
  let threadId: string;
  before(async () => {
    watch = new WorkerWatch();
    rig = await DaemonRig.start();
    scriptRounds(rig.model);
  });
  after(async () => {
    watch.stop();
    await rig.close();
  });

  async function start(approvalPolicy: string): Promise<void> {
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace, approvalPolicy });
  }
  const killWorker = (): Promise<void> => watch.kill(rig.daemon.threads().sessions[threadId]!);
  const fileOf = (id: string): string => rig.rolloutFiles().find((name) => name.includes(id))!;

  it('ends what they have started, and the conversation goes on', async () => {
    await start('never');
    const { done } = await client.startTurn(threadId, doAll([[exec('lost', LINGERING)]]));
    await client.notification('item/commandExecution/outputDelta');
    expect((await processesOf(threadId)).length).to.be.greaterThan(2);
    await killWorker();
    expect(await processesLeft(threadId)).to.deep.equal([]);
    expect((await done).status).to.equal('failed');
    const [lost] = itemsTold(client, threadId, 'item/completed').filter(({ id }) => id === 'lost');
    expect(lost).to.deep.include({ ...LOST, command: `/bin/bash -c '${LINGERING}'` });
    const turn = await client.runTurn(threadId, doAll([[exec('after', 'echo well')]]));
    expect(turn.status).to.equal('completed');
    const [ended] = itemsTold(client, threadId, 'item/completed').filter(({ id }) => id === 'after');
    expect(ended).to.deep.include({ status: 'completed', aggregatedOutput: 'well\n' });
    expectAnswered(fileOf(threadId));
    await checkStory(client, threadId, fileOf(threadId));
  });

  it('closes a question that waits, and nothing runs of what was asked for', async () => {
    await start('untrusted');
    const { done } = await client.startTurn(threadId, doAll([[exec('asked', 'touch made')]]));
    const [question] = await questions(client, threadId, 1);
    await killWorker();
    const closed = await client.notification('serverRequest/resolved', ({ requestId }) => requestId === question!.id);
    expect(closed.params!['threadId']).to.equal(threadId);
    expect((await done).status).to.equal('failed');
    client.answer(question!.id, { result: { decision: 'accept' } });
    const late = await rig.client();
    await late.call('thread/resume', { threadId });
    await late.call('thread/read', { threadId });
    expect(late.questionsOf(threadId)).to.deep.equal([]);
    expect((await client.runTurn(threadId, 'hello')).status).to.equal('completed');
    expectAnswered(fileOf(threadId));
    const asked = readLines(fileOf(threadId)).filter(({ payload }) => String(payload.type).startsWith('approval_'));
    expect(asked.map(({ payload }) => [payload.type, payload.outcome])).to.deep.equal([
      ['approval_requested', undefined],
      ['approval_resolved', 'expired'],
    ]);
  });
});

describe('a daemon that is killed while commands run', () => {
  let home: TempHome;
  let model: ModelServer;
  let daemon: DaemonProcess;
  const clients: CheckedClient[] = [];
  before(async () => {
    model = await startModelServer();
    scriptRounds(model);
    home = await makeTempHome({ modelBaseUrl: model.baseUrl });
    mkdirSync(join(home.workspace, 'w'));
    daemon = await startDaemonProcess({ home: home.path });
  });
  after(async () => {
    await daemon.stop();
    await model.close();
    await home.remove();
    expect(clients.flatMap(({ schemaErrors }) => schemaErrors)).to.deep.equal([]);
  });

  async function connect(): Promise<CheckedClient> {
    const client = await CheckedClient.connect(daemon.url, { token: daemon.token });
    clients.push(client);
    return client;
  }

  it('leaves none of their processes behind its next start, and its conversations are usable', async function () {
    this.timeout(60_000);
    const client = await connect();
    const running = await client.startThread({ cwd: home.workspace });
    await client.startTurn(running, doAll([[exec('lost', LINGERING)]]));
    await client.notification('item/commandExecution/outputDelta');
    const [told] = itemsTold(client, running, 'item/started').filter(({ id }) => id === 'lost');
    await waitForJournal(journalPathOf(home.path, running), 'started\n');
    const waiting = await client.startThread({ cwd: home.workspace, approvalPolicy: 'untrusted' });
    await client.startTurn(waiting, doAll([[exec('asked', 'touch made')]]));
    await questions(client, waiting, 1);
    await waitForJournal(journalPathOf(home.path, waiting), '');
    await daemon.kill();
    daemon = await startDaemonProcess({ home: home.path });
    expect(await processesLeft(running)).to.deep.equal([]);
    const next = await connect();
    const read = async (threadId: string, id: string): Promise<any> => {
      const { thread } = await next.call('thread/read', { threadId, includeTurns: true });
      return thread.turns[0].items.find((item: { id: string }) => item.id === id);
    };
    const shown = { ...told, ...LOST };
    expect(await read(running, 'lost')).to.deep.equal(shown);
    expect(await read(waiting, 'asked')).to.deep.include({
      type: 'commandExecution',
      status: 'failed',
      exitCode: null,
    });
    for (const threadId of [running, waiting]) {
      const { thread } = await next.call('thread/resume', { threadId });
      expect(thread.turns.map(({ status }: { status: string }) => status)).to.deep.equal(['interrupted']);
      const turn = await next.runTurn(threadId, doAll([[exec(`after-${threadId}`, 'true')]]));
      expect(turn.status).to.equal('completed');
      expectAnswered(thread.path);
    }
    const recorded = await read(running, 'lost');
    expect(recorded).to.deep.equal({ ...shown, completedAtMs: recorded.completedAtMs });
    expect(await read(waiting, 'asked')).to.deep.include({
      type: 'commandExecution',
      status: 'failed',
      exitCode: null,
    });
    expect(next.questionsOf(waiting).map(({ params }) => params!['itemId'])).to.deep.equal([]);
  });
});
