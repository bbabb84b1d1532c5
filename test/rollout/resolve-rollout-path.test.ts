import { chownSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import type { DaemonError } from '../../src/errors.js';
import { resolveRolloutPath } from '../../src/rollout/resolve-rollout-path.js';
import { useTempFolder } from '../support/temp-folder.js';

const NAME = 'rollout-2026-11-23T05-57-39-01a208b6-d22d-7b11-b9c2-d48e07ff0822.jsonl';

describe('resolveRolloutPath', () => {
  const folder = useTempFolder();
  let home: string;
  let outside: string;
  let inside: string;

  beforeEach(() => {
    home = join(realpathSync(folder()), 'home');
    outside = join(realpathSync(folder()), 'outside');
    inside = join(home, 'sessions', '2026');
    for (const made of [inside, outside, join(home, 'archived_sessions')]) mkdirSync(made, { recursive: true });
  });

  function touch(path: string): string {
    writeFileSync(path, '');
    return path;
  }

  async function refusal(path: string): Promise<string> {
    return resolveRolloutPath(home, path).then(
      (resolved) => expect.fail(`resolved to ${resolved}`),
      (error: unknown) => (error as DaemonError).code,
    );
  }

  it('accepts rollouts of both folders', async () => {
    for (const path of [touch(join(inside, NAME)), touch(join(home, 'archived_sessions', NAME))]) {
      expect(await resolveRolloutPath(home, path)).to.equal(path);
    }
  });

  it('gives one spelling to all ways to a file', async () => {
    const path = touch(join(inside, NAME));
    symlinkSync(home, join(outside, 'home'));
    symlinkSync(path, join(outside, 'shortcut'));
    for (const way of [
      join(inside, '..', '2026', '.', NAME),
      join(outside, 'home', relative(home, path)),
      join(outside, 'shortcut'),
    ]) {
      expect(await resolveRolloutPath(home, way)).to.equal(path);
    }
  });

  it('names files through a home that is itself a link', async () => {
    const path = touch(join(inside, NAME));
    const link = join(outside, 'home');
    symlinkSync(home, link);
    expect(await resolveRolloutPath(link, path)).to.equal(join(link, relative(home, path)));
  });

  it('refuses files of other places', async () => {
    const elsewhere = touch(join(outside, NAME));
    const sibling = join(home, 'sessions-of-another');
    mkdirSync(sibling);
    for (const path of [elsewhere, touch(join(home, NAME)), touch(join(sibling, NAME)), '/etc/passwd']) {
      expect(await refusal(path), path).to.equal('rollout_path_not_allowed');
    }
  });

  it('refuses links that lead out', async () => {
    touch(join(outside, NAME));
    symlinkSync(join(outside, NAME), join(inside, NAME));
    symlinkSync(outside, join(inside, 'folder'));
    for (const path of [join(inside, NAME), join(inside, 'folder', NAME)]) {
      expect(await refusal(path)).to.equal('rollout_path_not_allowed');
    }
  });

  it('refuses what is no rollout', async () => {
    const folderNamedSo = join(inside, NAME);
    mkdirSync(folderNamedSo);
    for (const path of [folderNamedSo, touch(join(inside, 'notes.jsonl')), inside, join(home, 'sessions')]) {
      expect(await refusal(path), path).to.equal('rollout_path_not_allowed');
    }
  });

  it('names a compressed file as if it were plain, by either of its paths', async () => {
    const plain = join(inside, NAME);
    touch(`${plain}.zst`);
    symlinkSync(`${plain}.zst`, join(outside, 'shortcut'));
    for (const way of [plain, `${plain}.zst`, join(outside, 'shortcut')]) {
      expect(await resolveRolloutPath(home, way)).to.equal(plain);
    }
  });

  it('finds a file by the path that it had before it was restored or compressed', async () => {
    const [plain, compressed] = [join(inside, NAME), join(inside, `${NAME}.zst`)];
    touch(plain);
    expect(await resolveRolloutPath(home, compressed)).to.equal(plain);
    touch(compressed);
    expect(await resolveRolloutPath(home, compressed)).to.equal(plain);
    rmSync(plain);
    expect(await resolveRolloutPath(home, plain)).to.equal(plain);
  });

  it('finds a file by the path that it had before it was archived or taken back', async () => {
    const active = join(home, 'sessions', '2026', '11', '23', NAME);
    const archived = join(home, 'archived_sessions', NAME);
    mkdirSync(dirname(active), { recursive: true });
    touch(archived);
    for (const way of [active, `${active}.zst`, join(inside, NAME)]) {
      expect(await resolveRolloutPath(home, way)).to.equal(archived);
    }
    renameSync(archived, active);
    for (const way of [archived, `${archived}.zst`]) expect(await resolveRolloutPath(home, way)).to.equal(active);
    rmSync(active);
    symlinkSync(touch(join(outside, NAME)), active);
    expect(await refusal(archived)).to.equal('rollout_path_not_allowed');
  });

  it('refuses a compressed file under the same conditions', async () => {
    const elsewhere = touch(join(outside, `${NAME}.zst`));
    const folderNamedSo = join(inside, `${NAME}.zst`);
    mkdirSync(folderNamedSo);
    symlinkSync(elsewhere, join(home, 'archived_sessions', `${NAME}.zst`));
    const notes = touch(join(inside, 'notes.jsonl.zst'));
    const linked = join(home, 'archived_sessions', NAME);
    for (const path of [elsewhere, join(outside, NAME), folderNamedSo, linked, `${linked}.zst`, notes]) {
      expect(await refusal(path), path).to.equal('rollout_path_not_allowed');
    }
  });

  it('refuses a compressed file beside which a link would be opened', async () => {
    touch(join(inside, `${NAME}.zst`));
    symlinkSync('/etc/passwd', join(inside, NAME));
    for (const path of [join(inside, NAME), join(inside, `${NAME}.zst`)]) {
      expect(await refusal(path), path).to.equal('rollout_path_not_allowed');
    }
  });

  it('refuses files of other users', async function () {
    // Only root can make one.
    if (process.getuid?.() !== 0) return this.skip();
    for (const path of [touch(join(inside, NAME)), touch(join(inside, `${NAME}.zst`))]) {
      chownSync(path, 65534, 65534);
      expect(await refusal(path)).to.equal('rollout_path_not_allowed');
      rmSync(path);
    }
  });

  it('refuses relative paths and zeros', async () => {
    expect([await refusal(NAME), await refusal(`${inside}/${NAME}\0`)]).to.deep.equal([
      'rollout_path_not_allowed',
      'rollout_path_not_allowed',
    ]);
  });

  it('says in the words clients know that a file does not exist', async () => {
    const path = join(outside, 'none.jsonl');
    const error = await resolveRolloutPath(home, path).catch((caught: unknown) => caught as DaemonError);
    expect(error).to.include({
      code: 'rollout_not_found',
      message: `failed to resolve rollout path \`${path}\`: file does not exist`,
    });
  });
});
