// scripts/setup.mjs in a small checkout of its own, with an npm and a compiler that only note that they were called.
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT } from './import-graph.js';

/** Makes node_modules as `npm ci` would: from nothing, with the record that npm leaves there. */
const NPM = `const fs = require('fs');
fs.appendFileSync('calls', 'npm ' + process.argv[2] + '\\n');
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.writeFileSync('node_modules/typescript/package.json', '{}');
fs.copyFileSync('compiler.js', 'node_modules/typescript/bin/tsc');
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
delete packages[''];
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
`;

/** Writes an output for each source; refuses a source with the word \`wrong\`. Keeps a record as an incremental build does. */
const COMPILER = `const fs = require('fs');
fs.appendFileSync('calls', 'tsc' + (fs.existsSync('dist/.tsbuildinfo') ? '' : ' from nothing') + '\\n');
fs.mkdirSync('dist/src', { recursive: true });
for (const name of fs.readdirSync('src')) {
  const text = fs.readFileSync('src/' + name, 'utf8');
  if (text.includes('wrong')) process.exit(2);
  fs.writeFileSync('dist/src/' + name.replace('.ts', '.js'), text);
}
fs.writeFileSync('dist/.tsbuildinfo', '{}');
`;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

describe('scripts/setup.mjs', () => {
  let folder: string;

  const place = (...parts: string[]): string => path.join(folder, ...parts);
  const write = (name: string, text: string): void => writeFileSync(place(name), text);
  const lockDependency = (version: string): void => {
    const packages = { '': {}, 'node_modules/typescript': { version, integrity: `sha512-${version}` } };
    write('package-lock.json', JSON.stringify({ packages }));
  };
  const takeCalls = (): string[] => {
    const calls = existsSync(place('calls')) ? readFileSync(place('calls'), 'utf8').trimEnd().split('\n') : [];
    rmSync(place('calls'), { force: true });
    return calls;
  };
  const setUp = (): Promise<Outcome> =>
    new Promise((resolve) => {
      const env = { ...process.env, npm_execpath: place('npm-cli.js') };
      execFile(process.execPath, [place('scripts/setup.mjs')], { cwd: tmpdir(), env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'rolloutd-setup-'));
    mkdirSync(place('scripts'));
    mkdirSync(place('src'));
    cpSync(path.join(ROOT, 'scripts/setup.mjs'), place('scripts/setup.mjs'));
    write('npm-cli.js', NPM);
    write('compiler.js', COMPILER);
    write(
      'package.json',
      JSON.stringify({ engines: { node: '>=20.19.0' }, dependencies: {}, devDependencies: { typescript: '1' } }),
    );
    write('tsconfig.json', '{}');
    write('src/one.ts', '1');
    lockDependency('1.0.0');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('installs and builds a fresh checkout, and tells of it on stderr only', async () => {
    const { code, stdout, stderr } = await setUp();
    expect({ code, stdout, calls: takeCalls() }).to.deep.equal({
      code: 0,
      stdout: '',
      calls: ['npm ci', 'tsc from nothing'],
    });
    expect(stderr).to.match(/installing[^]*building/);
  });

  it('does and says nothing when nothing changed', async () => {
    await setUp();
    takeCalls();
    const outcome = await setUp();
    expect({ ...outcome, calls: takeCalls() }).to.deep.equal({ code: 0, stdout: '', stderr: '', calls: [] });
  });

  it('installs again when the lockfile changed, when a package is gone, but not when a source changed', async () => {
    await setUp();
    takeCalls();
    lockDependency('1.0.1');
    await setUp();
    expect(takeCalls(), 'another version').to.deep.equal(['npm ci', 'tsc']);
    rmSync(place('node_modules/typescript'), { recursive: true });
    await setUp();
    expect(takeCalls(), 'a package gone').to.deep.equal(['npm ci']);
    write('src/one.ts', '11');
    await setUp();
    expect(takeCalls(), 'another source').to.deep.equal(['tsc']);
  });

  it('takes over what another command installed, if it is what the lockfile names', async () => {
    await setUp();
    takeCalls();
    rmSync(place('node_modules/.setup-stamp'));
    await setUp();
    expect(takeCalls(), 'the same').to.deep.equal([]);
    rmSync(place('node_modules/.setup-stamp'));
    lockDependency('1.0.1');
    await setUp();
    expect(takeCalls(), 'another').to.deep.equal(['npm ci', 'tsc']);
  });

  it('removes the outputs of sources that are gone', async () => {
    write('src/two.ts', '2');
    await setUp();
    rmSync(place('src/two.ts'));
    write('dist/src/left.test.js', '');
    write('dist/src/left.test.js.map', '');
    await setUp();
    expect(readdirSync(place('dist/src'))).to.deep.equal(['one.js']);
  });

  it('builds from nothing when an output is gone', async () => {
    await setUp();
    takeCalls();
    rmSync(place('dist/src/one.js'));
    await setUp();
    expect(takeCalls()).to.deep.equal(['tsc from nothing']);
  });

  it('fails while the build fails', async () => {
    write('src/one.ts', 'wrong');
    expect((await setUp()).code).to.equal(1);
    const { code, stderr } = await setUp();
    expect(code).to.equal(1);
    expect(stderr).to.include('the build failed (2)');
    write('src/one.ts', '1');
    expect((await setUp()).code).to.equal(0);
  });

  it('works once when several start at the same time', async () => {
    const outcomes = await Promise.all([setUp(), setUp(), setUp(), setUp()]);
    expect(outcomes.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0]);
    expect(takeCalls()).to.deep.equal(['npm ci', 'tsc from nothing']);
    expect(existsSync(place('.cache/setup.lock'))).to.equal(false);
  });

  it('takes over the lock of one that died, whether or not its pid lives again', async () => {
    mkdirSync(place('.cache/setup.lock'), { recursive: true });
    // No process has this pid: it is above the largest that Linux gives.
    write('.cache/setup.lock/4194305', '');
    expect((await setUp()).code, 'a dead pid').to.equal(0);
    write('src/one.ts', '11');
    mkdirSync(place('.cache/setup.lock'), { recursive: true });
    write(`.cache/setup.lock/${process.pid}`, '');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(place('.cache/setup.lock', String(process.pid)), longAgo, longAgo);
    expect((await setUp()).code, 'a pid of another').to.equal(0);
  });

  it('says which Node is needed', async () => {
    write('package.json', JSON.stringify({ engines: { node: '>=99.1.0' }, dependencies: {}, devDependencies: {} }));
    const { code, stderr } = await setUp();
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `set-up: rolloutd needs Node.js 99.1 or newer, this is ${process.version} (${process.execPath})\n`,
    );
  });
});
