import { expect } from 'chai';
import { join } from 'node:path';
import { approvalLines, askFor, scriptAsking } from '../conversation/asking.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { findProjectRoot } from '../support/child-program.js';
import { TerminalProgram } from '../support/terminal.js';

describe('rolloutd ask at a terminal', function () {
  this.timeout(30_000);
  let rig: DaemonRig;
  let terminal: TerminalProgram;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    scriptAsking(rig);
    terminal = new TerminalProgram({
      command: process.execPath,
      args: [join(findProjectRoot(), 'bin', 'rolloutd.js'), 'ask', '--url', rig.daemon.url, askFor(2)],
      cwd: rig.home.workspace,
      env: { PATH: process.env['PATH'] ?? '', HOME: rig.home.root, ROLLOUTD_TOKEN: rig.token },
    });
  });
  afterEach(async () => {
    await terminal.kill();
    await rig.close();
  });

  const threadId = (): string => rig.daemon.registry.loadedIds()[0]!;

  it('asks the person what the agent asks, one thing after the other', async () => {
    await terminal.waitFor(/Which color\?\n {2}1: Blue \(b\)\n {2}2: Red \(r\)\nYour answer:/);
    terminal.type('2\r');
    await terminal.waitFor(/Your answer: 2\n[^]*Your answer:/);
    terminal.type('something greener\r');
    expect(await terminal.waitForExit()).to.deep.equal({ code: 0, signal: 0 });
    expect(terminal.text).to.match(/tool said \d+ chars: /);
    const answers = approvalLines(rig, threadId()).flatMap(({ answer }) => answer ?? []);
    expect(answers).to.deep.equal([
      { answers: { q0: { answers: ['Red'] } } },
      { answers: { q1: { answers: ['something greener'] } } },
    ]);
  });

  it('goes on when another client has answered', async () => {
    await terminal.waitFor('Your answer:');
    const other = await rig.client();
    await other.call('thread/resume', { threadId: threadId() });
    for (const { id, params } of other.questionsOf(threadId())) {
      other.answer(id, { result: { answers: { [params!['questions'][0].id]: { answers: ['Blue'] } } } });
    }
    expect(await terminal.waitForExit()).to.deep.equal({ code: 0, signal: 0 });
    expect(terminal.text).to.include('That was answered elsewhere, or is not asked any more.');
  });

  it('is interrupted by Ctrl-C while it asks', async () => {
    await terminal.waitFor('Your answer:');
    terminal.type('\u0003');
    expect(await terminal.waitForExit()).to.deep.equal({ code: 130, signal: 0 });
    const outcomes = approvalLines(rig, threadId()).flatMap(({ outcome }) => outcome ?? []);
    expect(outcomes).to.deep.equal(['cancelled', 'cancelled']);
  });
});
