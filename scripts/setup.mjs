// Makes a checkout ready to run: installs what package-lock.json names and builds dist/, each only when it is out of date.
// Runs before `npm start`, `npm test` and `npm run check`. Needs nothing but Node and npm; says nothing when all is ready.
//
// This file is parsed by whatever Node there is, before the version is checked: keep to old syntax (no `?.`, no `??`).
import { spawn } from 'child_process';
import { createHash } from 'crypto';
import * as fs from 'fs';
import * as path from 'path';
import { fileURLToPath } from 'url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SOURCE_FOLDERS = ['src', 'workers', 'test', 'bench'];
const DIST = path.join(ROOT, 'dist');
const BUILD_INFO = path.join(DIST, '.tsbuildinfo');
const BUILD_STAMP = path.join(DIST, '.setup-stamp');
const MODULES = path.join(ROOT, 'node_modules');
const INSTALL_STAMP = path.join(MODULES, '.setup-stamp');
const LOCK = path.join(ROOT, '.cache', 'setup.lock');
/** A lock whose owner gave no sign of life for this long was left behind. */
const LOCK_STALE_MS = 15000;

/** A failure that is told in one sentence, without a stack. */
class SetupError extends Error {}

function say(text) {
  process.stderr.write('set-up: ' + text + '\n');
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function checkNodeVersion() {
  const wanted = /(\d+)\.(\d+)/.exec(JSON.parse(readText(path.join(ROOT, 'package.json'))).engines.node);
  const found = process.versions.node.split('.').map(Number);
  const isOld = found[0] < Number(wanted[1]) || (found[0] === Number(wanted[1]) && found[1] < Number(wanted[2]));
  if (isOld) {
    throw new SetupError(
      `rolloutd needs Node.js ${wanted[1]}.${wanted[2]} or newer, this is ${process.version} (${process.execPath})`,
    );
  }
}

/** What an installation depends on: the lockfile, and what native packages are built for. */
function describeInstall() {
  const lockfile = fs.readFileSync(path.join(ROOT, 'package-lock.json'));
  const hash = createHash('sha256').update(lockfile).digest('hex');
  return `${hash} node${process.versions.node.split('.')[0]} ${process.platform}-${process.arch}`;
}

/** True when the installed tree is the lockfile's, though another command than this one installed it. */
function isInstalledByHand() {
  const hidden = readText(path.join(MODULES, '.package-lock.json'));
  if (hidden === null) return false;
  const installed = JSON.parse(hidden).packages;
  const locked = JSON.parse(readText(path.join(ROOT, 'package-lock.json'))).packages;
  for (const name of Object.keys(locked)) {
    if (name === '') continue;
    const entry = locked[name];
    const found = installed[name];
    if (found === undefined) {
      // An optional package is missed where it names this platform; which libc fits, npm alone knows.
      const isForHere =
        entry.os !== undefined &&
        entry.os.includes(process.platform) &&
        (entry.cpu === undefined || entry.cpu.includes(process.arch)) &&
        entry.libc === undefined;
      if (!entry.optional || isForHere) return false;
    } else if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return false;
    }
  }
  return Object.keys(installed).every((name) => locked[name] !== undefined);
}

function isInstalled() {
  const manifest = JSON.parse(readText(path.join(ROOT, 'package.json')));
  const names = Object.keys(manifest.dependencies).concat(Object.keys(manifest.devDependencies));
  return (
    readText(INSTALL_STAMP) === describeInstall() &&
    names.every((name) => fs.existsSync(path.join(MODULES, name, 'package.json')))
  );
}

function listFiles(folder, accept, files = []) {
  let entries;
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return files;
    throw error;
  }
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) listFiles(file, accept, files);
    else if (accept(entry.name)) files.push(file);
  }
  return files;
}

