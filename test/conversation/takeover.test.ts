import { expect } from 'chai';
import type { CheckedClient, WireMessage } from '../support/checked-client.js';
import { CheckedClient as Client } from '../support/checked-client.js';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';
import { answerOf, approvalLines, askFor, questions, scriptAsking } from './asking.js';
import { agentTexts, namesOf } from './wire-story.js';

const CONVERSATIONS = 20;

describe('a conversation whose owner is another process', () => {
  let rig: DaemonRig;
  let other: DaemonProcess;
  let driver: CheckedClient;
  let viewer: CheckedClient;

  beforeEach(async () => {
    rig = await DaemonRig.start();
    other = await startDaemonProcess({ home: rig.home.path });
    driver = await Client.connect(other.url, { token: other.token });
    viewer = await rig.client();
    rig.clients.push(driver);
  });
  afterEach(async () => {
    await other.kill();
    await rig.close();
  });

  it('is taken over within 2 s of its death, in the middle of a turn, by whoever looked on', async () => {
    const threadId = await driver.startThread();
    const { turnId } = await driver.startTurn(threadId, 'hang');
    await driver.notification('item/agentMessage/delta');
    await viewer.call('thread/resume', { threadId, readOnly: true });
    const from = viewer.received.length;
    const killedAt = performance.now();
    await other.kill();
    await viewer.notification('thread/owner/changed');
    expect(namesOf(viewer.received.slice(from))).to.deep.equal([
      'thread/status/changed',
      'turn/completed',
      'thread/status/changed',
      'thread/owner/changed',
    ]);
    const { turn } = viewer.received[from + 1]!.params!;
    expect([turn.id, turn.status]).to.deep.equal([turnId, 'interrupted']);
    const { thread } = await viewer.call('thread/resume', { threadId });
    expect(performance.now() - killedAt).to.be.lessThan(2000);
    expect(thread.turns.map(({ status }: any) => status)).to.deep.equal(['interrupted']);
    expect((await viewer.runTurn(threadId, 'two')).status).to.equal('completed');
    expect(rig.rolloutFiles()).to.have.length(1);
  });

  it('leaves its questions to its own clients; who has looked on is asked once it resumes', async () => {
    scriptAsking(rig);
    const threadId = await driver.startThread();
    await driver.startTurn(threadId, askFor(1));
    await questions(driver, threadId, 1);
    const looker = await rig.client();
    for (const each of [viewer, looker]) await each.call('thread/resume', { threadId, readOnly: true });
    await other.kill();
    await Promise.all([viewer, looker].map((each) => each.notification('thread/owner/changed')));
    await viewer.call('thread/resume', { threadId });
    const { done } = await viewer.startTurn(threadId, askFor(1));
    const [{ id }] = (await questions(viewer, threadId, 1)) as [WireMessage];
    expect(approvalLines(rig, threadId).map(({ outcome, by }) => [outcome, by])).to.deep.equal([
      [undefined, undefined],
      ['expired', 'broken_off'],
      [undefined, undefined],
    ]);
    looker.answer(id, { result: answerOf('q0', 'Red') });
    expect((await looker.notification('warning')).params!['code']).to.equal('server_request_not_yours');
    expect(looker.questionsOf(threadId)).to.deep.equal([]);
    await looker.call('thread/resume', { threadId });
    const asked = await questions(looker, threadId, 1);
    expect(asked.map((question) => question.id)).to.deep.equal([id]);
    looker.answer(id, { result: answerOf('q0', 'Red') });
    expect((await done).status).to.equal('completed');
  });

  it('shows no turn as running that its owner has found broken off', async () => {
    const threadId = await driver.startThread();
    await driver.startTurn(threadId, 'hang');
    await driver.notification('item/agentMessage/delta');
    await other.kill();
    await viewer.call('thread/resume', { threadId });
    const third = await rig.startSecondDaemon();
    try {
      const looker = await Client.connect(third.url, { token: rig.token });
      rig.clients.push(looker);
      const { thread, owner } = await looker.call('thread/resume', { threadId, readOnly: true });
      expect([owner.pid, thread.status.type, thread.turns.map(({ status }: any) => status)]).to.deep.equal([
        process.pid,
        'idle',
        ['interrupted'],
      ]);
      await viewer.runTurn(threadId, 'two');
      const { params } = await looker.notification('turn/completed', ({ turn }) => turn.status === 'completed');
      expect(agentTexts(params!['turn'])).to.deep.equal(['echo: two']);
    } finally {
      await third.close();
    }
  });

  it('stays with a process that is stopped, which is named', async () => {
    const threadId = await driver.startThread();
    await driver.runTurn(threadId, 'one');
    process.kill(other.pid, 'SIGSTOP');
    const { error } = await viewer.ask('thread/resume', { threadId });
    expect(error?.data).to.deep.equal({
      reason: 'already_has_writer',
      holderPid: other.pid,
      holderCommand: 'node',
      readOnlyPossible: true,
    });
    const { owner, thread } = await viewer.call('thread/resume', { threadId, readOnly: true });
    expect([owner.pid, thread.turns.map(agentTexts)]).to.deep.equal([other.pid, [['echo: one']]]);
    process.kill(other.pid, 'SIGCONT');
    const turn = await driver.runTurn(threadId, 'two');
    await viewer.notification('turn/completed', (params) => params['turn'].id === turn.id);
  });

  it('has one owner when two daemons resume many at once, and whoever comes second is told who that is', async () => {
    const ids = await Promise.all(Array.from({ length: CONVERSATIONS }, () => driver.startThread()));
    await Promise.all(ids.map((threadId) => driver.runTurn(threadId, 'one')));
    await Promise.all(ids.map((threadId) => driver.call('thread/unload', { threadId })));
    const outcomes = await Promise.all(
      ids.map((threadId) =>
        Promise.all([driver.ask('thread/resume', { threadId }), viewer.ask('thread/resume', { threadId })]),
      ),
    );
    for (const [index, [theirs, ours]] of outcomes.entries()) {
      const [winner, loser, pid] =
        theirs.error === undefined ? ([driver, ours, other.pid] as const) : ([viewer, theirs, process.pid] as const);
      expect(loser.error?.data).to.deep.include({ reason: 'already_has_writer', holderPid: pid });
      await winner.runTurn(ids[index]!, 'two');
    }
    for (const file of rig.rolloutFiles()) {
      const lines = readLines(file);
      expect(lines.map(({ ordinal }) => ordinal)).to.deep.equal(lines.map((_line, index) => index));
      expect(lines.filter(({ type }) => type === 'session_meta')).to.have.length(1);
    }
    expect(rig.rolloutFiles()).to.have.length(CONVERSATIONS);
  });
});
