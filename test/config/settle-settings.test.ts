import { expect } from 'chai';
import fc from 'fast-check';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuthManager } from '../../src/auth/auth-manager.js';
import { resolveSessionSettings } from '../../src/config/session-settings.js';
import type { SandboxPolicy } from '../../src/protocol/thread.js';
import type { ConversationRequest, RecordedSettings } from '../../src/registry/seams.js';
import type { SessionSettings } from '../../src/session/messages.js';
import { NOTHING_ASKED } from '../support/nothing-asked.js';
import { useTempFolder } from '../support/temp-folder.js';

const PROVIDERS = ['a', 'b', 'c'].map((id) => `[model_providers.${id}]\nbase_url = "http://127.0.0.1:1/v1"\n`).join('');

const FULL: SandboxPolicy = { type: 'dangerFullAccess' };
const READ: SandboxPolicy = { type: 'readOnly', networkAccess: false };
const OPEN_READ: SandboxPolicy = { type: 'readOnly', networkAccess: true };
const WRITE: SandboxPolicy & { type: 'workspaceWrite' } = {
  type: 'workspaceWrite',
  writableRoots: ['/recorded'],
  networkAccess: false,
  excludeTmpdirEnvVar: true,
  excludeSlashTmp: false,
};
const ALL_GATES = { sandbox_approval: true, rules: true, mcp_elicitations: true };

type Recorded = Partial<RecordedSettings>;
type Effective = Partial<Omit<SessionSettings, 'provider'>> & { provider?: string };

interface Case {
  recorded?: Recorded;
  /** Of HOME/rolloutd/config.toml. */
  files?: string;
  flags?: string[];
  asked?: Partial<ConversationRequest>;
  effective: Effective;
}

const WIDE_FILES = `sandbox_mode = "danger-full-access"
approval_policy = "never"
[sandbox_workspace_write]
writable_roots = ["/files"]
network_access = true
`;
const WIDE_FLAGS = ['sandbox_mode=danger-full-access', 'approval_policy=never'];