function listSources() {
  const files = [];
  for (const folder of SOURCE_FOLDERS) {
    listFiles(path.join(ROOT, folder), (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'), files);
  }
  return files.sort();
}

function outputOf(source) {
  return path.join(DIST, path.relative(ROOT, source)).replace(/\.ts$/, '.js');
}

/** What a build depends on. Taken before compiling, so that an edit made meanwhile leads to another build. */
function describeBuild(sources) {
  const hash = createHash('sha256').update(describeInstall());
  for (const file of sources.concat(path.join(ROOT, 'tsconfig.json'))) {
    const stat = fs.statSync(file);
    hash.update(`${path.relative(ROOT, file)}\0${stat.mtimeMs}\0${stat.size}\n`);
  }
  return hash.digest('hex');
}

function listMissingOutputs(sources) {
  return sources.map(outputOf).filter((output) => !fs.existsSync(output));
}

/** Outputs whose source is gone: a test that was deleted must not run again. */
function listOrphans(sources) {
  const wanted = new Set(sources.map(outputOf));
  return listFiles(DIST, (name) => /\.js(\.map)?$/.test(name)).filter(
    (file) => !wanted.has(file.replace(/\.map$/, '')),
  );
}

function isBuilt() {
  const sources = listSources();
  return (
    readText(BUILD_STAMP) === describeBuild(sources) &&
    listMissingOutputs(sources).length === 0 &&
    listOrphans(sources).length === 0
  );
}

function isReady() {
  return isInstalled() && isBuilt();
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    // Their standard output goes to our standard error: that of `npm start` belongs to the daemon.
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? code : signal));
  });
}

async function install() {
  if (isInstalled()) return;
  if (isInstalledByHand()) {
    fs.writeFileSync(INSTALL_STAMP, describeInstall());
    if (isInstalled()) return;
  }
  const started = Date.now();
  say('installing dependencies (npm ci), this can take a minute...');
  fs.rmSync(INSTALL_STAMP, { force: true });
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  // The npm that runs this script, if one does; a shell's otherwise.
  const result =
    npm !== undefined && /npm-cli\.[cm]?js$/.test(npm)
      ? await run(process.execPath, [npm].concat(args))
      : await run('npm', args);
  if (result !== 0) {
    throw new SetupError(`npm ci failed (${result}); its messages are above. Is the package registry within reach?`);
  }
  fs.writeFileSync(INSTALL_STAMP, describeInstall());
  say(`dependencies installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

async function build() {
  if (isBuilt()) return;
  const started = Date.now();
  const sources = listSources();
  const description = describeBuild(sources);
  say('building...');
  fs.rmSync(BUILD_STAMP, { force: true });
  // An incremental build writes only what changed since its own record: with an output gone that record is wrong.
  if (listMissingOutputs(sources).length > 0) fs.rmSync(BUILD_INFO, { force: true });
  const compiler = path.join(MODULES, 'typescript', 'bin', 'tsc');
  const result = await run(process.execPath, [compiler, '-p', path.join(ROOT, 'tsconfig.json')]);
  for (const file of listOrphans(sources)) fs.rmSync(file, { force: true });
  if (result !== 0) throw new SetupError(`the build failed (${result}); the compiler's messages are above`);
  fs.writeFileSync(BUILD_STAMP, description);
  say(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The age of a file or folder, or null when it is gone. */
function ageOf(file) {
  try {
    return Date.now() - fs.statSync(file).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * The lock is a folder that holds one file, named after its owner's pid and touched while the owner lives. Removing that
 * file is how a lock left behind is taken over: of several who try, one succeeds.
 */
function tryLock(claim) {
  try {
    fs.mkdirSync(LOCK);
    fs.writeFileSync(claim, '');
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  let owner;
  try {
    owner = fs.readdirSync(LOCK)[0];
    if (owner === undefined) {
      // Between two steps of another's claim, or of one that died there.
      if (ageOf(LOCK) > LOCK_STALE_MS) fs.rmdirSync(LOCK);
      return false;
    }
    const age = ageOf(path.join(LOCK, owner));
    if (age === null || (age < LOCK_STALE_MS && isAlive(Number(owner)))) return false;
    fs.unlinkSync(path.join(LOCK, owner));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTEMPTY') return false;
    throw error;
  }
  fs.writeFileSync(claim, '');
  return true;
}

async function withLock(action) {
  fs.mkdirSync(path.dirname(LOCK), { recursive: true });
  const claim = path.join(LOCK, String(process.pid));
  let isToldOf = false;
  while (!tryLock(claim)) {
    if (!isToldOf) say('waiting for another set-up of this checkout...');
    isToldOf = true;
    await sleep(100);
  }
  const release = () => fs.rmSync(LOCK, { recursive: true, force: true });
  const beat = setInterval(() => fs.utimesSync(claim, new Date(), new Date()), 2000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      release();
      process.exit(1);
    });
  }
  try {
    await action();
  } finally {
    clearInterval(beat);
    release();
  }
}

async function main() {
  checkNodeVersion();
  if (isReady()) return;
  await withLock(async () => {
    await install();
    await build();
  });
}

main().catch((error) => {
  say(error instanceof SetupError ? error.message : error.stack);
  process.exit(1);
});
