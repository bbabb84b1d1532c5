// What the model may do, and how it asks for more, in the envelope that readers know. Pure. Session worker.
import type { AskForApproval, SandboxPolicy } from '../../protocol/thread.js';
import type { SessionSettings } from '../../session/messages.js';
import { mayAsk } from '../policy/decide-command.js';

/** `allowed`: first words of commands that rules let run outside the sandbox. */
export function permissionsText(
  { sandboxPolicy, approvalPolicy }: Pick<SessionSettings, 'sandboxPolicy' | 'approvalPolicy'>,
  allowed: readonly (readonly string[])[] = [],
): string {
  const lines = [
    sandboxLine(sandboxPolicy),
    networkLine(sandboxPolicy),
    ...approvalLines(approvalPolicy),
    ...allowedLines(allowed),
  ];
  return `<permissions instructions>\n${lines.join('\n')}\n</permissions instructions>`;
}

/** What the model is told when a person has allowed more commands for good. */
export function savedPrefixText(words: readonly string[]): string {
  return `From now on commands that begin so are allowed outside the sandbox:\n- ${JSON.stringify(words)}`;
}

function sandboxLine(policy: SandboxPolicy): string {
  switch (policy.type) {
    case 'dangerFullAccess':
      return 'Commands run without a sandbox (`danger-full-access`): they can change everything that the user can.';
    case 'externalSandbox':
      return 'Commands run without a sandbox of this program; another one holds around it.';
    case 'readOnly':
      return 'Commands run in a sandbox (`read-only`): every file can be read, none can be written.';
    case 'workspaceWrite': {
      const roots = policy.writableRoots ?? [];
      const more = roots.length === 0 ? '' : `, and ${roots.join(', ')}`;
      return `Commands run in a sandbox (\`workspace-write\`): every file can be read; the working folder${more} and temporary folders can be written, but for their .git.`;
    }
  }
}

function networkLine(policy: SandboxPolicy): string {
  const isOpen =
    policy.type === 'dangerFullAccess' ||
    (policy.type === 'externalSandbox' ? policy.networkAccess === 'enabled' : policy.networkAccess === true);
  return isOpen ? 'The network can be reached.' : 'The network cannot be reached.';
}

const HOW_TO_ASK = [
  'If a command needs more than the sandbox gives, call it with `sandbox_permissions` set to `require_escalated` and say in `justification`, as one question to the user, why.',
  'In `prefix_rule` you may propose the first words under which commands like it shall be allowed from then on; keep them narrow.',
  'The parts of a script between |, &&, || and ; are judged one by one; a script with redirections, substitutions, variables, assignments or wildcards is judged only as a whole.',
];

function approvalLines(policy: AskForApproval): string[] {
  const name = typeof policy === 'string' ? policy : 'granular';
  const lines = [`Approval policy: \`${name}\`.`];
  if (policy === 'untrusted') lines.push('The user is asked before every command that is not known to only read.');
  if (!mayAsk(policy, 'sandbox_approval')) {
    return [
      ...lines,
      'Nobody is asked for more than the sandbox gives: leave `sandbox_permissions` out, such a command is refused.',
    ];
  }
  return [...lines, ...HOW_TO_ASK];
}

function allowedLines(allowed: readonly (readonly string[])[]): string[] {
  if (allowed.length === 0) return [];
  return [
    'Commands that begin so are allowed outside the sandbox:',
    ...allowed.map((words) => `- ${JSON.stringify(words)}`),
  ];
}