const CASES: Record<string, Case> = {
  'the shipped defaults where nobody says anything': {
    effective: { model: 'offline', provider: 'offline', approvalPolicy: 'on-request', sandboxPolicy: READ },
  },
  'the files over the defaults': {
    files: 'model = "f"\nmodel_provider = "a"\ndeveloper_instructions = "files"',
    effective: { model: 'f', provider: 'a', developerInstructions: 'files' },
  },
  'the command line over the files': {
    files: 'model = "f"\nmodel_provider = "a"\nmodel_reasoning_effort = "low"',
    flags: ['model=g', 'model_provider=b'],
    effective: { model: 'g', provider: 'b', reasoningEffort: 'low' },
  },
  'the rollout over files and command line': {
    recorded: {
      model: 'r',
      modelProvider: 'c',
      approvalPolicy: 'untrusted',
      sandboxPolicy: READ,
      reasoningEffort: 'high',
      reasoningSummary: 'concise',
      developerInstructions: 'recorded',
    },
    files: `model = "f"\nmodel_reasoning_summary = "none"\n${WIDE_FILES}`,
    flags: [
      ...WIDE_FLAGS,
      'model=g',
      'model_provider=b',
      'model_reasoning_effort=low',
      'developer_instructions=flags',
      'sandbox_workspace_write.network_access=true',
    ],
    effective: {
      model: 'r',
      provider: 'c',
      approvalPolicy: 'untrusted',
      sandboxPolicy: READ,
      reasoningEffort: 'high',
      reasoningSummary: 'concise',
      developerInstructions: 'recorded',
    },
  },
  'the rollout where it is wider than what is configured': {
    recorded: { approvalPolicy: 'never', sandboxPolicy: FULL },
    flags: ['sandbox_mode=read-only', 'approval_policy=untrusted'],
    effective: { approvalPolicy: 'never', sandboxPolicy: FULL },
  },
  'no effort where a turn ran without one': {
    recorded: { model: 'r', reasoningEffort: null },
    flags: ['model_reasoning_effort=low'],
    effective: { model: 'r', reasoningEffort: null },
  },
  'files and command line for what the rollout does not say': {
    recorded: { modelProvider: 'c', model: null, approvalPolicy: null, sandboxPolicy: null, reasoningEffort: null },
    files: 'model_reasoning_effort = "low"\napproval_policy = "never"',
    flags: ['model=g', 'sandbox_mode=workspace-write'],
    effective: {
      model: 'g',
      provider: 'c',
      approvalPolicy: 'never',
      sandboxPolicy: { ...WRITE, writableRoots: [], excludeTmpdirEnvVar: false },
      reasoningEffort: 'low',
    },
  },
  "the request's own fields over everything": {
    recorded: { model: 'r', modelProvider: 'c', approvalPolicy: 'untrusted', sandboxPolicy: READ },
    flags: ['model=g', 'model_provider=b'],
    asked: {
      model: 'q',
      modelProvider: 'a',
      approvalPolicy: 'never',
      sandbox: 'danger-full-access',
      developerInstructions: 'asked',
    },
    effective: {
      model: 'q',
      provider: 'a',
      approvalPolicy: 'never',
      sandboxPolicy: FULL,
      developerInstructions: 'asked',
    },
  },
  'the config of the request over everything': {
    recorded: {
      model: 'r',
      modelProvider: 'c',
      approvalPolicy: 'untrusted',
      sandboxPolicy: READ,
      reasoningEffort: 'high',
      reasoningSummary: 'concise',
      developerInstructions: 'recorded',
    },
    asked: {
      config: {
        model: 'q',
        model_provider: 'a',
        'approval_policy.granular': ALL_GATES,
        sandbox_mode: 'danger-full-access',
        model_reasoning_effort: 'low',
        model_reasoning_summary: 'none',
        developer_instructions: 'asked',
      },
    },
    effective: {
      model: 'q',
      provider: 'a',
      approvalPolicy: { granular: { ...ALL_GATES, request_permissions: false, skill_approval: false } },
      sandboxPolicy: FULL,
      reasoningEffort: 'low',
      reasoningSummary: 'none',
      developerInstructions: 'asked',
    },
  },
  'no more than was asked for: the rest stays as recorded': {
    recorded: { model: 'r', modelProvider: 'c', approvalPolicy: 'untrusted', sandboxPolicy: READ },
    flags: [...WIDE_FLAGS, 'model=g'],
    asked: { model: 'q' },
    effective: { model: 'q', provider: 'c', approvalPolicy: 'untrusted', sandboxPolicy: READ },
  },
  'the recorded details of a sandbox whose mode is asked for again': {
    recorded: { sandboxPolicy: WRITE },
    files: WIDE_FILES,
    asked: { sandbox: 'workspace-write' },
    effective: { sandboxPolicy: WRITE },
  },
  'the configured details of a sandbox that was another one before': {
    recorded: { sandboxPolicy: READ },
    files: WIDE_FILES,
    asked: { sandbox: 'workspace-write' },
    effective: {
      sandboxPolicy: {
        type: 'workspaceWrite',
        writableRoots: ['/files'],
        networkAccess: true,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: false,
      },
    },
  },
  'single details of the recorded sandbox, when the request asks for them': {
    recorded: { sandboxPolicy: WRITE },
    files: WIDE_FILES,
    asked: {
      config: { sandbox_workspace_write: { network_access: true }, 'sandbox_workspace_write.writable_roots': [] },
    },
    effective: { sandboxPolicy: { ...WRITE, writableRoots: [], networkAccess: true } },
  },
  'no details of a mode that nobody chose': {
    recorded: { sandboxPolicy: OPEN_READ },
    asked: { config: { 'sandbox_workspace_write.network_access': true } },
    effective: { sandboxPolicy: OPEN_READ },
  },
  'reading alone when that is asked for, without the network that was there before': {
    recorded: { sandboxPolicy: OPEN_READ },
    files: WIDE_FILES,
    asked: { sandbox: 'read-only' },
    effective: { sandboxPolicy: READ },
  },
  'the recorded folder with its roots': {
    recorded: { cwd: '/ws', workspaceRoots: ['/ws', '/more'] },
    effective: { cwd: '/ws', workspaceRoots: ['/ws', '/more'] },
  },
  'the recorded roots when the same folder is asked for': {
    recorded: { cwd: '/ws/', workspaceRoots: ['/ws', '/more'] },
    asked: { cwd: '/ws' },
    effective: { cwd: '/ws', workspaceRoots: ['/ws', '/more'] },
  },
  'another folder without the roots of the former one': {
    recorded: { cwd: '/ws', workspaceRoots: ['/ws', '/more'] },
    asked: { cwd: '/other' },
    effective: { cwd: '/other', workspaceRoots: ['/other'] },
  },
  'the recorded folder alone where no roots are recorded': {
    recorded: { cwd: '/ws', workspaceRoots: null },
    effective: { cwd: '/ws', workspaceRoots: ['/ws'] },
  },
};

const summary = (recorded: Recorded): RecordedSettings =>
  ({ cwd: '/ws', model: null, modelProvider: null, ...recorded }) as RecordedSettings;

