import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { DaemonRig, readLines } from '../support/daemon-rig.js';

describe('a conversation over restarts', () => {
  let rig: DaemonRig;
  beforeEach(async () => {
    rig = await DaemonRig.start();
  });
  afterEach(() => rig.close());

  it('continues one file under one id, three times over, with the whole history before the model', async () => {
    let client = await rig.client();
    const threadId = await client.startThread({ cwd: rig.home.workspace });
    await client.runTurn(threadId, 'words 0');
    const [file] = rig.rolloutFiles();
    for (let round = 1; round <= 3; round += 1) {
      const before = readFileSync(file!);
      await rig.restart();
      client = await rig.client();
      const resumed = await client.call('thread/resume', { threadId });
      expect(resumed.thread.id).to.equal(threadId);
      expect(resumed.thread.turns).to.have.length(round);
      await client.runTurn(threadId, `words ${round}`);
      expect(rig.rolloutFiles()).to.deep.equal([file]);
      const after = readFileSync(file!);
      expect(after.subarray(0, before.length).equals(before), 'former bytes untouched').to.equal(true);
      expect(after.length).to.be.greaterThan(before.length);
    }
    const lines = readLines(file!);
    expect(lines.filter((line) => line.type === 'session_meta')).to.have.length(1);
    expect(lines.map((line) => line.ordinal)).to.deep.equal(lines.map((_line, index) => index));
    const { data } = await client.call('thread/list', {});
    expect(data.map((thread: { id: string }) => thread.id)).to.deep.equal([threadId]);
    const seen = rig.model.requests
      .at(-1)!
      .input.map((item: any) => (item.content ?? []).map((part: any) => part.text).join(''));
    const words = seen.filter((text: string) => /^(echo: )?words/.test(text));
    expect(words).to.deep.equal([
      'words 0',
      'echo: words 0',
      'words 1',
      'echo: words 1',
      'words 2',
      'echo: words 2',
      'words 3',
    ]);
  });

  it('appends nothing by a resume without input', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'hello');
    const [file] = rig.rolloutFiles();
    const before = readFileSync(file!);
    await rig.restart();
    const client = await rig.client();
    await client.call('thread/resume', { threadId });
    await rig.restart();
    expect(readFileSync(file!).equals(before)).to.equal(true);
  });

  it('resumes by path whatever the id says, and refuses paths outside of the home', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'hello');
    const [file] = rig.rolloutFiles();
    await rig.restart();
    const client = await rig.client();
    const resumed = await client.call('thread/resume', { threadId: 'ignored', path: file });
    expect(resumed.thread.id).to.equal(threadId);
    const refused = await client.ask('thread/resume', { threadId: 'ignored', path: '/etc/passwd' });
    expect(refused.error?.data.reason).to.equal('rollout_path_not_allowed');
  });

  it('makes one session and one writer of ten clients that resume one id at once', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'hello');
    await rig.restart();
    const clients = await Promise.all(Array.from({ length: 10 }, () => rig.client()));
    const results = await Promise.all(clients.map((client) => client.call('thread/resume', { threadId })));
    expect(new Set(results.map((result) => result.thread.id))).to.deep.equal(new Set([threadId]));
    expect(rig.daemon.registry.loadedIds()).to.deep.equal([threadId]);
    const done = await clients[0]!.runTurn(threadId, 'again');
    expect(done.status).to.equal('completed');
    await Promise.all(
      clients.map((client) => client.notification('turn/completed', (params) => params.turn.id === done.id)),
    );
    expect(rig.rolloutFiles()).to.have.length(1);
    expect(readLines(rig.rolloutFiles()[0]!).filter((line) => line.payload.type === 'task_started')).to.have.length(2);
  });

  it('closes a broken turn at the next input, not at the resume, and tells the model', async () => {
    const first = await rig.client();
    const threadId = await first.startThread();
    await first.runTurn(threadId, 'hello');
    const [file] = rig.rolloutFiles();
    await rig.daemon.close();
    const whole = readFileSync(file!, 'utf8').split('\n');
    const cut = whole.findIndex((line) => line.includes('"AgentMessage"'));
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file!, `${whole.slice(0, cut).join('\n')}\n{"timestamp":"torn`);
    const torn = readFileSync(file!);
    await rig.restart();
    const client = await rig.client();
    const resumed = await client.call('thread/resume', { threadId });
    expect(resumed.thread.turns.map((turn: any) => turn.status)).to.deep.equal(['interrupted']);
    expect(readFileSync(file!).equals(torn)).to.equal(true);
    await client.runTurn(threadId, 'after');
    const bytes = readFileSync(file!);
    expect(bytes.subarray(0, torn.length).equals(torn)).to.equal(true);
    expect(bytes[torn.length]).to.equal(0x0a);
    const read = await client.call('thread/read', { threadId, includeTurns: true });
    expect(read.thread.turns.map((turn: any) => turn.status)).to.deep.equal(['interrupted', 'completed']);
    const texts = JSON.stringify(rig.model.requests.at(-1)!.input);
    expect(texts).to.match(/hello.*turn_aborted.*after/);
  });
});
