import { expect } from 'chai';
import { permissionsText, savedPrefixText } from '../../../src/agent/context/permissions-text.js';
import type { AskForApproval, SandboxPolicy } from '../../../src/protocol/thread.js';

function linesOf(sandboxPolicy: SandboxPolicy, approvalPolicy: AskForApproval, allowed?: string[][]): string[] {
  const lines = permissionsText({ sandboxPolicy, approvalPolicy }, allowed).split('\n');
  expect([lines[0], lines.at(-1)]).to.deep.equal(['<permissions instructions>', '</permissions instructions>']);
  return lines.slice(1, -1);
}

describe('permissionsText', () => {
  it('names sandbox, network and policy', () => {
    expect(linesOf({ type: 'workspaceWrite', writableRoots: ['/w'], networkAccess: true }, 'never')).to.deep.equal([
      'Commands run in a sandbox (`workspace-write`): every file can be read; the working folder, and /w and temporary folders can be written, but for their .git.',
      'The network can be reached.',
      'Approval policy: `never`.',
      'Nobody is asked for more than the sandbox gives: leave `sandbox_permissions` out, such a command is refused.',
    ]);
    const network = (policy: SandboxPolicy) => linesOf(policy, 'never')[1] === 'The network can be reached.';
    expect([
      network({ type: 'readOnly' }),
      network({ type: 'readOnly', networkAccess: true }),
      network({ type: 'workspaceWrite' }),
      network({ type: 'externalSandbox' }),
      network({ type: 'externalSandbox', networkAccess: 'enabled' }),
      network({ type: 'dangerFullAccess' }),
    ]).to.deep.equal([false, true, false, false, true, true]);
  });

  it('says how to ask for more exactly where somebody may be asked', () => {
    const granular = (sandbox_approval: boolean): AskForApproval => ({
      granular: { sandbox_approval, rules: true, mcp_elicitations: true },
    });
    const tellsHow = (policy: AskForApproval): boolean =>
      linesOf({ type: 'readOnly' }, policy).some((line) => line.includes('`require_escalated`'));
    expect(
      (['untrusted', 'on-request', 'never', granular(true), granular(false)] as const).map(tellsHow),
    ).to.deep.equal([true, true, false, true, false]);
  });

  it('lists what rules allow', () => {
    expect(linesOf({ type: 'readOnly' }, 'on-request', [['touch'], ['npm', 'run "x"']]).slice(-3)).to.deep.equal([
      'Commands that begin so are allowed outside the sandbox:',
      '- ["touch"]',
      String.raw`- ["npm","run \"x\""]`,
    ]);
  });
});

describe('savedPrefixText', () => {
  it('names the words', () => {
    expect(savedPrefixText(['npm', 'run'])).to.equal(
      'From now on commands that begin so are allowed outside the sandbox:\n- ["npm","run"]',
    );
  });
});