describe('settings of a resumed conversation', () => {
  const home = useTempFolder();

  async function settingsOf({ recorded, files, flags, asked }: Omit<Case, 'effective'>): Promise<SessionSettings> {
    mkdirSync(join(home(), 'rolloutd'), { recursive: true });
    writeFileSync(join(home(), 'rolloutd', 'config.toml'), `${files ?? ''}\n${PROVIDERS}`);
    const options = {
      home: home(),
      cliOverrides: flags ?? [],
      env: {},
      auth: AuthManager.forTesting({ type: 'none' }),
      onWarning: () => undefined,
      askModels: () => Promise.resolve({ problem: 'nobody asks' }),
      onSecret: () => undefined,
    };
    const request = { ...NOTHING_ASKED, ...asked };
    return (await resolveSessionSettings(options, request, recorded === undefined ? null : summary(recorded))).settings;
  }

  for (const [what, { effective, ...given }] of Object.entries(CASES)) {
    it(`are ${what}`, async () => {
      const { provider, ...settings } = await settingsOf(given);
      const all: Record<string, unknown> = { ...settings, provider: provider.id };
      const compared = Object.fromEntries(Object.keys(effective).map((key) => [key, all[key]]));
      expect(compared).to.deep.equal(effective);
    });
  }

  const flag = fc.boolean();
  const roots = fc.subarray(['/a', '/b', '/c']);
  const workspaceWrite = fc.record({
    type: fc.constant('workspaceWrite' as const),
    writableRoots: roots,
    networkAccess: flag,
    excludeTmpdirEnvVar: flag,
    excludeSlashTmp: flag,
  });
  const anyPolicy: fc.Arbitrary<SandboxPolicy> = fc.oneof(
    fc.constant(FULL),
    fc.record({ type: fc.constant('readOnly' as const), networkAccess: flag }),
    workspaceWrite,
    fc.record({
      type: fc.constant('externalSandbox' as const),
      networkAccess: fc.constantFrom('restricted' as const, 'enabled' as const),
    }),
  );
  const approval = fc.oneof(
    fc.constantFrom('untrusted' as const, 'on-request' as const, 'never' as const),
    fc.record({ granular: fc.record({ sandbox_approval: flag, rules: flag, mcp_elicitations: flag }) }),
  );
  const mode = fc.constantFrom('read-only' as const, 'workspace-write' as const, 'danger-full-access' as const);
  /** Values of keys that could widen something, as a file or the command line says them. */
  const keys = fc.record(
    {
      sandbox_mode: mode,
      approval_policy: fc.constantFrom('untrusted', 'on-request', 'never'),
      'sandbox_workspace_write.writable_roots': roots,
      'sandbox_workspace_write.network_access': flag,
      'sandbox_workspace_write.exclude_tmpdir_env_var': flag,
      'sandbox_workspace_write.exclude_slash_tmp': flag,
    },
    { requiredKeys: [] },
  );
  const lines = keys.map((values) => Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`));
  const otherWishes = fc.record(
    {
      cwd: fc.constantFrom('/ws', '/other'),
      model: fc.constant('q'),
      modelProvider: fc.constantFrom('a', 'b'),
      config: fc.constantFrom({ model_reasoning_effort: 'low' }, { sandbox_mode: null, approval_policy: null }),
    },
    { requiredKeys: [] },
  );

  it('are never other permissions than the recorded ones, unless the request asks for them', async () => {
    const inputs = fc.record({ sandboxPolicy: anyPolicy, approvalPolicy: approval, files: lines, flags: lines });
    await fc.assert(
      fc.asyncProperty(inputs, otherWishes, async ({ files, flags, ...recorded }, asked) => {
        const settings = await settingsOf({ recorded, files: files.join('\n'), flags, asked });
        const { sandboxPolicy, approvalPolicy } = settings;
        expect({ sandboxPolicy, approvalPolicy }).to.deep.equal(recorded);
      }),
    );
  });

  /** Whether all that `policy` lets happen is let happen by `other` too. */
  function isWithin(policy: SandboxPolicy, other: SandboxPolicy): boolean {
    if (other.type === 'dangerFullAccess') return true;
    if (policy.type === 'dangerFullAccess' || policy.type === 'externalSandbox' || other.type === 'externalSandbox')
      return policy.type === other.type;
    if (policy.networkAccess === true && other.networkAccess !== true) return false;
    if (policy.type === 'readOnly') return true;
    return (
      other.type === 'workspaceWrite' &&
      policy.writableRoots!.every((root) => other.writableRoots!.includes(root)) &&
      (policy.excludeTmpdirEnvVar! || !other.excludeTmpdirEnvVar!) &&
      (policy.excludeSlashTmp! || !other.excludeSlashTmp!)
    );
  }

  it('are never wider when the request asks for the recorded mode or a narrower one', async () => {
    const order = ['readOnly', 'workspaceWrite', 'dangerFullAccess'];
    const modes = ['read-only', 'workspace-write', 'danger-full-access'];
    const inputs = fc.record({ recorded: anyPolicy, asked: mode, files: lines, flags: lines });
    await fc.assert(
      fc.asyncProperty(inputs, async ({ recorded, asked, files, flags }) => {
        fc.pre(modes.indexOf(asked) <= order.indexOf(recorded.type));
        const given = { recorded: { sandboxPolicy: recorded }, files: files.join('\n'), flags };
        const { sandboxPolicy } = await settingsOf({ ...given, asked: { sandbox: asked } });
        expect(isWithin(sandboxPolicy, recorded), JSON.stringify(sandboxPolicy)).to.equal(true);
        expect(sandboxPolicy.type).to.equal(order[modes.indexOf(asked)]);
      }),
    );
  });
});
