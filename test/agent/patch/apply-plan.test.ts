import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { chmodSync, mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { applyPlan } from '../../../src/agent/patch/apply-plan.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import { mountTmpfs } from '../../rollout/tmpfs-mount.js';
import { asNoRoot } from '../../support/no-root.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { readTree } from './read-tree.js';

/** What changes files; the deeds that take back and tidy up are others. */
const DEEDS = ['open', 'rename', 'link', 'mkdir', 'readlink', 'stat', 'lstat'] as const;
const HANDLE_DEEDS = ['writeFile', 'chmod', 'stat', 'readFile'] as const;

/** The system refuses the n-th deed from now on, once. Tells how to end that, and whether it came so far. */
async function refuseDeed(number: number, code: string): Promise<() => boolean> {
  let count = 0;
  const restore: (() => void)[] = [];
  const lay = (owner: Record<string, (...args: unknown[]) => Promise<unknown>>, name: string): void => {
    const real = owner[name]!;
    owner[name] = async function (this: unknown, ...args: unknown[]) {
      count += 1;
      if (count === number) throw Object.assign(new Error(`${code}: put in by the test, ${name}`), { code });
      return real.apply(this, args);
    };
    restore.push(() => void (owner[name] = real));
  };
  const handle = await fs.open('/dev/null');
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of DEEDS) lay(fs as never, name);
  for (const name of HANDLE_DEEDS) lay(prototype as never, name);
  syncBuiltinESMExports();
  return () => {
    for (const step of restore) step();
    syncBuiltinESMExports();
    return count >= number;
  };
}

const PATCH = `*** Begin Patch
*** Update File: run.sh
-a
+b
*** Add File: new/deep/er/file
+x
*** Update File: old
*** Move to: moved/old
-a
+b
*** Delete File: gone
*** Delete File: link
*** Update File: over
*** Move to: gone
*** Delete File: swapped
*** Add File: swapped
+x
*** End Patch`;

