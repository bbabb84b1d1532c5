import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toConfigReadResponse } from '../../src/config/config-response.js';
import { loadConfig } from '../../src/config/load-config.js';

describe('toConfigReadResponse', () => {
  let home: string;
  let sharedFile: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-config-read-'));
    sharedFile = join(home, 'config.toml');
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const respond = (includeLayers: boolean, cliOverrides: string[] = []) => {
    const response = toConfigReadResponse(loadConfig({ home, cliOverrides, env: {} }), includeLayers);
    // As a client gets it.
    return JSON.parse(JSON.stringify(response)) as typeof response;
  };

  // The file and the version are those of a recording of codex 0.169.0.
  const recordedToml = `model = "gpt-5.5"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"

[model_providers.mock]
name = "mock"
base_url = "http://127.0.0.1:7927/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`;
  const recordedVersion = 'sha256:9c8ec09a1c0e22659f478bf5ab9753d4628828bdbb951d613e83c559a48f6065';
  const recordedConfig = {
    model: 'gpt-5.5',
    model_provider: 'mock',
    approval_policy: 'never',
    sandbox_mode: 'danger-full-access',
    model_providers: {
      mock: {
        name: 'mock',
        base_url: 'http://127.0.0.1:7927/v1',
        wire_api: 'responses',
        request_max_retries: 0,
        stream_max_retries: 0,
      },
    },
  };

  it('gives the layers, highest first, with the versions that the peer gives', () => {
    writeFileSync(sharedFile, recordedToml);
    const layers = respond(true, ['model=x', 'tui.theme=y']).layers ?? [];
    expect(layers.slice(0, 3)).to.deep.equal([
      {
        name: { type: 'sessionFlags' },
        version: 'sha256:b7b1a1b5578bcbd53d33d40a059bad20ace849fdbf4435b6834795cb7a303480',
        config: { model: 'x', tui: { theme: 'y' } },
      },
      {
        name: { type: 'user', file: join(home, 'rolloutd', 'config.toml'), profile: null },
        version: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        config: {},
      },
      { name: { type: 'user', file: sharedFile, profile: null }, version: recordedVersion, config: recordedConfig },
    ]);
    expect(layers.slice(3).map(({ name }) => name.type)).to.deep.equal(['packagedDefaults']);
    expect(respond(false)).not.to.have.property('layers');
  });

  it('gives the effective values, null for known keys that nobody set', () => {
    writeFileSync(sharedFile, recordedToml);
    const { config } = respond(false, ['model_providers.mock.request_max_retries=2', 'web_search=live']);
    expect(config).to.deep.include({
      model: 'gpt-5.5',
      model_provider: 'mock',
      approval_policy: 'never',
      sandbox_mode: 'danger-full-access',
      model_reasoning_effort: null,
      web_search: 'live',
      tui: null,
      mcp_servers: {},
    });
    expect(config['model_providers']).to.deep.include({
      mock: { ...recordedConfig.model_providers.mock, request_max_retries: 2 },
    });
  });

  it('gives model and provider also when a rule chose them', () => {
    const { config } = respond(false);
    expect([config['model'], config['model_provider']]).to.deep.equal(['offline', 'offline']);
  });

  it('gives the layer of every leaf', () => {
    writeFileSync(sharedFile, recordedToml);
    const { origins } = respond(false, ['model=x']);
    const user = { name: { type: 'user', file: sharedFile, profile: null }, version: recordedVersion };
    expect(origins['model']?.name).to.deep.equal({ type: 'sessionFlags' });
    const ofUser = Object.entries(origins).filter(([, { name }]) => name.type === 'user');
    expect(Object.fromEntries(ofUser)).to.deep.equal({
      model_provider: user,
      approval_policy: user,
      sandbox_mode: user,
      'model_providers.mock.name': user,
      'model_providers.mock.base_url': user,
      'model_providers.mock.wire_api': user,
      'model_providers.mock.request_max_retries': user,
      'model_providers.mock.stream_max_retries': user,
    });
  });

  it('shows no secret, neither in the values nor in the layers', () => {
    mkdirSync(join(home, 'rolloutd'));
    writeFileSync(
      join(home, 'rolloutd', 'config.toml'),
      `model = "m"
[model_providers.a]
base_url = "https://me:hush1@host/v1?key=hush2"
env_key = "SHOWN_VARIABLE"
experimental_bearer_token = "hush3"
http_headers = { X = "hush4" }
env_http_headers = { Y = "SHOWN_TOO" }
query_params = { k = "hush5" }
[mcp_servers.b]
command = "shown-command"
env = { TOKEN = "hush6" }
bearer_token_env_var = "SHOWN_AS_WELL"
[mcp_servers.c]
url = "https://host/mcp"
http_headers = { Authorization = "hush7" }
[shell_environment_policy.set]
ANY = "hush8"
[otel.exporter.otlp-http]
headers = { "x-key" = "hush9" }
`,
    );
    const text = JSON.stringify(respond(true, ['model_providers.a.http_headers.Z=hush0']));
    expect(text).not.to.include('hush');
    for (const shown of ['SHOWN_VARIABLE', 'SHOWN_TOO', 'SHOWN_AS_WELL', 'shown-command', 'https://host/mcp']) {
      expect(text).to.include(shown);
    }
  });
});
