import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigWarning, LoadedConfig } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { ConfigLayerOptions } from '../../src/config/read-config-layers.js';
import { DaemonError } from '../../src/errors.js';

describe('checkLayer, seen through loadConfig', () => {
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

  function errorOf(action: () => unknown): { code: string; message: string; data: unknown } {
    try {
      action();
    } catch (error) {
      if (error instanceof DaemonError) return { code: error.code, message: error.message, data: error.data };
      throw error;
    }
    throw new Error('nothing was thrown');
  }

  const errorOfShared = (toml: string) => errorOf(() => loadShared(toml));

  describe('wrong types and values', () => {
    const cases: [string, string, string, number, string][] = [
      ['a number for a string', 'model = 3', 'model', 1, 'must be a string, not the number 3'],
      [
        'a string for a number',
        '\n\nmodel_context_window = "1"',
        'model_context_window',
        3,
        'must be a whole number, 1 or more, not a string',
      ],
      [
        'a fraction',
        'model_context_window = 1.5',
        'model_context_window',
        1,
        'must be a whole number, 1 or more, not a fraction',
      ],
      ['an empty name', 'model = ""', 'model', 1, 'must be a string with something in it, not an empty string'],
      [
        'an unknown choice',
        'sandbox_mode = "open"',
        'sandbox_mode',
        1,
        'must be one of "read-only", "workspace-write", "danger-full-access", not "open"',
      ],
      [
        'a value for a table',
        'sandbox_workspace_write = true',
        'sandbox_workspace_write',
        1,
        'must be a table, not true',
      ],
      ['a table for a value', '[model]\nx = 1', 'model', 1, 'must be a string, not a table'],
      [
        'a key in a table',
        '# first\n[sandbox_workspace_write]\n\nnetwork_access = "yes"',
        'sandbox_workspace_write.network_access',
        4,
        'must be true or false, not a string',
      ],
      [
        'an element of an array',
        '[sandbox_workspace_write]\nwritable_roots = [\n  "/a",\n  2,\n]',
        'sandbox_workspace_write.writable_roots.1',
        4,
        'must be a string, not the number 2',
      ],
      [
        'a header in an inline table',
        '[model_providers.a]\nname = "A"\nhttp_headers = { X = "1", Y = 2 }',
        'model_providers.a.http_headers.Y',
        3,
        'must be a string, not the number 2',
      ],
      [
        'a provider with a dot in its id',
        'model_providers."a.b".env_key = true',
        'model_providers."a.b".env_key',
        1,
        'must be a string, not true',
      ],
      [
        'an address without http',
        '[model_providers.a]\nbase_url = "127.0.0.1:1"',
        'model_providers.a.base_url',
        2,
        'must be an http:// or https:// address, not a string',
      ],
      [
        'the other wire API',
        '[model_providers.a]\nwire_api = "chat"',
        'model_providers.a.wire_api',
        2,
        'must be "responses" (the Chat Completions API is not spoken; most servers offer /v1/responses too), not "chat"',
      ],
      [
        'an incomplete approval policy',
        'approval_policy = { granular = { rules = true } }',
        'approval_policy',
        1,
        'must be "untrusted", "on-request", "never", or { granular = { sandbox_approval, rules, mcp_elicitations = true or false } }, not a table',
      ],
    ];
    for (const [what, toml, key, line, text] of cases) {
      it(`names file, line and key: ${what}`, () => {
        expect(errorOfShared(toml)).to.deep.equal({
          code: 'config_invalid',
          message: `${sharedFile}:${line}: ${key} ${text}`,
          data: { file: sharedFile, line, key },
        });
      });
    }

    it('names the place of flags and requests', () => {
      expect(errorOf(() => load({ cliOverrides: ['log_level=loud'] }))).to.deep.equal({
        code: 'config_invalid',
        message: '-c: log_level must be one of "error", "warn", "info", "debug", not "loud"',
        data: { file: null, line: null, key: 'log_level' },
      });
      expect(errorOf(() => load({ requestOverrides: { model: [] } })).message).to.equal(
        'config of the request: model must be a string, not an array',
      );
    });

    it('names file and line of a syntax error, and quotes nothing', () => {
      const error = errorOfShared('model = "m"\n[model_providers.a]\nexperimental_bearer_token = "sk-hush\n');
      expect(error).to.deep.equal({
        code: 'config_invalid',
        message: `${sharedFile}:3: Invalid TOML document: control characters are not allowed in strings`,
        data: { file: sharedFile, line: 3, key: null },
      });
    });

    it('never quotes a value that may be a secret', () => {
      expect(errorOfShared('model_provider = ["sk-hush"]').message).not.to.include('hush');
      expect(errorOfShared('sandbox_mode = "sk-hush-0123456789abcdef0123456789"').message).not.to.include('hush');
      expect(errorOf(() => load({ cliOverrides: ['sk-hush'] })).message).not.to.include('hush');
    });

    it('refuses a file that cannot be read', () => {
      mkdirSync(sharedFile);
      expect(errorOf(load)).to.deep.equal({
        code: 'config_invalid',
        message: `${sharedFile} cannot be read (EISDIR)`,
        data: { file: sharedFile },
      });
    });

    it('reads a file with a byte order mark and Windows line ends', () => {
      expect(loadShared('\uFEFFmodel = "m"\r\nsandbox_mode = "workspace-write"\r\n').config.sandboxMode).to.equal(
        'workspace-write',
      );
      expect(errorOfShared('\uFEFFmodel = "m"\r\nsandbox_mode = 1\r\n').message).to.include(`${sharedFile}:2:`);
    });
  });

  describe('warnings', () => {
    const texts = (warnings: ConfigWarning[]) => warnings.map(({ message }) => message);

    it('are one for each unknown key, with a hint when one is near', () => {
      const { warnings, config } = loadShared(`model = "m"
sandbox_mod = "workspace-write"
frobnicate = 1
[sandbox_workspace_write]
network_acess = true
[model_providers.a]
baseurl = "http://127.0.0.1:1"
base_url = "http://127.0.0.1:2"
`);
      const place = (line: number, key: string, hint: string) => ({
        message: `${sharedFile}:${line}: ${key} is not a known key; it is ignored${hint}`,
        file: sharedFile,
        line,
        key,
      });
      expect(warnings).to.deep.equal([
        place(2, 'sandbox_mod', ' (did you mean sandbox_mode?)'),
        place(3, 'frobnicate', ''),
        place(5, 'sandbox_workspace_write.network_acess', ' (did you mean network_access?)'),
        place(7, 'model_providers.a.baseurl', ' (did you mean base_url?)'),
      ]);
      expect(config.sandboxMode).to.equal('read-only');
    });

    it('are none for keys that only Codex acts on, whatever their type', () => {
      const { warnings } = loadShared(`notify = ["a"]
web_search = "live"
[tui]
theme = "x"
[projects."/a/b"]
trust_level = "trusted"
[features]
memories = true
[mcp_servers.x]
command = "y"
[[skills.config]]
path = "z"
`);
      expect(warnings).to.deep.equal([]);
    });

    it('tell keys of the daemon from those of the shared file and of a request', () => {
      writeFileSync(sharedFile, 'max_threads = 9\nrequest_max_retries = 9');
      writeFileSync(ownFile, 'max_threads = 3');
      const { warnings, config } = load({ requestOverrides: { max_threads: 7, stream_max_retries: 1 } });
      expect(texts(warnings)).to.deep.equal([
        `${sharedFile}:2: request_max_retries belongs into rolloutd/config.toml beside this file; it is ignored here`,
        `${sharedFile}:1: max_threads belongs into rolloutd/config.toml beside this file; it is ignored here`,
        'config of the request: max_threads is for the daemon as a whole, a conversation cannot set it; it is ignored here',
      ]);
      expect(config.daemon.maxThreads).to.equal(3);
      expect(config.modelProviders['openai']).to.include({ requestMaxRetries: 4, streamMaxRetries: 1 });
    });

    it('say what is taken for an old or unsupported value', () => {
      const { warnings, config } = loadShared(
        'profile = "p"\napproval_policy = "on-failure"\n[profiles.p]\nmodel = "x"',
      );
      expect(texts(warnings)).to.deep.equal([
        `${sharedFile}:2: approval_policy = "on-failure" is no longer offered; it is taken as "on-request"`,
        `${sharedFile}:1: profile selects a profile, which rolloutd does not apply`,
      ]);
      expect([config.approvalPolicy, config.model]).to.deep.equal(['on-request', 'offline']);
    });
  });
});
