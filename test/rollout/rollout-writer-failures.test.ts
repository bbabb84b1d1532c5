import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { mountTmpfs } from './tmpfs-mount.js';
import { failureOf, placeRollout, readRollout, useWriterRig } from './writer-rig.js';

describe('the rollout writer, when a file is not what it should be', () => {
  const rig = useWriterRig();

  const conflicts: { title: string; content: string | null; size: number; text: string }[] = [
    { title: 'holds other bytes at the offset', content: 'former\nelse\n', size: 7, text: 'mine\n' },
    { title: 'differs only in the last byte that both have', content: 'former\nmina', size: 7, text: 'mine\n' },
    { title: 'is shorter than the offset', content: 'form', size: 7, text: 'mine\n' },
    { title: 'is gone', content: null, size: 7, text: 'mine\n' },
  ];
  for (const { title, content, size, text } of conflicts) {
    it(`refuses to append to a file that ${title}, and leaves it as it is`, async () => {
      const a = rig.rollout('a');
      if (content !== null) placeRollout(a, content);
      const session = rig.open(a, size);
      session.append(text);
      expect((await failureOf(session)).code).to.equal('rollout_conflict');
      expect(existsSync(a.path) ? readRollout(a) : null).to.equal(content);
    });
  }

  it('refuses to put a file in the way of a compressed one', async () => {
    const a = rig.rollout('a');
    placeRollout({ ...a, path: `${a.path}.zst` }, 'compressed');
    const session = rig.open(a);
    session.append('mine\n');
    expect(await failureOf(session)).to.deep.include({
      code: 'rollout_conflict',
      message: `rollout ${a.path} is compressed, it must be restored before anything is appended`,
    });
    expect([existsSync(a.path), readRollout({ ...a, path: `${a.path}.zst` })]).to.deep.equal([false, 'compressed']);
  });

  it('finds out that somebody else appended, or removed the file, between two of its own appends', async () => {
    const [a, b] = [rig.rollout('a'), rig.rollout('b')];
    const sessionA = rig.open(a);
    const sessionB = rig.open(b);
    sessionA.append('mine\n');
    sessionB.append('mine\n');
    await Promise.all([sessionA.written(), sessionB.written()]);
    appendFileSync(a.path, 'foreign\n');
    unlinkSync(b.path);
    sessionA.append('mine too\n');
    sessionB.append('mine too\n');
    const codes = [(await failureOf(sessionA)).code, (await failureOf(sessionB)).code];
    expect(codes).to.deep.equal(['rollout_conflict', 'rollout_conflict']);
    expect([readRollout(a), existsSync(b.path)]).to.deep.equal(['mine\nforeign\n', false]);
  });

  it('tells errno and path of what cannot be written, drops what came behind, and goes on with the others', async () => {
    const [link, inFile, isFolder, sound] = ['link', 'in-file', 'is-folder', 'sound'].map((id) => rig.rollout(id));
    placeRollout(link!, '');
    unlinkSync(link!.path);
    writeFileSync(join(rig.folder, 'target'), 'target\n');
    symlinkSync(join(rig.folder, 'target'), link!.path);
    inFile!.path = join(rig.folder, 'target', 'in-file.jsonl');
    mkdirSync(isFolder!.path, { recursive: true });
    const failing = [link!, inFile!, isFolder!].map((each) => rig.open(each));
    const session = rig.open(sound!);
    for (const each of [...failing, session]) {
      each.append('one\n');
      each.append('two\n');
    }
    await session.written();
    const failures = await Promise.all(failing.map(failureOf));
    expect(failures.map(({ code, errno }) => ({ code, errno }))).to.deep.equal([
      { code: 'rollout_write_failed', errno: 'ELOOP' },
      { code: 'rollout_write_failed', errno: 'ENOTDIR' },
      { code: 'rollout_write_failed', errno: 'EISDIR' },
    ]);
    expect(failures[0]!.message).to.include(link!.path).and.include('ELOOP');
    for (const each of failing) each.append('three\n');
    await Promise.all(failing.map((each) => each.finish()));
    expect(failing.map(({ replies }) => replies.map(({ type }) => type))).to.deep.equal(
      failing.map(() => ['failed', 'ended']),
    );
    expect([readRollout(sound!), readFileSync(join(rig.folder, 'target'), 'utf8')]).to.deep.equal([
      'one\ntwo\n',
      'target\n',
    ]);
  });

  it('goes on over the same port, without a gap or a repeat, when there is room again on a full disk', async function () {
    const disk = join(rig.folder, 'disk');
    mkdirSync(disk);
    rig.tmpfs = mountTmpfs(this, disk, 65_536);
    rig.thread = rig.startThread();
    const [full, elsewhere] = [rig.rollout('full', disk), rig.rollout('elsewhere')];
    const session = rig.open(full);
    session.append('first\n', true);
    await session.synced();
    const line = `${'x'.repeat(999)}\n`;
    for (let n = 0; n < 100; n += 1) session.append(line);
    session.append('last\n');
    const failure = await failureOf(session);
    expect({ code: failure.code, errno: failure.errno }).to.deep.equal({
      code: 'rollout_write_failed',
      errno: 'ENOSPC',
    });
    const acknowledged = Math.max(...session.replies.map((reply) => (reply.type === 'ack' ? reply.written : 0)));
    expect(acknowledged).to.equal(statSync(full.path).size).and.be.below(65_537);

    const other = rig.open(elsewhere);
    other.append('one\n', true);
    await other.synced();

    rig.tmpfs.resize(1 << 20);
    session.resend();
    await session.written();
    expect(readRollout(full)).to.equal(`first\n${line.repeat(100)}last\n`);
  });

  it('fails only the conversation on a read-only disk', async function () {
    const disk = join(rig.folder, 'disk');
    mkdirSync(disk);
    rig.tmpfs = mountTmpfs(this, disk, 65_536);
    rig.thread = rig.startThread();
    const [readOnly, elsewhere] = [rig.rollout('read-only', disk), rig.rollout('elsewhere')];
    rig.tmpfs.makeReadOnly();
    const session = rig.open(readOnly);
    const other = rig.open(elsewhere);
    session.append('one\n');
    other.append('one\n', true);
    await other.synced();
    expect((await failureOf(session)).errno).to.equal('EROFS');
  });

  it('never calls synced, nor takes again, what a sync failed for', async () => {
    rig.thread = rig.startFaultyThread([{ failSyncs: true }]);
    const session = rig.open(rig.rollout('a'));
    session.append('one\n', true);
    const failure = await failureOf(session);
    session.resend();
    const ended = await session.finish();
    expect([failure.code, failure.errno]).to.deep.equal(['rollout_write_failed', 'EIO']);
    expect(ended).to.deep.equal({ type: 'ended', written: 4, synced: 0 });
  });
});