describe('applyPlan', () => {
  const temp = useTempFolder();
  const at = (name: string): string => join(realpathSync(temp()), name);

  function layOut(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const name of ['run.sh', 'old', 'gone', 'over']) writeFileSync(join(folder, name), 'a\n');
    chmodSync(join(folder, 'run.sh'), 0o750);
    for (const name of ['link', 'swapped']) symlinkSync('run.sh', join(folder, name));
  }

  const after = {
    gone: '644 a\n',
    moved: '755 folder',
    'moved/old': '644 b\n',
    new: '755 folder',
    'new/deep': '755 folder',
    'new/deep/er': '755 folder',
    'new/deep/er/file': '644 x\n',
    'run.sh': '750 b\n',
    swapped: '644 x\n',
  };

  it('changes all files and leaves nothing beside them', async () => {
    layOut(at('ws'));
    await applyPlan(await planPatch(PATCH, at('ws')));
    expect(readTree(at('ws'))).to.deep.equal(after);
  });

  it('changes nothing when the system refuses any one of its deeds', async () => {
    let number = 0;
    for (let goesOn = true; goesOn;) {
      number += 1;
      const code = ['ENOSPC', 'EACCES', 'EIO'][number % 3]!;
      const folder = at(`ws-${number}`);
      layOut(folder);
      const before = readTree(folder);
      const plan = await planPatch(PATCH, folder);
      const stop = await refuseDeed(number, code);
      const error = await applyPlan(plan).catch((thrown: unknown) => thrown);
      goesOn = stop();
      if (goesOn) {
        expect(error, `deed ${number}`).to.include({ code: 'io_failed' });
        expect((error as Error).message).to.match(new RegExp(`could not be written, so nothing was changed: ${code}$`));
      }
      expect(readTree(folder), `deed ${number}`).to.deep.equal(goesOn ? before : after);
    }
    expect(number).to.be.greaterThan(50);
  });

  it('copies the old content where there are no hard links', async () => {
    layOut(at('ws'));
    const plan = await planPatch(PATCH, at('ws'));
    const { link } = fs;
    fs.link = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }));
    syncBuiltinESMExports();
    try {
      await applyPlan(plan);
    } finally {
      fs.link = link;
      syncBuiltinESMExports();
    }
    expect(readTree(at('ws'))).to.deep.equal(after);
  });

  it('changes nothing on a disk that becomes full in the middle', async function () {
    mkdirSync(at('ws'));
    const mount = mountTmpfs(this, at('ws'), 256 * 1024);
    try {
      for (const name of ['a', 'b', 'c']) writeFileSync(join(at('ws'), name), `${'x'.repeat(50_000)}\nend\n`);
      const before = readTree(at('ws'));
      const patch = ['a', 'b', 'c'].map((name) => `*** Update File: ${name}\n-end\n+END`).join('\n');
      const plan = await planPatch(`*** Begin Patch\n${patch}\n*** End Patch`, at('ws'));
      const error = await applyPlan(plan).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'io_failed' });
      expect((error as Error).message).to.match(/ENOSPC$/);
      expect(readTree(at('ws'))).to.deep.equal(before);
    } finally {
      mount.unmount();
    }
  });

  it('changes nothing when the last folder is closed to it', async () => {
    layOut(at('ws'));
    mkdirSync(at('ws/closed'));
    chmodSync(at('ws/closed'), 0o555);
    const patch = PATCH.replace('*** End Patch', '*** Add File: closed/file\n+x\n*** End Patch');
    await asNoRoot(at('.'), async () => {
      const before = readTree(at('ws'));
      const error = await planPatch(patch, at('ws'))
        .then(applyPlan)
        .catch((thrown: unknown) => thrown);
      expect(error).to.include({
        code: 'io_failed',
        message: `${at('ws/closed/file')} could not be written, so nothing was changed: EACCES`,
      });
      expect(readTree(at('ws'))).to.deep.equal(before);
    });
    chmodSync(at('ws/closed'), 0o755);
  });

  it('changes nothing when a folder on the way was replaced by a link after the plan', async () => {
    for (const folder of ['sub', 'sub/deep']) {
      for (const file of [`ws-${folder}/${folder}/f`, 'outside/f', 'outside/deep/f']) {
        mkdirSync(join(at(file), '..'), { recursive: true });
        writeFileSync(at(file), 'a\n');
      }
      const ws = at(`ws-${folder}`);
      writeFileSync(join(ws, 'first'), 'a\n');
      const patch = `*** Begin Patch\n*** Update File: first\n-a\n+b\n*** Update File: ${folder}/f\n-a\n+b\n*** End Patch`;
      const plan = await planPatch(patch, ws);
      renameSync(join(ws, 'sub'), join(ws, 'former'));
      symlinkSync(at('outside'), join(ws, 'sub'));
      const before = readTree(at('.'));
      expect(await applyPlan(plan).catch((thrown: unknown) => thrown)).to.include({ code: 'changed_meanwhile' });
      expect(readTree(at('.'))).to.deep.equal(before);
    }
  });

  it('changes nothing when a file, or its mode, is not what the plan has read', async () => {
    for (const [name, change] of Object.entries<(file: string) => void>({
      content: (file) => writeFileSync(file, 'other\n'),
      mode: (file) => chmodSync(file, 0o600),
      name: (file) => renameSync(file, `${file}.bak`),
      kind: (file) => {
        renameSync(file, `${file}.bak`);
        mkdirSync(file);
      },
      pipe: (file) => {
        renameSync(file, `${file}.bak`);
        execFileSync('mkfifo', [file]);
      },
      link: (file) => {
        renameSync(file, `${file}.bak`);
        symlinkSync(`${file}.bak`, file);
      },
    })) {
      layOut(at(name));
      const plan = await planPatch(PATCH, at(name));
      change(join(at(name), 'old'));
      const before = readTree(at(name));
      expect(await applyPlan(plan).catch((thrown: unknown) => thrown), name).to.include({ code: 'changed_meanwhile' });
      expect(readTree(at(name))).to.deep.equal(before);
    }
  });

  it('changes nothing when a file has come to be where a new one shall be', async () => {
    layOut(at('ws'));
    const plan = await planPatch(PATCH, at('ws'));
    mkdirSync(at('ws/moved'));
    writeFileSync(at('ws/moved/old'), 'mine');
    const before = readTree(at('ws'));
    expect(await applyPlan(plan).catch((thrown: unknown) => thrown)).to.include({ code: 'changed_meanwhile' });
    expect(readTree(at('ws'))).to.deep.equal(before);
  });
});
