import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from '../../src/cli/daemon-file.js';
import type { DaemonFile } from '../../src/cli/daemon-file.js';
import { ownIdentity } from '../../src/supervisor/process-identity.js';

describe('daemon file', () => {
  let home: string;
  const { pid, start: processStart } = ownIdentity();
  const ours: DaemonFile = {
    pid,
    processStart,
    url: 'ws://127.0.0.1:1',
    version: '1.0.0',
    startedAt: '2026-01-01T00:00:00.000Z',
    supervised: true,
    serveArgs: ['--home', '/somewhere'],
    closeLimitMs: 5_000,
  };

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
    const gone = spawnSync(process.execPath, ['--version']).pid;
    writeDaemonFile(home, { ...ours, pid: gone, processStart: null });
    expect(readDaemonFile(home)).to.equal(null);
  });

  it('does not take a process for the daemon that only has its number', () => {
    writeDaemonFile(home, { ...ours, processStart: `${ours.processStart}0` });
    expect(readDaemonFile(home)).to.equal(null);
  });

  it('takes what a file of an older version does not say for what was so then', () => {
    writeDaemonFile(home, ours);
    const { url, version, startedAt } = ours;
    writeFileSync(path(), JSON.stringify({ pid, url, version, startedAt }));
    const unsaid = { processStart: null, supervised: false, serveArgs: [], closeLimitMs: 5_000 };
    expect(readDaemonFile(home)).to.deep.equal({ pid, url, version, startedAt, ...unsaid });
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
