// May a command run, must a person be asked, or is it refused? The answer is a table. Pure. Session worker.
import type { AskForApproval, SandboxPolicy } from '../../protocol/thread.js';
import { joinCommand } from '../../rollout/join-command.js';
import { proposeAmendment } from './amendment-proposal.js';
import { allCommands, evaluateRules, splitCommands } from './evaluate-rules.js';
import type { RulesVerdict } from './evaluate-rules.js';
import type { ExecRules } from './exec-rules.js';
import { isRiskyCommand } from './risky-commands.js';
import { isKnownSafe } from './safe-commands.js';
import type { CommandIdentity, SessionApprovals } from './session-approvals.js';
import { shellScriptOf } from './shell-script.js';

/** A command that the model wants to run. */
export interface CommandRequest {
  /** As it would be started, such as `['/bin/bash', '-lc', script]`. */
  argv: readonly string[];
  /** Absolute. */
  cwd: string;
  /** The model asks to leave the sandbox (`sandbox_permissions: require_escalated`). */
  escalated: boolean;
  justification: string | null;
  /** The first words that the model proposes to allow for good. */
  prefixRule: readonly string[] | null;
}

/** All that holds when it asks. */
export interface PolicyState {
  approvalPolicy: AskForApproval;
  sandboxPolicy: SandboxPolicy;
  rules: ExecRules;
  approvals: SessionApprovals;
}

/** What a client may answer, as the wire spells it. `acceptForSession` and `decline` are taken as well. */
export type OfferedDecision =
  'accept' | { acceptWithExecpolicyAmendment: { execpolicy_amendment: string[] } } | 'cancel';

export type CommandDecision =
  /** `sandboxed` says that the sandbox of the policy is to be put round it. */
  | { type: 'run'; sandboxed: boolean }
  | {
      type: 'ask';
      reason: string | null;
      proposedAmendment: string[] | null;
      availableDecisions: OfferedDecision[];
      /** How to run it once it is accepted, however it is accepted. */
      thenSandboxed: boolean;
    }
  | { type: 'forbid'; messageForModel: string };

/** What the table looks at. */
export interface CommandFacts {
  /** The word of the rules. */
  rules: RulesVerdict['type'];
  escalated: boolean;
  /** The very same was accepted for the session. */
  accepted: boolean;
  risky: boolean;
  /** Known to read only. */
  safe: boolean;
  /** The policy is `untrusted`: everything is asked that nobody vouches for. */
  untrusted: boolean;
  /** A person may be asked because a rule says so. */
  asksForRules: boolean;
  /** A person may be asked for more than the sandbox gives. */
  asksForSandbox: boolean;
  /** The policy has a sandbox to leave. */
  confined: boolean;
}

export type CommandOutcome =
  | 'run' // within the sandbox, if there is one; outside when it was escalated
  | 'runFreely' // outside the sandbox
  | 'ask'
  | 'askForRule'
  | 'forbiddenByRule'
  | 'ruleCannotAsk'
  | 'cannotEscalate'
  | 'riskyCannotAsk';

/** From above: the first row whose facts all hold decides. */
export const COMMAND_TABLE: readonly { when: Partial<CommandFacts>; outcome: CommandOutcome }[] = [
  { when: { rules: 'forbidden' }, outcome: 'forbiddenByRule' },
  { when: { escalated: true, asksForSandbox: false }, outcome: 'cannotEscalate' },
  { when: { rules: 'prompt', asksForRules: false }, outcome: 'ruleCannotAsk' },
  { when: { accepted: true }, outcome: 'run' },
  { when: { rules: 'prompt' }, outcome: 'askForRule' },
  { when: { rules: 'allow' }, outcome: 'runFreely' },
  { when: { risky: true, asksForSandbox: false }, outcome: 'riskyCannotAsk' },
  { when: { risky: true }, outcome: 'ask' },
  { when: { untrusted: true, escalated: false, safe: true }, outcome: 'run' },
  { when: { untrusted: true }, outcome: 'ask' },
  { when: { escalated: true, confined: true }, outcome: 'ask' },
  { when: {}, outcome: 'run' },
];

