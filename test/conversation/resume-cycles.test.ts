import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRig, readLines } from '../support/daemon-rig.js';
import { agentTexts } from './wire-story.js';

/** RESUME_CYCLES=1000 is the long run. */
const CYCLES = Number(process.env['RESUME_CYCLES'] ?? 100);
const WARM_UP = 10;
/** What a process may grow by, whatever it does: pages that the collector has not given back. */
const SLACK_BYTES = 48 * 1024 * 1024;

describe('a conversation that is resumed and unloaded again and again', () => {
  let rig: DaemonRig;
  before(async () => {
    rig = await DaemonRig.start();
  });
  after(() => rig.close());

  it(`stays one file, to which nothing is added, and leaves nothing behind: ${CYCLES} times`, async () => {
    const client = await rig.client();
    const threadId = await client.startThread();
    await client.runTurn(threadId, 'before');
    await client.call('thread/unload', { threadId });
    const [file] = rig.rolloutFiles();
    const before = readFileSync(file!);
    const cycle = async (): Promise<void> => {
      const { thread } = await client.call('thread/resume', { threadId });
      expect(thread.turns.map(agentTexts)).to.deep.equal([['echo: before']]);
      await client.call('thread/unload', { threadId });
      // What the client has received is kept, and is not the daemon's.
      client.received.length = 0;
    };
    for (let count = 0; count < WARM_UP; count += 1) await cycle();
    const descriptors = (): number => readdirSync('/dev/fd').length;
    const [descriptorsBefore, bytesBefore] = [descriptors(), process.memoryUsage.rss()];
    for (let count = 0; count < CYCLES; count += 1) await cycle();
    expect(descriptors()).to.be.at.most(descriptorsBefore);
    expect(process.memoryUsage.rss() - bytesBefore).to.be.lessThan(SLACK_BYTES);
    expect(readFileSync(file!).equals(before), 'the file is as it was').to.equal(true);
    expect(rig.rolloutFiles()).to.deep.equal([file]);
    expect(readdirSync(join(rig.home.path, 'thread-writer-locks'))).to.deep.equal(['.coordination.lock']);
    expect(rig.daemon.registry.loadedIds()).to.deep.equal([]);

    await client.call('thread/resume', { threadId });
    await client.runTurn(threadId, 'after');
    const after = readFileSync(file!);
    expect(after.subarray(0, before.length).equals(before), 'the former bytes are as they were').to.equal(true);
    const lines = readLines(file!);
    expect(lines.filter(({ type }) => type === 'session_meta')).to.have.length(1);
    expect(lines.map(({ ordinal }) => ordinal)).to.deep.equal(lines.map((_line, index) => index));
    expect((await client.call('thread/list', {})).data).to.have.length(1);
  }).timeout(20_000 + 200 * CYCLES);
});
