import { expect } from 'chai';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthManager } from '../../src/auth/auth-manager.js';
import { loadConfig } from '../../src/config/load-config.js';
import { resolveProvider } from '../../src/config/resolve-provider.js';
import type { ResolvedProvider } from '../../src/config/resolve-provider.js';
import { DaemonError } from '../../src/errors.js';

describe('resolveProvider', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-provider-'));
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const noAuth = AuthManager.forTesting({ type: 'none' });
  const keyAuth = AuthManager.forTesting({ type: 'apiKey', key: 'auth-file-key' });

  function resolve(toml: string, env: Record<string, string> = {}, auth = noAuth): ResolvedProvider {
    writeFileSync(join(home, 'config.toml'), toml);
    return resolveProvider(loadConfig({ home, cliOverrides: [], env: {} }).config, env, auth);
  }

  const problemOf = ({ problem }: ResolvedProvider) =>
    problem === null ? null : { code: problem.code, message: problem.message };

  it('gives the offline provider without a key or an address', () => {
    expect(resolve('')).to.deep.equal({
      settings: {
        id: 'offline',
        name: 'Offline',
        baseUrl: null,
        apiKey: null,
        headers: {},
        queryParams: {},
        requestMaxRetries: 4,
        streamMaxRetries: 5,
        streamIdleTimeoutMs: 300_000,
      },
      problem: null,
      warnings: [],
      secrets: [],
    });
  });

  it('takes everything from the configuration and the environment', () => {
    const toml = `model = "m"
model_provider = "mine"
[model_providers.mine]
name = "Mine"
base_url = "http://127.0.0.1:1/v1"
env_key = "MY_KEY"
http_headers = { A = "1", B = "2", X-Api-Key = "quiet" }
env_http_headers = { B = "MY_B", C = "MY_C", D = "MY_D" }
query_params = { api-version = "v", token = "silent" }
request_max_retries = 0
stream_max_retries = 1
stream_idle_timeout_ms = 2
`;
    expect(resolve(toml, { MY_KEY: ' key\n', MY_B: 'from-env', MY_C: '  ' }, keyAuth)).to.deep.equal({
      settings: {
        id: 'mine',
        name: 'Mine',
        baseUrl: 'http://127.0.0.1:1/v1',
        apiKey: 'key',
        headers: { A: '1', B: 'from-env', 'X-Api-Key': 'quiet' },
        queryParams: { 'api-version': 'v', token: 'silent' },
        requestMaxRetries: 0,
        streamMaxRetries: 1,
        streamIdleTimeoutMs: 2,
      },
      problem: null,
      warnings: [],
      secrets: ['key', 'from-env', 'quiet', 'silent'],
    });
  });

  it('looks for the key in env_key, then in the configuration, then in auth.json', () => {
    const toml = (extra: string) =>
      `model = "m"\nmodel_provider = "a"\n[model_providers.a]\nbase_url = "http://h"\nenv_key = "K"\n${extra}`;
    const bearer = 'experimental_bearer_token = "written"\n';
    const openai = 'requires_openai_auth = true\n';
    expect(resolve(toml(bearer + openai), { K: 'env' }, keyAuth).settings.apiKey).to.equal('env');
    expect(resolve(toml(bearer + openai), {}, keyAuth).settings.apiKey).to.equal('written');
    expect(resolve(toml(openai), { K: '' }, keyAuth).settings.apiKey).to.equal('auth-file-key');
    expect(problemOf(resolve(toml(''), {}, keyAuth))?.code).to.equal('auth_missing');
  });

  it('asks for no key where the provider names none', () => {
    const resolved = resolve('model = "m"\nmodel_provider = "ollama"', {}, keyAuth);
    expect([resolved.settings.apiKey, resolved.settings.baseUrl, resolved.problem]).to.deep.equal([
      null,
      'http://127.0.0.1:11434/v1',
      null,
    ]);
  });

  it('says what to do when the key is missing, and gives the settings all the same', () => {
    const resolved = resolve('model = "gpt-5.5"');
    expect(problemOf(resolved)).to.deep.equal({
      code: 'auth_missing',
      message:
        'The provider openai (OpenAI) needs a key: set OPENAI_API_KEY in the daemon\'s environment or in HOME/.env, or put {"OPENAI_API_KEY": "..."} into HOME/auth.json (chmod 600). Create a key at https://platform.openai.com/api-keys.',
    });
    expect(resolved.settings).to.include({ id: 'openai', apiKey: null, baseUrl: 'https://api.openai.com/v1' });
  });

  it('says why auth.json did not help', () => {
    const file = join(home, 'auth.json');
    writeFileSync(file, '{"OPENAI_API_KEY": "sk-hush');
    chmodSync(file, 0o600);
    const resolved = resolve('model = "gpt-5.5"', {}, new AuthManager({ home }));
    expect(resolved.problem?.message).to.match(/auth\.json is not used: it is not valid JSON$/);
    expect(JSON.stringify(resolved)).not.to.include('hush');
  });

  it('refuses an unknown provider, with a hint', () => {
    const unknown = (id: string) => () => resolve(`model = "m"\nmodel_provider = "${id}"`);
    expect(unknown('olama')).to.throw(
      DaemonError,
      'The model provider "olama" is not configured; did you mean ollama?',
    );
    expect(unknown('zzz')).to.throw(
      DaemonError,
      'The model provider "zzz" is not configured; known are: offline, openai, ollama, lmstudio',
    );
    expect(unknown('toString')).to.throw(DaemonError).with.property('code', 'provider_unknown');
  });

  it('resolves another provider than the configured one when asked to', () => {
    const { config } = loadConfig({ home, cliOverrides: [], env: {} });
    expect(resolveProvider(config, {}, noAuth, 'lmstudio').settings.name).to.equal('LM Studio');
  });

  it('misses an address, unless the provider takes the keys of OpenAI', () => {
    const toml = 'model = "m"\nmodel_provider = "a"\n[model_providers.a]\n';
    expect(problemOf(resolve(toml))).to.deep.equal({
      code: 'config_invalid',
      message: 'The provider a has no base_url: set model_providers.a.base_url',
    });
    const openai = resolve(`${toml}requires_openai_auth = true`, {}, keyAuth);
    expect([openai.settings.baseUrl, openai.problem]).to.deep.equal(['https://api.openai.com/v1', null]);
  });

  it('finds keys and headers that no request could carry, without showing them', () => {
    const toml = 'model = "m"\nmodel_provider = "a"\n[model_providers.a]\nbase_url = "http://h"\n';
    const bad = [
      resolve(`${toml}env_key = "K"`, { K: 'hush\nhush' }),
      resolve(`${toml}env_http_headers = { H = "K" }`, { K: 'hush\u0000' }),
      resolve(`${toml}http_headers = { "bad name" = "x" }`),
    ];
    expect(bad.map(problemOf)).to.deep.equal([
      {
        code: 'config_invalid',
        message: 'The provider a cannot be used: the key holds characters that cannot be sent',
      },
      {
        code: 'config_invalid',
        message: 'The provider a cannot be used: the value of the header H holds characters that cannot be sent',
      },
      { code: 'config_invalid', message: 'The provider a cannot be used: "bad name" is no name for a header' },
    ]);
  });
});
