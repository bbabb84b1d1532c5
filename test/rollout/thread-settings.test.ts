import { expect } from 'chai';
import type { TurnContextPayload } from '../../src/rollout/line.js';
import { toRecordedSettings } from '../../src/rollout/thread-settings.js';
import type { RecordedSettings } from '../../src/rollout/thread-settings.js';
import { eventLine, startedLine } from '../support/rollout-lines.js';

function settings(fields: Partial<TurnContextPayload>): Partial<RecordedSettings> {
  return toRecordedSettings({ timestamp: '', type: 'turn_context', payload: { cwd: '/ws', model: 'm', ...fields } })!;
}

function applied(thread_settings: Record<string, unknown>): Partial<RecordedSettings> {
  const payload = { type: 'thread_settings_applied', thread_id: 't', thread_settings } as const;
  return toRecordedSettings(eventLine(payload))!;
}

describe('toRecordedSettings', () => {
  it('reads what a turn ran with', () => {
    const recorded = settings({
      approval_policy: 'on-request',
      sandbox_policy: {
        type: 'workspace-write',
        writable_roots: ['/x'],
        network_access: true,
        exclude_slash_tmp: true,
      },
      effort: 'high',
      summary: 'concise',
    });
    expect(recorded).to.deep.equal({
      model: 'm',
      cwd: '/ws',
      approvalPolicy: 'on-request',
      sandboxPolicy: {
        type: 'workspaceWrite',
        writableRoots: ['/x'],
        networkAccess: true,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: true,
      },
      reasoningEffort: 'high',
      reasoningSummary: 'concise',
    });
  });

  it('knows every sandbox, also as old versions wrote it', () => {
    const policies = [
      { mode: 'danger-full-access' },
      { type: 'danger-full-access' },
      { type: 'read-only' },
      { type: 'external-sandbox', network_access: 'enabled' },
    ].map((sandbox_policy) => settings({ sandbox_policy }).sandboxPolicy);
    expect(policies).to.deep.equal([
      { type: 'dangerFullAccess' },
      { type: 'dangerFullAccess' },
      { type: 'readOnly', networkAccess: false },
      { type: 'externalSandbox', networkAccess: 'enabled' },
    ]);
  });

  it('takes the narrowest where it does not understand', () => {
    for (const unknown of [undefined, null, 7, 'sudo', { type: 'sudo', network_access: false }, ['never']]) {
      const { approvalPolicy, sandboxPolicy } = settings({ approval_policy: unknown, sandbox_policy: unknown });
      expect([approvalPolicy, sandboxPolicy]).to.deep.equal(['untrusted', { type: 'readOnly', networkAccess: false }]);
    }
  });

  it('closes what is said of a sandbox in words that it does not know', () => {
    const sandbox_policy = {
      type: 'workspace-write',
      writable_roots: ['/x', 7],
      network_access: 'enabled',
      exclude_tmpdir_env_var: 'yes',
      exclude_slash_tmp: null,
    };
    expect(settings({ sandbox_policy }).sandboxPolicy).to.deep.equal({
      type: 'workspaceWrite',
      writableRoots: ['/x'],
      networkAccess: false,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: false,
    });
  });

  it('takes granular approvals that it does not understand for the narrowest', () => {
    for (const gates of [{}, [], { sandbox_approval: 'no', rules: true, mcp_elicitations: true }]) {
      expect(settings({ approval_policy: { granular: gates } }).approvalPolicy).to.equal('untrusted');
    }
  });

  it('keeps granular approvals and reads on-failure of old as on-request', () => {
    const granular = { granular: { sandbox_approval: true, rules: false, mcp_elicitations: true } };
    expect(settings({ approval_policy: granular }).approvalPolicy).to.deep.equal(granular);
    expect(settings({ approval_policy: 'on-failure' }).approvalPolicy).to.equal('on-request');
  });

  it('knows the workspace of newer versions', () => {
    expect(settings({ workspace_roots: ['/ws', '/other'] }).workspaceRoots).to.deep.equal(['/ws', '/other']);
  });

  it('takes the profile for the sandbox where a line has no policy', () => {
    const profile = { type: 'disabled' };
    expect([
      settings({ permission_profile: profile }).sandboxPolicy,
      settings({ permission_profile: profile, sandbox_policy: { type: 'read-only' } }).sandboxPolicy,
      applied({ permission_profile: profile, cwd: '/ws' }).sandboxPolicy,
      applied({ permission_profile: profile, sandbox_policy: { type: 'read-only' } }).sandboxPolicy,
    ]).to.deep.equal([
      { type: 'dangerFullAccess' },
      { type: 'readOnly', networkAccess: false },
      { type: 'dangerFullAccess' },
      { type: 'readOnly', networkAccess: false },
    ]);
  });

  it('reads settings as this daemon applies them', () => {
    const said = applied({
      model: 'm',
      model_provider_id: 'p',
      approval_policy: 'on-request',
      sandbox_policy: { type: 'danger-full-access' },
      permission_profile: { type: 'external', network: 'enabled' },
      cwd: '/ws',
      runtime_workspace_roots: ['/ws'],
      effort: null,
      summary: 'auto',
      developer_instructions: 'Be kind.',
      collaboration_mode: { mode: 'default', settings: { model: 'm', reasoning_effort: 'high' } },
    });
    expect(said).to.deep.equal({
      model: 'm',
      modelProvider: 'p',
      cwd: '/ws',
      workspaceRoots: ['/ws'],
      approvalPolicy: 'on-request',
      sandboxPolicy: { type: 'dangerFullAccess' },
      reasoningEffort: null,
      reasoningSummary: 'auto',
      developerInstructions: 'Be kind.',
    });
  });

  it('reads settings as Codex applies them, and says nothing of what they leave out', () => {
    const mode = { mode: 'default', settings: { model: 'm', reasoning_effort: null, developer_instructions: null } };
    expect([
      applied({ reasoning_effort: 'high', reasoning_summary: 'detailed', collaboration_mode: mode }),
      applied({ collaboration_mode: mode, approval_policy: 'sudo' }),
      applied({}),
    ]).to.deep.equal([
      { reasoningEffort: 'high', reasoningSummary: 'detailed' },
      { reasoningEffort: null, approvalPolicy: 'untrusted' },
      {},
    ]);
  });

  it('finds none in other lines', () => {
    expect(toRecordedSettings(startedLine('t'))).to.equal(null);
  });
});
