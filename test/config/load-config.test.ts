import { expect } from 'chai';
import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedConfig } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { ConfigLayerOptions } from '../../src/config/read-config-layers.js';

describe('loadConfig', () => {
  let home: string;
  let sharedFile: string;
  let ownFile: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rolloutd-config-'));
    mkdirSync(join(home, 'rolloutd'));
    sharedFile = join(home, 'config.toml');
    ownFile = join(home, 'rolloutd', 'config.toml');
  });

  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  const load = (options: Partial<ConfigLayerOptions> = {}): LoadedConfig =>
    loadConfig({ home, cliOverrides: [], env: { HOME: '/home/someone' }, ...options });

  const loadShared = (toml: string): LoadedConfig => {
    writeFileSync(sharedFile, toml);
    return load();
  };

  describe('without any file', () => {
    it('gives the shipped defaults and the offline model', () => {
      const { config, warnings } = load();
      const { modelProviders, ...rest } = config;
      // A measured figure: it may change with the next measurement.
      expect(config.daemon.sessionsPerWorker).to.be.above(0);
      // These go by the machine.
      expect(config.daemon.workerHeapMb).to.be.within(256, 4096);
      expect(config.daemon.memoryLimitMb).to.be.above(config.daemon.workerHeapMb);
      expect(warnings).to.deep.equal([]);
      expect(rest).to.deep.equal({
        model: 'offline',
        modelProvider: 'offline',
        recordedProviders: ['offline'],
        ossProvider: null,
        modelReasoningEffort: null,
        modelReasoningSummary: null,
        modelVerbosity: null,
        modelContextWindow: null,
        instructions: null,
        developerInstructions: null,
        modelInstructionsFile: null,
        experimentalResume: null,
        approvalPolicy: 'on-request',
        sandboxMode: 'read-only',
        sandboxWorkspaceWrite: {
          writableRoots: [],
          networkAccess: false,
          excludeTmpdirEnvVar: false,
          excludeSlashTmp: false,
        },
        webSearch: 'cached',
        projectDocMaxBytes: 32_768,
        projectDocFallbackNames: [],
        threadUnloadDelaySecs: 1800,
        approvalTimeoutSecs: 0,
        daemon: {
          listen: 'ws://127.0.0.1:4517',
          allowedOrigins: [],
          allowedHosts: [],
          logLevel: 'info',
          sessionsPerWorker: config.daemon.sessionsPerWorker,
          workerHeapMb: config.daemon.workerHeapMb,
          workerStuckSecs: 15,
          memoryLimitMb: config.daemon.memoryLimitMb,
          replayBytes: 4 * 1024 * 1024,
          maxThreads: Math.max(2, availableParallelism()),
          shutdownGraceSecs: 0,
        },
      });
      expect(Object.keys(modelProviders)).to.deep.equal(['offline', 'openai', 'ollama', 'lmstudio']);
      expect(modelProviders['openai']).to.deep.equal({
        id: 'openai',
        name: 'OpenAI',
        baseUrl: 'https://api.openai.com/v1',
        envKey: 'OPENAI_API_KEY',
        envKeyInstructions: 'Create a key at https://platform.openai.com/api-keys.',
        bearerToken: null,
        requiresOpenaiAuth: true,
        httpHeaders: {},
        envHttpHeaders: { 'OpenAI-Organization': 'OPENAI_ORGANIZATION', 'OpenAI-Project': 'OPENAI_PROJECT' },
        queryParams: {},
        requestMaxRetries: 4,
        streamMaxRetries: 5,
        streamIdleTimeoutMs: 300_000,
      });
      expect(modelProviders['offline']?.baseUrl).to.equal(null);
    });

    it('needs not even the home', () => {
      expect(load({ home: join(home, 'nowhere') }).config.model).to.equal('offline');
    });
  });

  describe('layers', () => {
    it('lets own file, flags and request win in this order, table by table', () => {
      writeFileSync(
        sharedFile,
        `model = "one"
model_provider = "mock"
model_reasoning_effort = "low"
[model_providers.mock]
base_url = "http://127.0.0.1:1/v1"
http_headers = { A = "shared", B = "shared" }
`,
      );
      writeFileSync(
        ownFile,
        `model = "two"
sessions_per_worker = 3
[model_providers.mock.http_headers]
B = "own"
C = "own"
`,
      );
      const cliOverrides = ['model=three', 'model_providers.mock.http_headers.C=flag', 'max_threads=5'];
      const requestOverrides = { 'model_providers.mock.http_headers.D': 'request', model: 'four' };
      const { config } = load({ cliOverrides, requestOverrides });
      expect(config.model).to.equal('four');
      expect(config.modelReasoningEffort).to.equal('low');
      expect(config.daemon.sessionsPerWorker).to.equal(3);
      expect(config.daemon.maxThreads).to.equal(5);
      expect(config.modelProviders['mock']?.httpHeaders).to.deep.equal({
        A: 'shared',
        B: 'own',
        C: 'flag',
        D: 'request',
      });
      expect(load({ cliOverrides }).config.model).to.equal('three');
      expect(load().config.model).to.equal('two');
    });

    it('takes every key from the highest layer that sets it, whichever layers those are', () => {
      const keys = {
        model: (layer: string) => layer,
        developer_instructions: (layer: string) => `say ${layer}`,
        'model_providers.mock.name': (layer: string) => `name ${layer}`,
        'model_providers.mock.http_headers.X': (layer: string) => `header ${layer}`,
        'sandbox_workspace_write.writable_roots': (layer: string) => [`/${layer}`, `/more/${layer}`],
      };
      const layers = ['shared', 'own', 'flags', 'request'] as const;
      const names = Object.keys(keys) as (keyof typeof keys)[];
      const choice = fc.record(Object.fromEntries(layers.map((layer) => [layer, fc.subarray(names)])));
      const toToml = (layer: string, chosen: (keyof typeof keys)[]): string =>
        chosen.map((key) => `${key} = ${JSON.stringify(keys[key](layer))}`).join('\n');
      fc.assert(
        fc.property(choice, (chosen) => {
          const of = (layer: (typeof layers)[number]) => chosen[layer] ?? [];
          writeFileSync(sharedFile, toToml('shared', of('shared')));
          writeFileSync(ownFile, toToml('own', of('own')));
          const { config, origins } = load({
            cliOverrides: of('flags').map((key) => `${key}=${JSON.stringify(keys[key]('flags'))}`),
            requestOverrides: Object.fromEntries(of('request').map((key) => [key, keys[key]('request')])),
          });
          const found: Record<keyof typeof keys, unknown> = {
            model: config.model === 'offline' ? undefined : config.model,
            developer_instructions: config.developerInstructions ?? undefined,
            'model_providers.mock.name': config.modelProviders['mock']?.name,
            'model_providers.mock.http_headers.X': config.modelProviders['mock']?.httpHeaders['X'],
            'sandbox_workspace_write.writable_roots': config.sandboxWorkspaceWrite.writableRoots,
          };
          for (const key of names) {
            const winner = layers.findLast((layer) => of(layer).includes(key));
            const leaf = key.endsWith('writable_roots') ? `${key}.1` : key;
            expect(origins.get(leaf)?.kind).to.equal(winner);
            if (winner !== undefined) expect(found[key]).to.deep.equal(keys[key](winner));
          }
        }),
        { numRuns: 60 },
      );
    });

    it('reads afresh each time', () => {
      expect(loadShared('model = "one"').config.model).to.equal('one');
      expect(loadShared('model = "two"').config.model).to.equal('two');
      rmSync(sharedFile);
      expect(load().config.model).to.equal('offline');
    });

    it('sets nothing with null in a request', () => {
      writeFileSync(sharedFile, 'model = "one"');
      const requestOverrides = { model: null, sandbox_workspace_write: { network_access: null } };
      const { config, warnings } = load({ requestOverrides });
      expect({ model: config.model, warnings }).to.deep.equal({ model: 'one', warnings: [] });
    });

    it('does not let a key named __proto__ mean anything', () => {
      const requestOverrides = JSON.parse(
        '{"__proto__":{"model":"bad"},"model_providers":{"__proto__":{"name":"x"}}}',
      ) as Record<string, unknown>;
      const { config } = load({ requestOverrides });
      expect(config.model).to.equal('offline');
      expect(({} as { model?: string }).model).to.equal(undefined);
      expect(Object.getPrototypeOf(config.modelProviders)).to.equal(Object.prototype);
    });
  });

  describe('model and provider', () => {
    const chosen = ({ config }: LoadedConfig) => [config.model, config.modelProvider];

    it('means OpenAI by a model alone', () => {
      expect(chosen(loadShared('model = "gpt-5.5"'))).to.deep.equal(['gpt-5.5', 'openai']);
      expect(chosen(loadShared('model = "offline"'))).to.deep.equal(['offline', 'offline']);
    });

    it('asks for a default model, and says so, when there is a provider alone', () => {
      const loaded = loadShared('\nmodel_provider = "openai"');
      expect(chosen(loaded)).to.deep.equal(['gpt-6.1-sol', 'openai']);
      expect(loaded.warnings).to.deep.equal([
        {
          message: `${sharedFile}:2: model_provider is set, but no model: asking for gpt-6.1-sol. Set model to one that the provider has`,
          file: sharedFile,
          line: 2,
          key: 'model_provider',
        },
      ]);
      const offline = loadShared('model_provider = "offline"');
      expect([chosen(offline), offline.warnings]).to.deep.equal([['offline', 'offline'], []]);
    });

    it('leaves the model open for a provider of this machine, which is asked what it has', () => {
      for (const provider of ['oss', 'ollama', 'lmstudio']) {
        const loaded = loadShared(`model_provider = "${provider}"`);
        expect([chosen(loaded), loaded.warnings]).to.deep.equal([[null, provider], []]);
      }
      expect(chosen(loadShared('model_provider = "oss"\nmodel = "m"'))).to.deep.equal(['m', 'oss']);
      const own = loadShared('model_provider = "oss"\n[model_providers.oss]\nbase_url = "http://127.0.0.1:1/v1"');
      expect([chosen(own), own.config.recordedProviders]).to.deep.equal([['gpt-6.1-sol', 'oss'], ['oss']]);
    });

    it('knows under which ids conversations of oss are recorded', () => {
      const recorded = (toml: string) => loadShared(toml).config.recordedProviders;
      expect(recorded('model_provider = "oss"')).to.deep.equal(['oss', 'ollama', 'lmstudio']);
      expect(recorded('model_provider = "oss"\noss_provider = "lmstudio"')).to.deep.equal(['oss', 'lmstudio']);
      expect(recorded('model_provider = "ollama"')).to.deep.equal(['ollama']);
    });

    it('takes the addresses of local providers from the environment, above what is shipped and below the files', () => {
      const addresses = ({ config }: LoadedConfig) =>
        ['ollama', 'lmstudio', 'openai'].map((id) => config.modelProviders[id]!.baseUrl);
      const openai = 'https://api.openai.com/v1';
      const env = { CODEX_OSS_BASE_URL: 'http://127.0.0.1:7/v1' };
      expect(addresses(load())).to.deep.equal(['http://127.0.0.1:11434/v1', 'http://127.0.0.1:1234/v1', openai]);
      const loaded = load({ env });
      expect(addresses(loaded)).to.deep.equal(['http://127.0.0.1:7/v1', 'http://127.0.0.1:7/v1', openai]);
      expect(loaded.layers.map(({ kind }) => kind)).to.deep.equal(['own', 'shared', 'environment', 'defaults']);
      writeFileSync(ownFile, '[model_providers.ollama]\nbase_url = "http://127.0.0.1:8/v1"');
      expect(addresses(load({ env }))).to.deep.equal(['http://127.0.0.1:8/v1', 'http://127.0.0.1:7/v1', openai]);
      const { warnings } = load({ env: { CODEX_OSS_PORT: 'many' } });
      expect(warnings.map(({ message }) => message)).to.deep.equal([
        'CODEX_OSS_PORT is no number of a port; it is ignored',
      ]);
    });

    it('fills a provider in from its id, the common defaults and the address of OpenAI', () => {
      writeFileSync(ownFile, 'request_max_retries = 7\nstream_idle_timeout_ms = 50');
      const { config, warnings } = loadShared(`openai_base_url = "http://127.0.0.1:9/v1"
[model_providers.mine]
base_url = "http://127.0.0.1:8/v1"
wire_api = "responses"
stream_max_retries = 1000
supports_websockets = false
`);
      expect(warnings).to.deep.equal([]);
      expect(config.modelProviders['openai']?.baseUrl).to.equal('http://127.0.0.1:9/v1');
      expect(config.modelProviders['mine']).to.deep.equal({
        id: 'mine',
        name: 'mine',
        baseUrl: 'http://127.0.0.1:8/v1',
        envKey: null,
        envKeyInstructions: null,
        bearerToken: null,
        requiresOpenaiAuth: false,
        httpHeaders: {},
        envHttpHeaders: {},
        queryParams: {},
        requestMaxRetries: 7,
        streamMaxRetries: 100,
        streamIdleTimeoutMs: 50,
      });
    });
  });

  describe('paths', () => {
    it('starts relative ones at the folder of their file, and ~ at the home of the user', () => {
      writeFileSync(sharedFile, '[sandbox_workspace_write]\nwritable_roots = ["a", "/b/../c", "~/d"]');
      writeFileSync(ownFile, 'model_instructions_file = "say.md"');
      const { config } = load({ cliOverrides: ['experimental_resume=x/y.jsonl'], cwd: '/srv' });
      expect(config.sandboxWorkspaceWrite.writableRoots).to.deep.equal([join(home, 'a'), '/b/../c', '/home/someone/d']);
      expect(config.modelInstructionsFile).to.equal(join(home, 'rolloutd', 'say.md'));
      expect(config.experimentalResume).to.equal('/srv/x/y.jsonl');
    });
  });

  it('takes a granular approval policy with its defaults', () => {
    const { config } = loadShared(
      '[approval_policy.granular]\nsandbox_approval = true\nrules = false\nmcp_elicitations = true\nskill_approval = true',
    );
    expect(config.approvalPolicy).to.deep.equal({
      granular: {
        sandbox_approval: true,
        rules: false,
        mcp_elicitations: true,
        request_permissions: false,
        skill_approval: true,
      },
    });
  });
});
