import { expect } from 'chai';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureToken } from '../../src/auth/token-file.js';
import { findProjectRoot } from '../support/child-program.js';
import { runCli } from './cli-process.js';

describe('rolloutd, the command line', () => {
  let root: string;
  let home: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rolloutd-cli-'));
    home = join(root, 'home');
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(join(findProjectRoot(), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await runCli(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('explains commands, exit codes and environment, with examples', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const word of [
      'start',
      'stop',
      'restart',
      'status',
      'serve',
      'ask',
      'list',
      'token',
      'generate-ts',
      'generate-json-schema',
      'Examples:',
      'Exit codes:',
      '130',
      'ROLLOUTD_HOME',
      'ROLLOUTD_TOKEN',
    ]) {
      expect(stdout).to.contain(word);
    }
  });

  it('explains serve, and names the address that the shipped configuration has', async () => {
    const defaults = readFileSync(join(findProjectRoot(), 'config', 'defaults.toml'), 'utf8');
    const listen = /^listen = "(.+)"$/m.exec(defaults)?.[1];
    const { stdout } = await runCli(['serve', '--help']);
    expect(stdout.replace(/\s+/g, ' ')).to.contain(`(default: ${listen})`).and.to.contain('Examples:');
  });

  it('ends with 2 and a hint when it does not understand the command', async () => {
    const commands = [
      [],
      ['serve', '--bogus'],
      ['serve', '--listen', 'ws://localhost:1'],
      ['serve', '--ws-auth', 'maybe'],
      ['serve', '-c', 'novalue'],
      ['start', '--listen', 'localhost:1'],
      ['restart', '--when-idle', '--timeout', 'soon'],
      ['status', 'now'],
      ['ask', '--thread', 'x', '--last', 'hello'],
      ['ask', '--home', home],
      ['ask', '--url', 'http://127.0.0.1:1', 'hello'],
      ['list', '--limit', '0'],
      ['generate-ts'],
      ['generate-json-schema'],
    ];
    const results: unknown[] = [];
    for (const command of commands) {
      const { code, stdout, stderr } = await runCli(command);
      results.push([command, code, stdout, stderr !== '']);
    }
    expect(results).to.deep.equal(commands.map((command) => [command, 2, '', true]));
  });

  it('says how to start a daemon when none runs, and makes no home by asking', async () => {
    for (const command of [['ask', 'hello'], ['list']]) {
      expect(await runCli([...command, '--home', home])).to.deep.equal({
        code: 1,
        stdout: '',
        stderr: `rolloutd: no daemon runs for ${home}; start one with: rolloutd start\n`,
      });
    }
    expect(() => statSync(home)).to.throw('ENOENT');
  });

  it('says that nothing answers at a given address', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const url = `ws://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    closed.close();
    expect(await runCli(['list', '--url', url, '--home', home])).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: `rolloutd: nothing answers at ${url} (ECONNREFUSED); start a daemon with: rolloutd start\n`,
    });
  });

  it('shows where the token is, and the token itself only when asked to', async () => {
    const env = { ROLLOUTD_HOME: home };
    const none = await runCli(['token'], { env });
    expect([none.code, none.stdout, none.stderr.includes('no token yet')]).to.deep.equal([1, '', true]);
    const token = ensureToken(home);
    const path = join(home, 'rolloutd', 'token');
    expect(await runCli(['token'], { env })).to.deep.equal({ code: 0, stdout: `${path}\n`, stderr: '' });
    expect(await runCli(['token', '--show', '--home', home])).to.deep.equal({
      code: 0,
      stdout: `${token}\n`,
      stderr: '',
    });
  });

  it('refuses in one line a token that others can read', async () => {
    mkdirSync(join(home, 'rolloutd'), { recursive: true });
    writeFileSync(join(home, 'rolloutd', 'token'), 'secret-token-123', { mode: 0o644 });
    const { code, stdout, stderr } = await runCli(['token', '--show', '--home', home]);
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^rolloutd: [^\n]+chmod 600[^\n]+\n$/);
  });

  it('says how to build when there is no build', async () => {
    cpSync(join(findProjectRoot(), 'bin'), join(root, 'bin'), { recursive: true });
    const { code, stdout, stderr } = await runCli(['--version'], { entry: join(root, 'bin', 'rolloutd.js') });
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.contain('not built yet').and.to.contain('npm run setup').and.to.contain(root);
  });
});
