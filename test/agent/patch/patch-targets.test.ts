import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isBelow, isWithinRoots } from '../../../src/agent/patch/patch-targets.js';
import { planPatch } from '../../../src/agent/patch/plan-patch.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('isWithinRoots', () => {
  const temp = useTempFolder();
  const at = (...names: string[]): string => join(realpathSync(temp()), ...names);

  beforeEach(() => {
    for (const folder of ['ws/src', 'ws/.git/hooks', 'ws/sub/.git', 'ws/.codex', 'outside']) {
      mkdirSync(at(folder), { recursive: true });
    }
    for (const file of ['ws/src/a.ts', 'ws/.git/config', 'outside/o.txt']) writeFileSync(at(file), 'x\n');
    symlinkSync(at('outside'), at('ws/out'));
    symlinkSync(at('outside/o.txt'), at('ws/o-link'));
    symlinkSync('../outside/not-there', at('ws/dangling'));
    symlinkSync('.git', at('ws/git-link'));
    symlinkSync('src', at('ws/src-link'));
    symlinkSync('ws', at('ws-link'));
    mkdirSync(at('ws/real-git'));
    mkdirSync(at('ws/other'));
    symlinkSync('../real-git', at('ws/other/.git'));
  });

  async function isAllowed(name: string, roots = [at('ws')], verb = 'Add'): Promise<boolean> {
    const { targets } = await planPatch(`*** Begin Patch\n*** ${verb} File: ${name}\n*** End Patch`, at('ws'));
    return isWithinRoots(targets, roots);
  }

  for (const name of [
    'new.txt',
    'src/a.ts',
    'deep/er/new.txt',
    'src-link/new.txt',
    './src/../b',
    '.gitignore',
    'x.git/y',
    '...',
    '..x/y',
  ]) {
    it(`allows ${name} in a root`, async () => {
      expect(await isAllowed(name)).to.equal(true);
    });
  }

  for (const name of [
    '../outside/x',
    '../x',
    '/rolloutd-no-such-folder/x',
    'out/x',
    'out/o.txt',
    'o-link',
    'dangling',
    '.git/config',
    '.git/hooks/post-commit',
    '.GIT/config',
    'sub/.git/config',
    'new/.git/config',
    '.codex/config.toml',
    'git-link/config',
    'other/.git/config',
  ]) {
    it(`refuses ${name}`, async () => {
      expect(await isAllowed(name)).to.equal(false);
    });
  }

  it('allows the removal of a link that leads out, which stays inside', async () => {
    expect(await isAllowed('o-link', [at('ws')], 'Delete')).to.equal(true);
    expect(await isAllowed('out', [at('ws')], 'Delete')).to.equal(true);
  });

  it('knows a root by a link', async () => {
    expect(await isAllowed('src/a.ts', [at('ws-link')])).to.equal(true);
    expect(await isAllowed(at('ws-link/src/a.ts'), [at('ws')])).to.equal(true);
    expect(await isAllowed(at('ws-link/.git/config'), [at('ws')])).to.equal(false);
    expect(await isAllowed(at('ws-link/other/.git/config'), [at('ws')])).to.equal(false);
    expect(await isAllowed('../outside/x', [at('ws-link')])).to.equal(false);
  });

  it('allows what any of several roots has', async () => {
    expect(await isAllowed('../outside/x', [at('ws'), at('outside')])).to.equal(true);
    expect(await isAllowed('.git/config', [at('ws'), at('ws/.git')])).to.equal(true);
  });

  it('refuses a patch of which only one part leads out, if only by a move', async () => {
    const patch = '*** Begin Patch\n*** Add File: a\n*** Update File: src/a.ts\n*** Move to: out/a.ts\n*** End Patch';
    const { targets } = await planPatch(patch, at('ws'));
    expect(targets.map(({ realPath }) => realPath)).to.deep.equal([at('ws/a'), at('ws/src/a.ts'), at('outside/a.ts')]);
    expect(await isWithinRoots(targets, [at('ws')])).to.equal(false);
  });

  it('refuses everything without a root, and other names as told', async () => {
    expect(await isAllowed('new.txt', [])).to.equal(false);
    const { targets } = await planPatch('*** Begin Patch\n*** Add File: secret/x\n*** End Patch', at('ws'));
    expect(await isWithinRoots(targets, [at('ws')], ['secret'])).to.equal(false);
  });
});

describe('isBelow', () => {
  it('knows a place and what is in it from what only begins alike', () => {
    const places = ['/a/b'];
    expect(['/a/b', '/a/b/c', '/a/bc', '/a', '/'].map((path) => isBelow(path, places))).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
