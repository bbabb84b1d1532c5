import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from '../../src/cli/daemon-file.js';

describe('daemon file', () => {
  let home: string;
  const ours = { pid: process.pid, url: 'ws://127.0.0.1:1', version: '1.0.0', startedAt: '2026-01-01T00:00:00.000Z' };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-daemon-file-'));
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const path = () => join(home, 'rolloutd', 'daemon.json');

  it('says where the daemon is, in a private file, and leaves nothing else behind', () => {
    writeDaemonFile(home, ours);
    expect(readDaemonFile(home)).to.deep.equal(ours);
    expect((lstatSync(path()).mode & 0o777).toString(8)).to.equal('600');
    expect(readdirSync(join(home, 'rolloutd'))).to.deep.equal(['daemon.json']);
  });

  it('finds none in a home without a daemon', () => {
    expect(readDaemonFile(home)).to.equal(null);
  });

  it('does not believe a file whose process is gone', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeDaemonFile(home, { ...ours, pid });
    expect(readDaemonFile(home)).to.equal(null);
  });

  it('finds none behind a file that is cut off or of another shape', () => {
    for (const text of [
      '',
      '{"pid":',
      '[]',
      'null',
      '{"pid":"1","url":"x"}',
      '{"pid":-1,"url":"x"}',
      '{"pid":0,"url":"x"}',
      `{"pid":${process.pid}}`,
    ]) {
      writeDaemonFile(home, ours);
      writeFileSync(path(), text);
      expect(readDaemonFile(home), text).to.equal(null);
    }
  });

  it('is not read through a link or when others could have written it', () => {
    writeDaemonFile(home, ours);
    chmodSync(path(), 0o666);
    expect(() => readDaemonFile(home)).to.throw('chmod 600');
    rmSync(path());
    symlinkSync(join(home, 'elsewhere'), path());
    expect(() => readDaemonFile(home)).to.throw('symbolic link');
  });

  it('replaces what an earlier daemon left, even a link, without following it', () => {
    writeDaemonFile(home, ours);
    rmSync(path());
    symlinkSync(join(home, 'elsewhere'), path());
    writeDaemonFile(home, ours);
    expect(readDaemonFile(home)).to.deep.equal(ours);
    expect(readdirSync(home)).to.deep.equal(['rolloutd']);
  });

  it('is removed only by the daemon that it names', () => {
    writeDaemonFile(home, ours);
    removeDaemonFile(home, { ...ours, startedAt: '2026-01-02T00:00:00.000Z' });
    removeDaemonFile(home, { ...ours, pid: ours.pid + 1 });
    expect(readDaemonFile(home)).to.deep.equal(ours);
    removeDaemonFile(home, ours);
    removeDaemonFile(home, ours);
    expect(readdirSync(join(home, 'rolloutd'))).to.deep.equal([]);
  });

  it('never keeps a daemon from stopping', () => {
    writeDaemonFile(home, ours);
    chmodSync(path(), 0o644);
    removeDaemonFile(home, ours);
    rmSync(join(home, 'rolloutd'), { recursive: true });
    removeDaemonFile(home, ours);
  });
});