/** Never throws. */
export function decideCommand(request: CommandRequest, state: PolicyState): CommandDecision {
  const verdict = evaluateRules(state.rules, request.argv);
  const facts = gatherFacts(request, state, verdict);
  const { outcome } = COMMAND_TABLE.find(({ when }) => holds(when, facts))!;
  switch (outcome) {
    case 'run':
      return { type: 'run', sandboxed: facts.confined && !facts.escalated };
    case 'runFreely':
      return { type: 'run', sandboxed: false };
    case 'ask':
    case 'askForRule':
      return askFor(request, verdict, facts);
    case 'forbiddenByRule':
    case 'ruleCannotAsk':
    case 'cannotEscalate':
    case 'riskyCannotAsk':
      return { type: 'forbid', messageForModel: REFUSALS[outcome](verdict) };
  }
}

/** Under which name a command is accepted for the session: how it is spelled does not count where its words are plain. */
export function identifyCommand({ argv, cwd, escalated }: CommandRequest): CommandIdentity {
  const commands = splitCommands(argv);
  return { argv: commands.length === 1 ? commands[0]! : argv, cwd, escalated };
}

/** Whether a person may be asked for a reason. */
export function mayAsk(policy: AskForApproval, reason: 'rules' | 'sandbox_approval'): boolean {
  return typeof policy === 'string' ? policy !== 'never' : policy.granular[reason];
}

/** Whether the policy confines what commands may do; another program may confine all of us together. */
export function isConfined(policy: SandboxPolicy): boolean {
  return policy.type === 'readOnly' || policy.type === 'workspaceWrite';
}

function gatherFacts(request: CommandRequest, state: PolicyState, verdict: RulesVerdict): CommandFacts {
  const script = shellScriptOf(request.argv);
  const { commands, complete } = allCommands(request.argv);
  return {
    rules: verdict.type,
    escalated: request.escalated,
    accepted: state.approvals.hasCommand(identifyCommand(request)),
    // What cannot be looked through may be anything.
    risky: !complete || commands.some(isRiskyCommand),
    safe: isKnownSafe(script ?? joinCommand(request.argv)),
    untrusted: state.approvalPolicy === 'untrusted',
    asksForRules: mayAsk(state.approvalPolicy, 'rules'),
    asksForSandbox: mayAsk(state.approvalPolicy, 'sandbox_approval'),
    confined: isConfined(state.sandboxPolicy),
  };
}

function holds(when: Partial<CommandFacts>, facts: CommandFacts): boolean {
  return Object.entries(when).every(([name, value]) => facts[name as keyof CommandFacts] === value);
}

function askFor(request: CommandRequest, verdict: RulesVerdict, facts: CommandFacts): CommandDecision {
  const proposedAmendment = verdict.type === 'none' ? proposeAmendment(verdict.open, request.prefixRule) : null;
  const amended: OfferedDecision[] =
    proposedAmendment === null ? [] : [{ acceptWithExecpolicyAmendment: { execpolicy_amendment: proposedAmendment } }];
  return {
    type: 'ask',
    reason: verdict.type === 'prompt' ? ruleReason(request, verdict.justification) : request.justification,
    proposedAmendment,
    availableDecisions: ['accept', ...amended, 'cancel'],
    thenSandboxed: facts.confined && !facts.escalated,
  };
}

function ruleReason({ argv }: CommandRequest, justification: string | null): string {
  const asked = `A rule asks before this runs: \`${joinCommand(argv)}\``;
  return justification === null ? asked : `${asked} (${justification})`;
}

const REFUSALS = {
  forbiddenByRule: (verdict: RulesVerdict) =>
    `Not run: ${describeRule(verdict)}. Do not reach for the same by other means.`,
  ruleCannotAsk: (verdict: RulesVerdict) =>
    `Not run: ${describeRule(verdict)}, and the approval policy lets nobody be asked.`,
  cannotEscalate: () =>
    'Not run: the approval policy lets nobody be asked, so no command can leave the sandbox. Run it without sandbox_permissions, or find another way.',
  riskyCannotAsk: () =>
    'Not run: what removes by force, or is too long to be looked through, needs the consent of a person, and the approval policy lets nobody be asked. Find a smaller way.',
} as const;

function describeRule(verdict: RulesVerdict): string {
  if (verdict.type !== 'prompt' && verdict.type !== 'forbidden') return 'a rule is against it';
  const { type, words, justification } = verdict;
  const rule = `a rule ${type === 'forbidden' ? 'forbids' : 'asks about'} commands that begin with \`${words.join(' ')}\``;
  return justification === null ? rule : `${rule} (${justification})`;
}
