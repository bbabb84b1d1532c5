import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findDiffRoot } from '../../../src/agent/patch/find-diff-root.js';
import { useTempFolder } from '../../support/temp-folder.js';

describe('findDiffRoot', () => {
  const folder = useTempFolder();
  const at = (name: string): string => join(folder(), name);

  it('is the root of the nearest repository, of a linked one too, else the folder itself', async () => {
    for (const name of ['repo/.git', 'repo/a/b', 'repo/linked/c', 'plain/d']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('repo/linked/.git'), 'gitdir: elsewhere\n');
    const roots = await Promise.all(
      ['repo', 'repo/a/b', 'repo/linked/c', 'plain/d'].map((name) => findDiffRoot(at(name))),
    );
    expect(roots).to.deep.equal([at('repo'), at('repo'), at('repo/linked'), at('plain/d')]);
  });
});
