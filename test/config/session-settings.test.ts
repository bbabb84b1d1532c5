import { expect } from 'chai';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuthManager } from '../../src/auth/auth-manager.js';
import { resolveSessionSettings } from '../../src/config/session-settings.js';
import { DaemonRig } from '../support/daemon-rig.js';
import { startModelServer } from '../support/model-server.js';
import { NOTHING_ASKED } from '../support/nothing-asked.js';
import { useTempFolder } from '../support/temp-folder.js';

const CONFIG = `model = "m"
model_provider = "mine"
model_instructions_file = "mine.md"
[model_providers.mine]
name = "Mine"
base_url = "http://127.0.0.1:1/v1"
env_key = "MINE"
`;
const EVIL = 'http://127.0.0.1:6666/v1';

describe('resolveSessionSettings', () => {
  const home = useTempFolder();
  beforeEach(() => {
    writeFileSync(join(home(), 'config.toml'), CONFIG);
    writeFileSync(join(home(), 'mine.md'), 'my instructions');
    writeFileSync(join(home(), 'secret'), 'a secret of this machine');
  });

  async function resolve(
    config: Record<string, unknown> | null,
    cliOverrides: string[] = [],
    model: string | null = null,
  ) {
    const options = {
      home: home(),
      cliOverrides,
      env: { MINE: 'my-key', OTHER: 'other-key' },
      auth: AuthManager.forTesting({ type: 'apiKey', key: 'auth-key' }),
      onWarning: () => undefined,
      askModels: () => Promise.resolve({ problem: 'nobody asks' }),
      onSecret: () => undefined,
    };
    const { settings, warnings } = await resolveSessionSettings(options, { ...NOTHING_ASKED, model, config }, null);
    const { baseUrl, apiKey, headers, queryParams } = settings.provider;
    return { warnings, baseInstructions: settings.baseInstructions, baseUrl, apiKey, headers, queryParams };
  }

  const untouched = {
    baseInstructions: 'my instructions',
    baseUrl: 'http://127.0.0.1:1/v1',
    apiKey: 'my-key',
    headers: {},
    queryParams: {},
  };
  const leftOut = (key: string): string => `the configuration key ${key} cannot be set by a request and was left out`;

  const REFUSED: [string, Record<string, unknown>][] = [
    ['model_providers', { model_providers: { mine: { base_url: EVIL } } }],
    ['model_providers', { 'model_providers.mine': { base_url: EVIL, http_headers: { A: 'b' } } }],
    ['model_providers', { 'model_providers.mine.base_url': EVIL }],
    ['model_providers', { 'model_providers.mine.env_key': 'OTHER' }],
    ['model_providers', { 'model_providers.mine.query_params.a': 'b' }],
    ['model_providers', { '"model_providers".mine.base_url': EVIL }],
    ['model_providers', { "'model_providers'.mine.base_url": EVIL }],
    ['model_providers', { ' model_providers . mine.base_url': EVIL }],
    ['model_providers', { '\tmodel_providers.mine.base_url': EVIL }],
    ['model_providers', { '"model\\u005fproviders".mine.base_url': EVIL }],
    ['openai_base_url', { openai_base_url: EVIL }],
    ['model_instructions_file', { model_instructions_file: 'secret' }],
    ['model_instructions_file', { '"model\\u005finstructions_file"': 'secret' }],
    ['mcp_servers', { 'mcp_servers.x.command': 'touch' }],
    ['notify', { notify: ['touch', 'x'] }],
  ];
  for (const [key, config] of REFUSED) {
    it(`leaves ${JSON.stringify(config)} of a request out, and says so`, async () => {
      expect(await resolve(config)).to.deep.equal({ ...untouched, warnings: [leftOut(key)] });
    });
  }

  it('leaves a new provider of a request out, so that it is not there to be chosen', async () => {
    const config = { model_providers: { evil: { base_url: EVIL } }, model_provider: 'evil' };
    const refused = await resolve(config).catch((error: unknown) => error);
    expect(String(refused)).to.contain('The model provider "evil" is not configured');
  });

  it('leaves the address of OpenAI alone, to which the key of auth.json goes', async () => {
    const config = { model_provider: 'openai', openai_base_url: EVIL };
    const { baseUrl, apiKey, warnings } = await resolve(config, [], 'm');
    expect({ baseUrl, apiKey, warnings }).to.deep.equal({
      baseUrl: 'https://api.openai.com/v1',
      apiKey: 'auth-key',
      warnings: [leftOut('openai_base_url')],
    });
  });

  it('takes the same keys from the command line', async () => {
    mkdirSync(join(home(), 'rolloutd'));
    const flags = [
      'model_providers.mine.base_url="http://127.0.0.1:2/v1"',
      'model_providers.mine.env_key=OTHER',
      `model_instructions_file=${join(home(), 'secret')}`,
    ];
    expect(await resolve({ model_providers: null, openai_base_url: null }, flags)).to.deep.equal({
      ...untouched,
      baseUrl: 'http://127.0.0.1:2/v1',
      apiKey: 'other-key',
      baseInstructions: 'a secret of this machine',
      warnings: [],
    });
    const { baseUrl } = await resolve({ model_provider: 'openai' }, ['openai_base_url="http://127.0.0.1:3/v1"'], 'm');
    expect(baseUrl).to.equal('http://127.0.0.1:3/v1');
  });

  it('takes what else a request sets', async () => {
    expect(await resolve({ 'sandbox_workspace_write.network_access': true, instructions: 'asked' })).to.deep.equal({
      ...untouched,
      baseInstructions: 'asked',
      warnings: [],
    });
  });

  it('tells the client that asked what was left out, and asks nobody but the configured provider', async () => {
    const [rig, evil] = [await DaemonRig.start(), await startModelServer()];
    try {
      const client = await rig.client();
      const config = { 'model_providers.mock.base_url': evil.baseUrl, model_instructions_file: '/etc/hostname' };
      const threadId = await client.startThread({ config });
      expect((await client.runTurn(threadId, 'hello')).status).to.equal('completed');
      await rig.daemon.registry.removeConversation(threadId);
      await client.call('thread/resume', { threadId, config });
      expect((await client.runTurn(threadId, 'again')).status).to.equal('completed');
      const warnings = client.received.filter(({ method }) => method === 'warning').map(({ params }) => params);
      const told = [leftOut('model_providers'), leftOut('model_instructions_file')];
      expect(warnings).to.deep.equal([...told, ...told].map((message) => ({ threadId, message })));
      expect([rig.model.requestCount, evil.requestCount]).to.deep.equal([2, 0]);
    } finally {
      await rig.close();
      await evil.close();
    }
  });
});
