import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { compressedPathOf } from '../../src/rollout/file-name.js';
import { compressFile } from '../support/compressed-rollout.js';
import { DaemonRig } from '../support/daemon-rig.js';
import type { CheckedClient } from '../support/checked-client.js';
import { runTurns, wordsBeforeModel, wordsByPage, wordsByRead } from './branch-story.js';

describe('a compressed conversation', () => {
  let rig: DaemonRig;
  let client: CheckedClient;
  let threadId: string;
  let path: string;
  beforeEach(async () => {
    rig = await DaemonRig.start();
    client = await rig.client();
    threadId = await client.startThread({ cwd: rig.home.workspace });
    await runTurns(client, threadId, ['one', 'two']);
    [path] = rig.rolloutFiles() as [string];
  });
  afterEach(() => rig.close());

  /** As another program does it with conversations that nobody uses. */
  async function compressAll(): Promise<void> {
    await rig.daemon.close();
    for (const file of rig.rolloutFiles()) compressFile(file);
    await rig.restart();
    client = await rig.client();
  }

  it('is listed and read where it lies, by the path of the plain file', async () => {
    await rig.restart();
    client = await rig.client();
    const before = (await client.call('thread/list', {})).data;
    expect(before[0]).to.include({ id: threadId, path });
    await compressAll();
    expect((await client.call('thread/list', {})).data).to.deep.equal(before);
    expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'two']);
    expect(await wordsByPage(client, threadId)).to.deep.equal(['one', 'two']);
    expect([existsSync(path), existsSync(compressedPathOf(path))]).to.deep.equal([false, true]);
  });

  it('goes on in a plain file once it is resumed', async () => {
    await compressAll();
    const { thread } = await client.call('thread/resume', { threadId });
    expect(thread.path).to.equal(path);
    expect([existsSync(path), existsSync(compressedPathOf(path))]).to.deep.equal([true, false]);
    await runTurns(client, threadId, ['three']);
    expect(wordsBeforeModel(rig)).to.deep.equal(['one', 'echo: one', 'two', 'echo: two', 'three']);
    await rig.restart();
    client = await rig.client();
    expect(await wordsByRead(client, threadId)).to.deep.equal(['one', 'two', 'three']);
  });

  it('serves its forks as it is', async () => {
    const fork = (await client.call('thread/fork', { threadId })).thread.id as string;
    await runTurns(client, fork, ['in the fork']);
    await compressAll();
    await client.call('thread/resume', { threadId: fork });
    await runTurns(client, fork, ['more']);
    expect(wordsBeforeModel(rig)).to.deep.equal([
      ...['one', 'echo: one', 'two', 'echo: two', 'in the fork', 'echo: in the fork'],
      'more',
    ]);
    const late = (await client.call('thread/fork', { threadId })).thread;
    expect(late.turns).to.have.length(2);
    expect([existsSync(path), existsSync(compressedPathOf(path))]).to.deep.equal([false, true]);
  });

  it('is archived, taken back and deleted as it is', async () => {
    await compressAll();
    await client.call('thread/archive', { threadId });
    expect((await client.call('thread/list', { archived: true })).data.map(({ id }: any) => id)).to.deep.equal([
      threadId,
    ]);
    expect((await client.call('thread/unarchive', { threadId })).thread).to.include({ id: threadId, path });
    expect(existsSync(compressedPathOf(path))).to.equal(true);
    await client.call('thread/delete', { threadId });
    expect((await client.call('thread/list', {})).data).to.deep.equal([]);
    expect(existsSync(compressedPathOf(path))).to.equal(false);
  });
});
