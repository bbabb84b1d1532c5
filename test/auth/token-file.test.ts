import { expect } from 'chai';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureToken, readToken, tokenPath } from '../../src/auth/token-file.js';
import { DaemonError } from '../../src/errors.js';

function errorOf(action: () => unknown): DaemonError {
  try {
    action();
  } catch (error) {
    if (error instanceof DaemonError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

describe('token file', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-token-'));
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  /** Puts a token file there by hand. */
  function place(text: string, mode = 0o600): string {
    mkdirSync(join(home, 'rolloutd'), { mode: 0o700 });
    writeFileSync(tokenPath(home), text, { mode });
    return tokenPath(home);
  }

  it('makes a random token once, private in a private folder, and leaves nothing else there', () => {
    const token = ensureToken(home);
    expect(Buffer.from(token, 'base64url')).to.have.length(32);
    expect(ensureToken(home)).to.equal(token);
    expect(readToken(home)).to.equal(token);
    expect(readdirSync(join(home, 'rolloutd'))).to.deep.equal(['token']);
    expect([modeOf(join(home, 'rolloutd')), modeOf(tokenPath(home))]).to.deep.equal(['700', '600']);
  });

  it('is private under a generous umask and in a home that is not there yet', () => {
    const deep = join(home, 'not', 'yet');
    const script = `process.umask(0); (await import(${JSON.stringify(new URL('../../src/auth/token-file.js', import.meta.url).href)})).ensureToken(process.argv[1])`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script, deep]);
    expect([modeOf(deep), modeOf(join(deep, 'rolloutd')), modeOf(tokenPath(deep))]).to.deep.equal([
      '700',
      '700',
      '600',
    ]);
  });

  it('has no token before one was made, and reading makes none', () => {
    expect(readToken(home)).to.equal(null);
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it('drops white space around a token that a person wrote', () => {
    place('  secret-token-123 \n\n');
    expect([readToken(home), ensureToken(home)]).to.deep.equal(['secret-token-123', 'secret-token-123']);
  });

  it('closes a folder of ours that stood open', () => {
    mkdirSync(join(home, 'rolloutd'));
    chmodSync(join(home, 'rolloutd'), 0o755);
    ensureToken(home);
    expect(modeOf(join(home, 'rolloutd'))).to.equal('700');
  });

  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o666]) {
    it(`refuses a file of mode ${mode.toString(8)} and says how to mend it`, () => {
      const path = place('secret-token-123\n');
      chmodSync(path, mode);
      for (const act of [readToken, ensureToken]) {
        const error = errorOf(() => act(home));
        expect(error.code).to.equal('config_invalid');
        expect(error.message).to.contain(`chmod 600 '${path}'`);
      }
      expect(readFileSync(path, 'utf8')).to.equal('secret-token-123\n');
    });
  }

  it('refuses a symbolic link, dangling or not, and never writes through it', () => {
    mkdirSync(join(home, 'rolloutd'), { mode: 0o700 });
    const target = join(home, 'elsewhere');
    symlinkSync(target, tokenPath(home));
    expect(errorOf(() => ensureToken(home)).message).to.contain('symbolic link');
    expect(readdirSync(home)).to.deep.equal(['rolloutd']);
    writeFileSync(target, 'secret-token-123', { mode: 0o600 });
    for (const act of [readToken, ensureToken]) {
      const error = errorOf(() => act(home));
      expect(error.code).to.equal('config_invalid');
      expect(error.message)
        .to.contain('symbolic link')
        .and.to.contain(`rm '${tokenPath(home)}'`);
    }
  });

  it('refuses a folder that is a link, dangling or not, or a file', () => {
    const target = join(home, 'target');
    symlinkSync(target, join(home, 'rolloutd'));
    expect(errorOf(() => ensureToken(home)).code).to.equal('config_invalid');
    mkdirSync(target, { mode: 0o700 });
    expect(errorOf(() => ensureToken(home)).code).to.equal('config_invalid');
    expect(readdirSync(target)).to.deep.equal([]);
    rmSync(join(home, 'rolloutd'));
    writeFileSync(join(home, 'rolloutd'), '');
    expect(errorOf(() => ensureToken(home)).message).to.contain('must be a folder');
  });

  it('refuses a pipe in place of the file without hanging', () => {
    mkdirSync(join(home, 'rolloutd'), { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '600', tokenPath(home)]);
    expect(errorOf(() => readToken(home)).message).to.contain('not a plain file');
  });

  for (const [what, text] of [
    ['empty', ''],
    ['only white space', ' \n'],
    ['short', 'short'],
    ['two words', 'secret-token-123 secret-token-456'],
    ['control characters', 'secret-token-123\u0000abc'],
  ] as const) {
    it(`refuses a token file that is ${what}`, () => {
      place(text);
      const error = errorOf(() => ensureToken(home));
      expect(error.code).to.equal('config_invalid');
      expect(error.message).to.contain('16 visible ASCII characters').and.not.to.contain('secret');
    });
  }

  it('refuses a file that someone else owns', function () {
    if (process.geteuid?.() !== 0) return this.skip();
    const path = place('secret-token-123\n');
    execFileSync('chown', ['65534', path]);
    const error = errorOf(() => readToken(home));
    expect(error.code).to.equal('config_invalid');
    expect(error.message).to.contain('65534');
  });

  it('gives one token to many processes that start at once', async () => {
    const url = JSON.stringify(new URL('../../src/auth/token-file.js', import.meta.url).href);
    // Each process says that it is ready and goes on when its input ends, so that they truly meet.
    const script = `const { ensureToken } = await import(${url}); process.stdout.write('.'); process.stdin.resume().on('end', () => process.stdout.write(ensureToken(process.argv[1])));`;
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script, home], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const outputs = children.map(() => '');
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    children.forEach((child, index) => child.stdout.on('data', (text) => (outputs[index] += String(text))));
    const ends = children.map((child) => once(child, 'close'));
    for (const child of children) child.stdin.end();
    await Promise.all(ends);
    expect(new Set(outputs)).to.deep.equal(new Set([readToken(home)]));
    expect(readdirSync(join(home, 'rolloutd'))).to.deep.equal(['token']);
  });
});
