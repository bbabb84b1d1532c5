import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureToken } from '../../src/auth/token-file.js';
import { writeDaemonFile } from '../../src/cli/daemon-file.js';
import { CliFailure } from '../../src/cli/exit.js';
import { resolveHome } from '../../src/cli/home.js';
import { locateDaemon } from '../../src/cli/locate-daemon.js';

describe('locateDaemon', () => {
  let home: string;
  let token: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-locate-'));
    token = ensureToken(home);
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  function runs(url: string): void {
    const rest = { processStart: null, supervised: false, serveArgs: [], closeLimitMs: 1 };
    writeDaemonFile(home, { pid: process.pid, url, version: '1', startedAt: 'now', ...rest });
  }

  it('finds address and token through the home', () => {
    runs('ws://127.0.0.1:7000');
    expect(locateDaemon(home, undefined, {})).to.deep.equal({ url: 'ws://127.0.0.1:7000', token });
  });

  it('reaches a daemon that listens on every interface through loopback', () => {
    runs('ws://0.0.0.0:7000');
    expect(locateDaemon(home, undefined, {}).url).to.equal('ws://127.0.0.1:7000');
    runs('ws://[::]:7000');
    expect(locateDaemon(home, undefined, {}).url).to.equal('ws://[::1]:7000');
  });

  it('says how to start one when none runs', () => {
    expect(() => locateDaemon(home, undefined, {}))
      .to.throw(CliFailure, 'start one with: rolloutd start')
      .with.property('exitCode', 1);
  });

  it('sends the token of the home to this machine only', () => {
    const tokenFor = (url: string) => locateDaemon(home, url, {}).token;
    expect(['ws://127.0.0.1:1', 'ws://localhost:1', 'ws://[::1]:1'].map(tokenFor)).to.deep.equal([token, token, token]);
    for (const url of [
      'ws://10.0.0.1:1',
      'wss://example.com',
      'ws://127.0.0.1.example.com:1',
      'ws://localhost@example.com:1',
    ]) {
      expect(tokenFor(url), url).to.equal(null);
    }
  });

  it('prefers a token from the environment, for any address', () => {
    const env = { ROLLOUTD_TOKEN: 'from-the-environment' };
    runs('ws://127.0.0.1:7000');
    expect(locateDaemon(home, undefined, env).token).to.equal('from-the-environment');
    expect(locateDaemon(home, 'wss://example.com', env).token).to.equal('from-the-environment');
  });

  it('takes what is no address for a mistake in the command', () => {
    for (const url of ['127.0.0.1:1', 'http://127.0.0.1:1', 'ws://', '']) {
      expect(() => locateDaemon(home, url, {}), url)
        .to.throw(CliFailure)
        .with.property('exitCode', 2);
    }
  });
});

describe('resolveHome', () => {
  it('takes the option, then the environment, then the default', () => {
    const env = { ROLLOUTD_HOME: '/from/env' };
    expect([
      resolveHome('/given', env),
      resolveHome(undefined, env),
      resolveHome(undefined, {}),
      resolveHome(undefined, { ROLLOUTD_HOME: '' }),
      resolveHome('relative/home', {}),
      resolveHome('~/.codex', {}),
      resolveHome('~', {}),
      resolveHome('/a/~/b', {}),
    ]).to.deep.equal([
      '/given',
      '/from/env',
      join(homedir(), '.rolloutd'),
      join(homedir(), '.rolloutd'),
      resolve('relative/home'),
      join(homedir(), '.codex'),
      homedir(),
      '/a/~/b',
    ]);
  });
});
