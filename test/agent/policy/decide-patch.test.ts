import { expect } from 'chai';
import { decidePatch, PATCH_TABLE } from '../../../src/agent/policy/decide-patch.js';
import type { PatchDecision } from '../../../src/agent/policy/decide-patch.js';
import { SessionApprovals } from '../../../src/agent/policy/session-approvals.js';
import type { AskForApproval, SandboxPolicy } from '../../../src/protocol/thread.js';

const granular = (sandbox_approval: boolean): AskForApproval => ({
  granular: {
    sandbox_approval,
    rules: false,
    mcp_elicitations: false,
    request_permissions: false,
    skill_approval: false,
  },
});
const POLICIES: readonly [string, AskForApproval][] = [
  ['untrusted', 'untrusted'],
  ['on-request', 'on-request'],
  ['granular, asked', granular(true)],
  ['granular, not asked', granular(false)],
  ['never', 'never'],
];
const SANDBOXES: readonly [string, SandboxPolicy][] = [
  ['read-only', { type: 'readOnly' }],
  ['workspace-write', { type: 'workspaceWrite' }],
  ['danger', { type: 'dangerFullAccess' }],
  ['external', { type: 'externalSandbox' }],
];

/** Recorded of Codex 0.169, whose `external` was not: in the workspace, and outside of it. */
const TABLE: Readonly<Record<string, readonly [inside: PatchDecision['type'], outside: PatchDecision['type']]>> = {
  'untrusted/read-only': ['ask', 'ask'],
  'untrusted/workspace-write': ['ask', 'ask'],
  'untrusted/danger': ['ask', 'ask'],
  'untrusted/external': ['ask', 'ask'],
  'on-request/read-only': ['ask', 'ask'],
  'on-request/workspace-write': ['run', 'ask'],
  'on-request/danger': ['run', 'run'],
  'on-request/external': ['run', 'run'],
  'granular, asked/read-only': ['ask', 'ask'],
  'granular, asked/workspace-write': ['run', 'ask'],
  'granular, asked/danger': ['run', 'run'],
  'granular, asked/external': ['run', 'run'],
  'granular, not asked/read-only': ['forbid', 'forbid'],
  'granular, not asked/workspace-write': ['run', 'forbid'],
  'granular, not asked/danger': ['run', 'run'],
  'granular, not asked/external': ['run', 'run'],
  'never/read-only': ['forbid', 'forbid'],
  'never/workspace-write': ['run', 'forbid'],
  'never/danger': ['run', 'run'],
  'never/external': ['run', 'run'],
};

describe('decidePatch', () => {
  const decide = (approvalPolicy: AskForApproval, sandboxPolicy: SandboxPolicy, files: string[], closedFiles: string[], approvals = new SessionApprovals()) =>
    decidePatch({ files, closedFiles }, { approvalPolicy, sandboxPolicy, approvals }); // prettier-ignore

  it('decides by policy, sandbox and where the files lie', () => {
    const decided = POLICIES.flatMap(([policyName, policy]) =>
      SANDBOXES.map(([sandboxName, sandbox]) => {
        const isOpen = sandbox.type !== 'readOnly';
        const inside = decide(policy, sandbox, ['/p/a'], isOpen ? [] : ['/p/a']);
        const outside = decide(
          policy,
          sandbox,
          ['/p/a', '/q/b'],
          sandbox.type === 'workspaceWrite' ? ['/q/b'] : isOpen ? [] : ['/p/a', '/q/b'],
        );
        return [`${policyName}/${sandboxName}`, [inside.type, outside.type]];
      }),
    );
    expect(Object.fromEntries(decided)).to.deep.equal(TABLE);
  });

  it('does not ask again when each file was accepted for the session', () => {
    const approvals = new SessionApprovals();
    approvals.acceptFiles(['/p/a', '/q/b']);
    expect([
      decide('untrusted', { type: 'readOnly' }, ['/q/b', '/p/a'], ['/q/b', '/p/a'], approvals).type,
      decide('on-request', { type: 'workspaceWrite' }, ['/p/a', '/q/c'], ['/q/c'], approvals).type,
    ]).to.deep.equal(['run', 'ask']);
  });

  it('says which files are outside', () => {
    const outside = ['/q/b', '/q/c'];
    expect([
      decide('on-request', { type: 'workspaceWrite' }, ['/p/a', ...outside], outside),
      decide('never', { type: 'workspaceWrite' }, ['/p/a', ...outside], outside),
      decide('on-request', { type: 'readOnly' }, outside, outside),
      decide('never', { type: 'readOnly' }, outside, outside),
    ]).to.deep.equal([
      { type: 'ask', reason: 'Its files lie outside of what may be written: /q/b, /q/c' },
      {
        type: 'forbid',
        messageForModel:
          'Nothing was changed: files lie outside of what may be written: /q/b, /q/c, and the approval policy lets nobody be asked.',
      },
      { type: 'ask', reason: null },
      {
        type: 'forbid',
        messageForModel: 'Nothing was changed: the sandbox is read-only, and the approval policy lets nobody be asked.',
      },
    ]);
  });

  it('has a row for everything', () => {
    expect(PATCH_TABLE.at(-1)!.when).to.deep.equal({});
  });
});
