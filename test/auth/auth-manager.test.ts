import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { AuthManager, makeApiKeyAuth } from '../../src/auth/auth-manager.js';
import type { AuthReading } from '../../src/auth/auth-manager.js';

describe('AuthManager', () => {
  let home: string;
  let file: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-auth-'));
    file = join(home, 'auth.json');
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  function read(text?: string, mode = 0o600): { auth: unknown; key: string | null; warnings: string[] } {
    if (text !== undefined) writeFileSync(file, text, { mode });
    const { auth, warnings } = new AuthManager({ home }).read();
    return { auth, key: auth.type === 'apiKey' ? auth.key : null, warnings };
  }

  const none = (...warnings: string[]) => ({ auth: { type: 'none' }, key: null, warnings });

  it('reads the key', () => {
    const text = '{"auth_mode": "apikey", "OPENAI_API_KEY": " sk-hush ", "tokens": null}';
    expect(read(text)).to.deep.equal({ auth: { type: 'apiKey' }, key: 'sk-hush', warnings: [] });
  });

  it('takes a missing file, or one without a key, for none', () => {
    expect(read()).to.deep.equal(none());
    expect(read('{"OPENAI_API_KEY": null}')).to.deep.equal(none());
    expect(read('{"OPENAI_API_KEY": "  "}')).to.deep.equal(none());
    expect(read('{}')).to.deep.equal(none());
  });

  it('reads afresh each time', () => {
    const manager = new AuthManager({ home });
    const keys = ['one', 'two'].map((key) => {
      writeFileSync(file, JSON.stringify({ OPENAI_API_KEY: key }), { mode: 0o600 });
      const { auth } = manager.read();
      return auth.type === 'apiKey' ? auth.key : null;
    });
    rmSync(file);
    expect([...keys, manager.read().auth.type]).to.deep.equal(['one', 'two', 'none']);
  });

  it('says that a ChatGPT login is of no use', () => {
    expect(read('{"OPENAI_API_KEY": null, "tokens": {"access_token": "hush"}}')).to.deep.equal(
      none(`${file} holds a ChatGPT login, which rolloutd does not use: it needs an API key`),
    );
  });

  it('warns of a file that others can read, and uses it', () => {
    const { key, warnings } = read('{"OPENAI_API_KEY": "sk-hush"}', 0o644);
    expect({ key, warnings }).to.deep.equal({
      key: 'sk-hush',
      warnings: [`${file} can be read by others. Close it: chmod 600 '${file}'`],
    });
  });

  it('does not use a file that is no JSON object, and quotes nothing of it', () => {
    expect(read('{"OPENAI_API_KEY": "sk-hush')).to.deep.equal(none(`${file} is not used: it is not valid JSON`));
    expect(read('["sk-hush"]')).to.deep.equal(none(`${file} is not used: it is not a JSON object`));
  });

  it('follows no link, and opens neither folders nor pipes', () => {
    const target = join(home, 'target.json');
    writeFileSync(target, '{"OPENAI_API_KEY": "sk-hush"}', { mode: 0o600 });
    symlinkSync(target, file);
    expect(read()).to.deep.equal(none(`${file} is not used: it is a symbolic link`));
    rmSync(file);
    mkdirSync(file);
    expect(read()).to.deep.equal(none(`${file} is not used: it is not a plain file`));
    rmSync(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    expect(read()).to.deep.equal(none(`${file} is not used: it is not a plain file`));
  });

  it('does not use a file of someone else', function () {
    if (process.geteuid?.() !== 0) this.skip();
    writeFileSync(file, '{"OPENAI_API_KEY": "sk-hush"}', { mode: 0o600 });
    execFileSync('chown', ['12345', file]);
    expect(read()).to.deep.equal(none(`${file} is not used: it belongs to user id 12345, not to you`));
  });

  it('tells whoever wants to know of each warning', () => {
    const told: string[] = [];
    writeFileSync(file, '[]', { mode: 0o600 });
    new AuthManager({ home, onWarning: (message) => told.push(message) }).read();
    expect(told).to.deep.equal([`${file} is not used: it is not a JSON object`]);
  });

  it('answers with what a test gives it', () => {
    const keyOf = ({ auth }: AuthReading) => (auth.type === 'apiKey' ? auth.key : null);
    expect(keyOf(AuthManager.forTesting({ type: 'apiKey', key: 'k' }).read())).to.equal('k');
    expect(AuthManager.forTesting({ type: 'none' }).read()).to.deep.equal({ auth: { type: 'none' }, warnings: [] });
  });

  it('shows a key only to who asks for it', () => {
    const auth = makeApiKeyAuth('sk-hush');
    const manager = AuthManager.forTesting({ type: 'apiKey', key: 'sk-hush' });
    const shown = [auth, manager, manager.read()].flatMap((value: object) => [
      JSON.stringify(value),
      inspect(value, { showHidden: true, depth: null, getters: true }),
      format('%s %o %O %j', value, value, value, value),
      JSON.stringify(Object.assign({}, value)),
    ]);
    shown.push(inspect(structuredClone(manager.read()), { showHidden: true, depth: null }));
    expect(shown.join('\n')).not.to.include('hush');
    expect(auth.type === 'apiKey' && auth.key).to.equal('sk-hush');
  });
});
