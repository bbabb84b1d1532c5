// From a policy to what a sandbox shows. Main thread.
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { listGuards, planMounts } from '../../../src/agent/sandbox/plan-mounts.js';
import type { Mount, PlanRequest } from '../../../src/agent/sandbox/plan-mounts.js';
import { homePlaces } from '../../../src/agent/sandbox/sandbox-places.js';
import { useTempFolder } from '../../support/temp-folder.js';

const NO_PLACES = { hidden: [], covered: [], shown: [] };
const NARROW = { type: 'workspaceWrite', excludeSlashTmp: true, excludeTmpdirEnvVar: true } as const;

describe('planMounts()', () => {
  const folder = useTempFolder();

  function at(...parts: string[]): string {
    return join(realpathSync(folder()), ...parts);
  }

  function makeFolders(...paths: string[]): void {
    for (const path of paths) mkdirSync(at(path), { recursive: true });
  }

  /** `kind path`, with paths relative to the test's folder. */
  function plan(request: Partial<PlanRequest>): string[] {
    const mounts = planMounts({
      policy: NARROW,
      workspaceRoots: [],
      temporaryFolder: null,
      places: NO_PLACES,
      ...request,
    });
    return mounts.map(({ path, kind, source }: Mount) => {
      const place = path.startsWith(`${at()}/`) ? path.slice(at().length + 1) : path;
      return `${kind} ${place}${source === undefined || source === path ? '' : ` from ${source.slice(at().length + 1)}`}`;
    });
  }

  it('makes nothing writable under readOnly', () => {
    makeFolders('project/.git');
    expect(
      plan({ policy: { type: 'readOnly' }, workspaceRoots: [at('project')], temporaryFolder: '/tmp' }),
    ).to.deep.equal([]);
  });

  it('makes the roots writable but for what guards them, and nothing that is not there', () => {
    makeFolders('project/.git', 'project/.codex', 'other');
    const policy = { ...NARROW, writableRoots: [at('other'), at('missing')] };
    expect(plan({ policy, workspaceRoots: [at('project')] })).to.deep.equal([
      'writable other',
      'writable project',
      'readOnly project/.codex',
      'readOnly project/.git',
    ]);
  });

  it('makes the temporary folders writable unless they are excluded', () => {
    makeFolders('t');
    const wide = { type: 'workspaceWrite' } as const;
    const plans = [wide, { ...wide, excludeSlashTmp: true }, { ...wide, excludeTmpdirEnvVar: true }, NARROW].map(
      (policy) => plan({ policy, temporaryFolder: at('t') }),
    );
    const tmp = `writable ${realpathSync('/tmp')}`;
    // The test's folder lies in /tmp, and so is a folder between two roots.
    const [both, ...others] = plans;
    expect([both?.at(0), both?.at(-1), others]).to.deep.equal([tmp, 'writable t', [['writable t'], [tmp], []]]);
  });

  it('follows links to where things are', () => {
    makeFolders('real/project');
    symlinkSync(at('real'), at('link'));
    expect(plan({ workspaceRoots: [at('link/project')] })).to.deep.equal(['writable real/project']);
  });

  it('guards what the .git of a work tree points to', () => {
    makeFolders('main/.git/worktrees/tree', 'tree');
    writeFileSync(at('tree/.git'), `gitdir: ${at('main/.git/worktrees/tree')}\n`);
    writeFileSync(at('main/.git/worktrees/tree/commondir'), '../..\n');
    expect(plan({ workspaceRoots: [at('tree')], policy: { ...NARROW, writableRoots: [at('main')] } })).to.deep.equal([
      'writable main',
      'writable tree',
      'readOnly main/.git',
      'readOnly tree/.git',
      'writable main/.git/worktrees',
      'readOnly main/.git/worktrees/tree',
    ]);
  });

  it('covers the home, shows what is written for the agent, and hides where links lead to', () => {
    makeFolders('home/skills', 'home/rolloutd', 'elsewhere/sessions', 'elsewhere/notes');
    symlinkSync(at('elsewhere/sessions'), at('home/sessions'));
    writeFileSync(at('elsewhere/notes/AGENTS.md'), '');
    symlinkSync(at('elsewhere/notes/AGENTS.md'), at('home/AGENTS.md'));
    writeFileSync(at('home/auth.json'), '{}');
    expect(plan({ policy: { type: 'readOnly' }, places: homePlaces(at('home')) })).to.deep.equal([
      'emptyFolder home',
      'emptyFolder elsewhere/sessions',
      'readOnly home/AGENTS.md from elsewhere/notes/AGENTS.md',
      'emptyFile home/auth.json',
      'emptyFolder home/rolloutd',
      'readOnly home/skills',
    ]);
  });

  it('lets no root open what is private, but a workspace that lies in the home', () => {
    makeFolders('home/sessions/a', 'home/worktrees/w', 'home/rolloutd');
    const roots = ['home', 'home/sessions/a', 'home/worktrees/w', 'home/rolloutd'].map((path) => at(path));
    expect(plan({ workspaceRoots: roots, places: homePlaces(at('home')) })).to.deep.equal([
      'emptyFolder home',
      'emptyFolder home/rolloutd',
      'emptyFolder home/sessions',
      'writable home/worktrees/w',
    ]);
  });

  it('pins the folders between a root and what is hidden in it, so that none can be moved away', () => {
    makeFolders('root/deep/deeper/home');
    const places = { ...NO_PLACES, covered: [at('root/deep/deeper/home')] };
    expect(plan({ workspaceRoots: [at('root')], places })).to.deep.equal([
      'writable root',
      'writable root/deep',
      'writable root/deep/deeper',
      'emptyFolder root/deep/deeper/home',
    ]);
  });
});

describe('listGuards()', () => {
  const folder = useTempFolder();

  it('names them whether or not they are there, in roots and not in temporary folders', () => {
    const root = realpathSync(folder());
    mkdirSync(join(root, '.git'));
    const request = { policy: { type: 'workspaceWrite' } as const, workspaceRoots: [root], temporaryFolder: '/tmp' };
    expect(listGuards({ ...request, places: NO_PLACES })).to.deep.equal(
      ['.git', '.agents', '.codex', '.aws'].map((name) => join(root, name)),
    );
  });
});
