import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findClosedFiles, writablePlaces } from '../../../src/agent/policy/writable-places.js';
import type { WritablePlaces } from '../../../src/agent/policy/writable-places.js';
import { useTempFolder } from '../../support/temp-folder.js';

const OPTIONS = {
  cwd: '/p',
  workspaceRoots: ['/p', '/q'],
  temporaryFolder: '/var/tmp/me/',
  closedFolders: ['/p/home'],
};

describe('writablePlaces', () => {
  it('opens the workspace, the roots of the policy and the temporary folders, but for guarded folders', () => {
    expect(writablePlaces({ type: 'workspaceWrite', writableRoots: ['/r/'] }, OPTIONS)).to.deep.equal({
      everywhere: false,
      roots: ['/p', '/q', '/r/', '/tmp', '/var/tmp/me/'],
      closed: [
        ...['/p', '/q', '/r'].flatMap((root) => ['.git', '.agents', '.codex', '.aws'].map((name) => `${root}/${name}`)),
        '/p/home',
      ],
    });
    const narrow = { type: 'workspaceWrite', excludeSlashTmp: true, excludeTmpdirEnvVar: true } as const;
    expect(writablePlaces(narrow, OPTIONS).roots).to.deep.equal(['/p', '/q']);
    expect(writablePlaces({ type: 'workspaceWrite' }, { ...OPTIONS, temporaryFolder: null }).roots).to.deep.equal([
      '/p',
      '/q',
      '/tmp',
    ]);
  });

  it('opens nothing of a read-only sandbox and everything without a sandbox of ours', () => {
    expect(
      (['readOnly', 'dangerFullAccess', 'externalSandbox'] as const).map((type) => writablePlaces({ type }, OPTIONS)),
    ).to.deep.equal([false, true, true].map((everywhere) => ({ everywhere, roots: [], closed: [] })));
  });
});

describe('findClosedFiles', () => {
  const folder = useTempFolder();
  const closedOf = async (places: Partial<WritablePlaces>, ...names: string[]): Promise<string[]> => {
    const root = join(folder(), 'p');
    const full = { everywhere: false, roots: [root], closed: [join(root, '.git')], ...places };
    const closed = await findClosedFiles(
      full,
      names.map((name) => (name.startsWith('/') ? name : `${root}/${name}`)),
    );
    return closed.map((file) => file.replace(`${root}/`, ''));
  };

  beforeEach(() => {
    mkdirSync(join(folder(), 'p', '.git'), { recursive: true });
    mkdirSync(join(folder(), 'outside'));
    mkdirSync(join(folder(), 'p', 'real'));
    writeFileSync(join(folder(), 'outside', 'there'), '');
  });

  it('opens what lies within, also in folders that are yet to be made', async () => {
    const closed = await closedOf({}, 'a', 'new/deep/a', '../outside/a', '.git/config', '.git', 'x/../../outside/a', '.gitignore', '/etc/passwd', '../p2/a');
    expect(closed).to.deep.equal(['../outside/a', '.git/config', '.git', 'x/../../outside/a', '/etc/passwd', '../p2/a']);
  }); // prettier-ignore

  it('follows links of files and folders, also those that lead to nothing yet', async () => {
    const link = (target: string, name: string): void => symlinkSync(target, join(folder(), 'p', name));
    link('../outside', 'way-out');
    link('../outside/there', 'file-out');
    link('../outside/not-there', 'dangling-out');
    link('dangling-out', 'dangling-twice');
    link('loop', 'loop');
    link('.git', 'to-git');
    link('real', 'way-in');
    link('real/new', 'dangling-in');
    const names = ['way-out/a', 'way-out/new/a', 'file-out', 'dangling-out', 'dangling-twice', 'loop', 'to-git/config', 'way-in/a', 'dangling-in', 'real/a'];
    expect(await closedOf({}, ...names)).to.deep.equal(names.slice(0, 7));
  }); // prettier-ignore

  it('knows a place under its other name', async () => {
    symlinkSync('p', join(folder(), 'alias'));
    const alias = join(folder(), 'alias');
    expect(await closedOf({ roots: [alias], closed: [join(alias, '.git')] }, 'a', '.git/x')).to.deep.equal(['.git/x']);
    expect(await closedOf({ roots: ['/'], closed: [] }, '/etc/passwd')).to.deep.equal([]);
  });

  it('closes every file where nothing is open, and none where everything is', async () => {
    expect(await closedOf({ roots: [] }, 'a')).to.deep.equal(['a']);
    expect(await closedOf({ everywhere: true, roots: [] }, 'a', '/etc/passwd')).to.deep.equal([]);
  });
});
