import { expect } from 'chai';
import type { TurnContextPayload } from '../../src/rollout/line.js';
import { toRecordedSettings } from '../../src/rollout/thread-settings.js';

function settings(fields: Partial<TurnContextPayload>): ReturnType<typeof toRecordedSettings> {
  return toRecordedSettings({ cwd: '/ws', model: 'm', ...fields });
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

  it('keeps granular approvals and reads on-failure of old as on-request', () => {
    const granular = { granular: { sandbox_approval: true, rules: false, mcp_elicitations: true } };
    expect(settings({ approval_policy: granular }).approvalPolicy).to.deep.equal(granular);
    expect(settings({ approval_policy: 'on-failure' }).approvalPolicy).to.equal('on-request');
  });
});
