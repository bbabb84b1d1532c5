import { appendFileSync, existsSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { expect } from 'chai';
import fc from 'fast-check';
import { placeRollout, readRollout, useWriterRig } from './writer-rig.js';

describe('the rollout writer', () => {
  const rig = useWriterRig();

  it('makes no file for a conversation that never appends', async () => {
    const a = rig.rollout('a');
    const ended = await rig.open(a).finish();
    expect(ended).to.deep.equal({ type: 'ended', written: 0, synced: 0 });
    expect(existsSync(join(rig.folder, 'sessions'))).to.equal(false);
  });

  it('makes the file 0600 in folders 0700 at the first append, and tells at once what is written and synced', async () => {
    const a = rig.rollout('a');
    const session = rig.open(a);
    session.append('{"n":1}\n', true);
    await session.synced();
    expect(session.replies).to.deep.equal([{ type: 'ack', written: 8, synced: 8 }]);
    const modes = [a.path, join(a.path, '..'), join(rig.folder, 'sessions')].map((path) => statSync(path).mode & 0o777);
    expect(modes).to.deep.equal([0o600, 0o700, 0o700]);
    expect(readRollout(a)).to.equal('{"n":1}\n');
  });

  it('acknowledges nothing as synced that nobody wants synced, until the end', async () => {
    const session = rig.open(rig.rollout('a'));
    session.append('one\n');
    await session.written();
    const ended = await session.finish();
    expect(session.replies).to.deep.equal([
      { type: 'ack', written: 4, synced: 0 },
      { type: 'ack', written: 4, synced: 4 },
      { type: 'ended', written: 4, synced: 4 },
    ]);
    expect(ended).to.equal(session.replies.at(-1));
  });

  it('acknowledges only what is in the file, in order, and never as synced before it is written', async () => {
    const a = rig.rollout('a');
    const session = rig.open(a);
    let expected = '';
    const wrong: unknown[] = [];
    let former = { written: 0, synced: 0 };
    session.onReply = (reply) => {
      if (reply.type !== 'ack') return;
      const size = statSync(a.path).size;
      const fits =
        size >= reply.written &&
        reply.written >= reply.synced &&
        reply.written >= former.written &&
        reply.synced >= former.synced;
      if (!fits) wrong.push({ reply, size, former });
      former = reply;
    };
    for (let n = 0; n < 200; n += 1) {
      const text = `{"line":${n},"text":"é🙂"}\n`;
      expected += text;
      session.append(text, n % 3 === 0);
      if (n % 20 === 0) await session.written();
    }
    await session.finish();
    expect(wrong).to.deep.equal([]);
    expect(readRollout(a)).to.equal(expected);
  });

  it('syncs once for all that came while a sync was running', async () => {
    rig.thread = rig.startFaultyThread([{ holdSyncs: true }]);
    const channel = new BroadcastChannel(rig.planPath);
    const heldSync = () => new Promise((resolve) => (channel.onmessage = resolve));
    const first = heldSync();
    const session = rig.open(rig.rollout('a'));
    session.append('1\n', true);
    await first;
    for (const text of ['2\n', '3\n', '4\n']) {
      session.append(text, true);
      await session.written();
    }
    expect(session.replies.filter((reply) => reply.type === 'ack' && reply.synced > 0)).to.deep.equal([]);
    const second = heldSync();
    channel.postMessage('go');
    await second;
    await session.reply((reply) => reply.type === 'ack' && reply.synced === 2);
    channel.postMessage('go');
    await session.synced();
    channel.close();
    expect(session.replies.slice(-2)).to.deep.equal([
      { type: 'ack', written: 8, synced: 2 },
      { type: 'ack', written: 8, synced: 8 },
    ]);
  });

  it('continues a file behind a torn tail that the first append closes, and leaves every former byte', async () => {
    const a = rig.rollout('a');
    const former = '{"n":1}\n{"n":2,"te';
    placeRollout(a, former);
    const session = rig.open(a, former.length);
    session.append('\n');
    session.append('{"n":3}\n', true);
    await session.synced();
    expect(readRollout(a)).to.equal(`${former}\n{"n":3}\n`);
  });

  it('writes only the missing suffix of what a former writer had begun', async () => {
    const a = rig.rollout('a');
    placeRollout(a, 'former\none\ntw');
    const session = rig.open(a, 'former\n'.length);
    session.append('one\n');
    session.append('two\n');
    session.append('three\n');
    await session.written();
    expect(readRollout(a)).to.equal('former\none\ntwo\nthree\n');
  });

  it('acknowledges and syncs what a former writer had written, and writes none of it', async () => {
    const a = rig.rollout('a');
    placeRollout(a, 'one\ntwo\nthree\n');
    const session = rig.open(a);
    session.append('one\n');
    await session.written();
    session.append('two\n', true);
    await session.synced();
    expect(readRollout(a)).to.equal('one\ntwo\nthree\n');
  });

  it('writes what a session had sent before it was lost, by the time of its release, and keeps its journal', async () => {
    const a = rig.rollout('a');
    const session = rig.open(a);
    for (let n = 0; n < 50; n += 1) session.append(`${n}\n`);
    session.journal('record\n', true);
    session.closePort();
    await rig.thread.release('a');
    const expected = Array.from({ length: 50 }, (_, n) => `${n}\n`).join('');
    expect([readRollout(a), readFileSync(a.journalPath, 'utf8')]).to.deep.equal([expected, 'record\n']);
  });

  it('writes nothing of what a session sends after its release, even while that waits for a sync', async () => {
    rig.thread = rig.startFaultyThread([{ holdSyncs: true }]);
    const channel = new BroadcastChannel(rig.planPath);
    const held = new Promise((resolve) => (channel.onmessage = resolve));
    const a = rig.rollout('a');
    const session = rig.open(a);
    session.append('before\n', true);
    await held;
    const released = rig.thread.release('a');
    await rig.thread.release('none: the writer has heard of the release before');
    session.append('after\n');
    await rig.thread.release('none: the writer has heard of the append');
    channel.postMessage('go');
    await released;
    channel.close();
    expect(readRollout(a)).to.equal('before\n');
  });

  it('writes, syncs and closes everything before it reports to be closed', async () => {
    rig.thread = rig.startThread();
    const rollouts = Array.from({ length: 20 }, (_, n) => rig.rollout(`r${n}`));
    for (const each of rollouts) rig.open(each).append('one\ntwo\n', true);
    await rig.thread.close();
    expect(rollouts.map(readRollout)).to.deep.equal(rollouts.map(() => 'one\ntwo\n'));
    expect(rig.thread.threadId).to.equal(null);
  });

  describe('side journal', () => {
    it('is appended to, put afresh and dropped in the order of requests, 0600 in a folder 0700', async () => {
      const a = rig.rollout('a');
      const session = rig.open(a);
      const contents: (string | null)[] = [];
      const step = async (text: string | null, truncate: boolean): Promise<void> => {
        session.journal(text, truncate);
        // The journal follows the acknowledgement of its own tick, and precedes that of the next.
        for (const line of ['line\n', 'line\n']) {
          session.append(line);
          await session.written();
        }
        contents.push(existsSync(a.journalPath) ? readFileSync(a.journalPath, 'utf8') : null);
      };
      await step('1\n', true);
      const modes = [a.journalPath, join(a.journalPath, '..')].map((path) => statSync(path).mode & 0o777);
      await step('2\n', false);
      await step('3\n', true);
      await step(null, false);
      await step('4\n', false);
      expect(contents).to.deep.equal(['1\n', '1\n2\n', '3\n', null, '4\n']);
      expect(modes).to.deep.equal([0o600, 0o700]);
      await session.finish();
      expect(existsSync(a.journalPath)).to.equal(false);
    });

    it('takes nothing more after a failure until it is begun afresh, and tells of each attempt that fails', async () => {
      const a = rig.rollout('a');
      const folder = join(rig.folder, 'journal');
      writeFileSync(folder, 'a file, not a folder');
      const session = rig.open(a);
      const failures = () => session.replies.filter(({ type }) => type === 'journalFailed').length;
      const step = async (text: string, truncate: boolean, line: string): Promise<number> => {
        session.journal(text, truncate);
        session.append(line, true);
        await session.synced();
        return failures();
      };
      const counts = [await step('1\n', true, 'one\n'), await step('2\n', false, 'two\n')];
      counts.push(await step('1\n2\n3\n', true, 'three\n'));
      unlinkSync(folder);
      counts.push(await step('4\n', false, 'four\n'), await step('1\n2\n3\n4\n5\n', true, 'five\n'));
      expect(counts).to.deep.equal([1, 1, 2, 2, 2]);
      expect(readFileSync(a.journalPath, 'utf8')).to.equal('1\n2\n3\n4\n5\n');
      await session.finish();
    });

    it('may fail without the rollout, and says so each time, at the end too', async () => {
      const a = rig.rollout('a');
      writeFileSync(join(rig.folder, 'journal'), 'a file, not a folder');
      const session = rig.open(a);
      session.journal('1\n', true);
      session.journal('2\n', false);
      session.append('line\n');
      await session.finish();
      const failures = session.replies.filter(({ type }) => type !== 'ack' && type !== 'ended');
      expect(failures.map(({ type }) => type)).to.deep.equal(['journalFailed', 'journalFailed']);
      expect(readRollout(a)).to.equal('line\n');
    });

    it('stays when an append failed: it has what the rollout lacks', async () => {
      const a = rig.rollout('a');
      const session = rig.open(a);
      session.journal('partial\n', true);
      session.append('line\n');
      await session.written();
      appendFileSync(a.path, 'foreign\n');
      session.append('the whole item\n');
      session.journal(null);
      await session.finish();
      expect(readFileSync(a.journalPath, 'utf8')).to.equal('partial\n');
    });
  });

  it('holds every file to the concatenation of its appends, however often the thread dies in a write', async function () {
    this.timeout(60_000);
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constant('é🙂\n'), fc.constant('x'.repeat(5000)));
    const step = fc.record({
      session: fc.nat({ max: 2 }),
      text: text.map((value) => `${value}\n`),
      sync: fc.boolean(),
      wait: fc.boolean(),
    });
    const death = fc.record({ write: fc.integer({ min: 1, max: 6 }), bytes: fc.nat({ max: 60 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.array(death, { maxLength: 4 }), async (steps, deaths) => {
        await rig.cleanUp();
        rig.prepare();
        rig.thread = rig.startFaultyThread(deaths.map((dieAtWrite) => ({ dieAtWrite })));
        const rollouts = [rig.rollout('p0'), rig.rollout('p1'), rig.rollout('p2')];
        const open = rollouts.map((each) => rig.open(each));
        const expected = ['', '', ''];
        const early: unknown[] = [];
        open.forEach((session, n) => {
          session.onReply = (reply) => {
            if (reply.type === 'ack' && statSync(rollouts[n]!.path).size < reply.written) early.push(reply);
          };
        });
        for (const each of steps) {
          expected[each.session] += each.text;
          open[each.session]!.append(each.text, each.sync);
          if (each.wait) await open[each.session]!.written();
        }
        await Promise.all(open.map((session) => session.finish()));
        const contents = rollouts.map((each) => (existsSync(each.path) ? readFileSync(each.path) : Buffer.alloc(0)));
        expect(contents.map((content, n) => content.equals(Buffer.from(expected[n]!)))).to.deep.equal([
          true,
          true,
          true,
        ]);
        expect(early).to.deep.equal([]);
      }),
      { numRuns: 10 },
    );
  });
});
