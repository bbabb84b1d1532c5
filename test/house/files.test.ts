// Holds every file of the project to the house style that neither the compiler nor the linter knows.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { requireProgram } from '../support/system-programs.js';
import { listSources, ROOT } from './import-graph.js';

const CODE = ['src', 'workers', 'test', 'bench'];

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Files of the project, tracked or about to be: what git does not ignore. */
function listTree(git: string): string[] {
  return execFileSync(git, ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(path.join(ROOT, file)));
}

describe('the files of the house', () => {
  it('are 400 lines long at most', () => {
    const lengths = listSources(CODE).map((file) => ({ file, lines: read(file).split('\n').length - 1 }));
    expect(lengths.filter(({ lines }) => lines > 400)).to.deep.equal([]);
  });

  it('are named in kebab-case after what they export', () => {
    const names = listSources(CODE).filter(
      (file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)+[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(file),
    );
    expect(names).to.deep.equal([]);
  });

  it('are never called utils, helpers or the like', () => {
    const vague = /(^|-)(utils?|helpers?|common|misc|shared)(-|\.)|^index\./;
    // The entry of the index thread: what it holds is an index.
    const named = listSources(CODE).filter(
      (file) => vague.test(path.posix.basename(file)) && file !== 'workers/index.ts',
    );
    expect(named).to.deep.equal([]);
  });

  it('begin with a comment that says what they own and on which thread', () => {
    const headless = listSources(['src', 'workers']).filter((file) => {
      const header = /^(\/\/ .+\n)+/.exec(read(file))?.[0] ?? '';
      return header.length < 30 || !/thread|worker|client|types/i.test(header);
    });
    expect(headless).to.deep.equal([]);
  });

  it('name no path of the machine that they were written on', function () {
    // Without a repository, as in an unpacked archive, nobody is about to publish a path.
    if (!existsSync(path.join(ROOT, '.git'))) return this.skip();
    const git = requireProgram(this, 'git');
    // The home of root is the same everywhere, and the wire contract has paths that begin like it.
    const places = [`${ROOT}/`, `${homedir()}/`].filter((place) => place.length > 2 && place !== '/root/');
    const found = listTree(git).flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (places.some((place) => line.includes(place)) ? [`${file}:${index + 1}`] : [])),
    );
    expect(found).to.deep.equal([]);
  });

  it('link to files that are there', () => {
    const pages = [...listSources(['docs'], '.md'), 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
    const dangling = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
        .map(([, target = '']) => path.join(path.dirname(page), target))
        .filter((target) => !existsSync(path.join(ROOT, target)))
        .map((target) => `${page} links to ${target}`),
    );
    expect(dangling).to.deep.equal([]);
  });
});
