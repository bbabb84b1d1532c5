// Holds the oracle's checks of files: torn pieces, order, former bytes, names and modes. Runs without a daemon.
import { appendFile, chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { HomeFiles } from '../faults/check-files.js';
import { makeRandom } from '../faults/random.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { rolloutBytes, THREAD, wholeTurnLines } from './hand-made.js';

const THREADS = new Set([THREAD]);

describe('HomeFiles', () => {
  let home: TempHome;
  let folder: string;
  let path: string;
  let files: HomeFiles;
  const whole = rolloutBytes(wholeTurnLines());

  beforeEach(async () => {
    home = await makeTempHome({ modelBaseUrl: 'http://127.0.0.1:1/v1' });
    folder = join(home.path, 'sessions', '2026', '11', '23');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    path = join(folder, `rollout-2026-11-23T06-00-39-${THREAD}.jsonl`);
    files = new HomeFiles(home.path);
  });

  afterEach(() => home.remove());

  async function findings(): Promise<string[]> {
    const { violations } = await files.check(THREADS, THREADS);
    return violations.map(({ kind, what }) => `${kind}: ${what.replace(/.*jsonl:? /, '')}`);
  }

  it('finds nothing wrong with a file that only grows', async () => {
    await writeFile(path, whole.subarray(0, 500), { mode: 0o600 });
    await files.check(THREADS, THREADS);
    await writeFile(path, whole);
    expect(await findings()).to.deep.equal([]);
  });

  it('allows a piece that a kill tore off, and only with the newline that closes it', async () => {
    await writeFile(path, Buffer.concat([whole, Buffer.from('{"timestamp":"20')]), { mode: 0o600 });
    expect(await findings()).to.deep.equal([]);
    await appendFile(path, '\n');
    expect(await findings()).to.deep.equal([]);
  });

  it('reports a record that was appended to a torn piece', async () => {
    await writeFile(path, Buffer.concat([whole, Buffer.from('{"timestamp":"20')]), { mode: 0o600 });
    await findings();
    await appendFile(path, '{"timestamp":"","type":"event_msg","ordinal":9,"payload":{}}\n');
    expect(await findings()).to.deep.equal([`unreadable: the line at byte ${whole.length}`]);
  });

  it('reports a line that does not parse where no kill was', async () => {
    await writeFile(path, Buffer.concat([whole, Buffer.from('{"timestamp\n'), whole.subarray(0, 0)]), { mode: 0o600 });
    expect(await findings()).to.deep.equal([`unreadable: the line at byte ${whole.length}`]);
  });

  it('knows the pieces that it put in itself', async () => {
    await writeFile(path, whole, { mode: 0o600 });
    const { rollouts } = await files.check(THREADS, THREADS);
    await files.tear(rollouts.get(THREAD)!, makeRandom(1));
    expect(await files.checkUntouched()).to.deep.equal([]);
    await appendFile(path, '\n');
    expect(await findings()).to.deep.equal([]);
  });

  it('reports ordinals that repeat or fall, and a second session_meta', async () => {
    await writeFile(path, Buffer.concat([whole, whole]), { mode: 0o600 });
    expect(await findings()).to.deep.equal([`file: the ordinal at byte ${whole.length}`, 'doubled: session_meta']);
  });

  it('reports former bytes that changed', async () => {
    await writeFile(path, whole, { mode: 0o600 });
    await findings();
    const changed = Buffer.from(whole);
    changed.write('Z', whole.indexOf('hello'));
    await writeFile(path, changed);
    expect(await findings()).to.deep.equal(['file: former bytes changed']);
    await writeFile(path, whole.subarray(0, 400));
    expect((await findings())[0]).to.equal('file: former bytes changed');
  });

  it('reports a file that is gone, a second one, and one of no conversation', async () => {
    await writeFile(path, whole, { mode: 0o600 });
    await findings();
    const other = join(folder, `rollout-2026-11-23T07-00-39-${THREAD}.jsonl`);
    await writeFile(other, whole, { mode: 0o600 });
    expect(await findings()).to.deep.equal(['file: a second file']);
    await rename(other, join(folder, 'rollout-2026-11-23T07-00-39-01a206ee-0000-7dc3-8570-8420e64dacfd.jsonl'));
    expect(await findings()).to.have.members(['file: is gone', 'file: a file of no conversation']);
  });

  it('takes no notice of a file that was cut off within its first record, before the real one', async () => {
    await writeFile(path, whole.subarray(0, 40), { mode: 0o600 });
    await findings();
    await writeFile(join(folder, `rollout-2026-11-23T09-00-39-${THREAD}.jsonl`), whole, { mode: 0o600 });
    expect(await findings()).to.deep.equal([]);
  });

  it('reports a mode that lets others in', async () => {
    await writeFile(path, whole, { mode: 0o600 });
    await chmod(folder, 0o755);
    expect(await findings()).to.deep.equal(['file: its mode']);
  });

  it('reports a write without input', async () => {
    await writeFile(path, whole, { mode: 0o600 });
    await findings();
    await appendFile(path, '\n');
    expect(await files.checkUntouched()).to.have.length(1);
  });
});
