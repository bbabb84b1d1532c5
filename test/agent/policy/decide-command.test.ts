import { expect } from 'chai';
import { COMMAND_TABLE, decideCommand, identifyCommand } from '../../../src/agent/policy/decide-command.js';
import type {
  CommandDecision,
  CommandFacts,
  CommandRequest,
  PolicyState,
} from '../../../src/agent/policy/decide-command.js';
import { NO_RULES, parseRules } from '../../../src/agent/policy/exec-rules.js';
import { SessionApprovals } from '../../../src/agent/policy/session-approvals.js';
import type { AskForApproval, SandboxPolicy } from '../../../src/protocol/thread.js';
import { policyFixture } from '../../support/policy-fixtures.js';

const granular = (sandbox_approval: boolean, rules: boolean): AskForApproval => ({
  granular: { sandbox_approval, rules, mcp_elicitations: true, request_permissions: false, skill_approval: false },
});
const POLICIES: Readonly<Record<string, AskForApproval>> = {
  untrusted: 'untrusted',
  'on-request': 'on-request',
  never: 'never',
  g11: granular(true, true),
  g00: granular(false, false),
  g10: granular(true, false),
  g01: granular(false, true),
};
const SANDBOXES: Readonly<Record<string, SandboxPolicy>> = {
  'read-only': { type: 'readOnly' },
  'workspace-write': { type: 'workspaceWrite' },
  danger: { type: 'dangerFullAccess' },
};
/** Those of the recording. */
const RULES = parseRules(
  'r',
  `prefix_rule(pattern=["mkdir"], decision="prompt")
prefix_rule(pattern=["chmod"], decision="prompt", justification="changes modes")
prefix_rule(pattern=["rmdir"], decision="forbidden")
prefix_rule(pattern=["ln"], decision="forbidden", justification="no links please")
prefix_rule(pattern=["touch"], decision="allow")
prefix_rule(pattern=["ls", "secret"], decision="prompt")
prefix_rule(pattern=["cat", "forbidden.txt"], decision="forbidden")
`,
);

function request(cmd: string, more: Partial<CommandRequest> = {}): CommandRequest {
  const argv = ['/bin/bash', '-lc', cmd];
  return { argv, cwd: '/p', escalated: false, justification: null, prefixRule: null, ...more };
}

function state(more: Partial<PolicyState> = {}): PolicyState {
  return {
    approvalPolicy: 'on-request',
    sandboxPolicy: { type: 'readOnly' },
    rules: RULES,
    approvals: new SessionApprovals(),
    ...more,
  };
}

type Outcome = 'asked' | 'ran' | 'refused';
const OUTCOMES: Readonly<Record<CommandDecision['type'], Outcome>> = { ask: 'asked', run: 'ran', forbid: 'refused' };

const EVERYWHERE = Object.keys(POLICIES).flatMap((policy) =>
  Object.keys(SANDBOXES).map((sandbox) => `${policy}/${sandbox}`),
);
const where = (pattern: RegExp): string[] => EVERYWHERE.filter((cell) => pattern.test(cell));

/** What a prompt rule does wherever it is found. */
const PROMPTED = { asked: where(/^(untrusted|on-request|g.1)/), ran: [], refused: where(/^(never|g.0)/) };
const FORBIDDEN = { asked: [], ran: [], refused: EVERYWHERE };
/** `untrusted` lets known read-only commands run: Codex asks about `ls`. */
const KNOWN_SAFE = { asked: [], ran: EVERYWHERE, refused: [] };
/** Forced removal is not asked about where a policy says that nobody is asked: Codex asks in spite of it. */
const RISKY = { asked: where(/^(untrusted|on-request|g1)/), ran: [], refused: where(/^(never|g0)/) };

/** Where we decide in another way than Codex, with the outcomes of ours. */
const DIFFERENT: Readonly<Record<string, Partial<Record<Outcome, string[]>>>> = {
  ls: KNOWN_SAFE,
  'ls > /dev/null': KNOWN_SAFE,
  'rm -rf zz': RISKY,
  'rm -f zz': RISKY,
  'sudo rm -rf zz': RISKY,
  // A rule that asks or forbids is not got round by a redirection, a variable, a substitution or another shell.
  'mkdir m4 > /dev/null': PROMPTED,
  'X=1 mkdir m5': PROMPTED,
  'echo $(mkdir m6)': PROMPTED,
  '(mkdir m7)': PROMPTED,
  'mkdir *.x': PROMPTED,
  'bash -c "mkdir m8"': PROMPTED,
  'rmdir z > /dev/null': FORBIDDEN,
};

describe('decideCommand', () => {
  it('decides as Codex does in every policy and sandbox, but for what is stricter or safe', () => {
    const rows = policyFixture('decisions').map((row) => {
      const outcomes: Record<Outcome, string[]> = { asked: [], ran: [], refused: [] };
      for (const cell of EVERYWHERE) {
        const [policy, sandbox] = cell.split('/');
        const { cmd, escalated, justification, prefixRule } = row;
        const { type } = decideCommand(
          request(cmd, { escalated, justification, prefixRule }),
          state({ approvalPolicy: POLICIES[policy!]!, sandboxPolicy: SANDBOXES[sandbox!]! }),
        );
        outcomes[OUTCOMES[type]].push(cell);
      }
      return { cmd: row.cmd, escalated: row.escalated, prefixRule: row.prefixRule, ...outcomes };
    });
    const recorded = policyFixture('decisions').map(({ cmd, escalated, prefixRule, asked, ran, refused }) => ({
      cmd,
      escalated,
      prefixRule,
      asked,
      ran,
      refused,
      ...(escalated ? {} : DIFFERENT[cmd]),
    }));
    expect(rows).to.deep.equal(recorded);
  });

  it('proposes the amendments that Codex proposes', () => {
    const rows = policyFixture('decisions').filter(({ asked, cmd }) => asked.length > 0 && !(cmd in DIFFERENT));
    expect(rows.length).to.be.greaterThan(20);
    const ours = rows.map(({ cmd, escalated, justification, prefixRule }) => {
      const decision = decideCommand(
        request(cmd, { escalated, justification, prefixRule }),
        state({ approvalPolicy: 'untrusted' }),
      );
      return { cmd, amendment: decision.type === 'ask' ? decision.proposedAmendment : decision.type };
    });
    expect(ours).to.deep.equal(rows.map(({ cmd, amendment }) => ({ cmd, amendment })));
  });

  it('asks with the reason of the model, or of the rule, and with the decisions that go with it', () => {
    const escalated = { escalated: true, justification: 'Copy it?', prefixRule: ['cp', 'a'] };
    expect([
      decideCommand(request('cp a b', escalated), state()),
      decideCommand(request('cp a b > c', escalated), state()),
      decideCommand(request('chmod 1 a', escalated), state()),
      decideCommand(request('mkdir a'), state({ sandboxPolicy: { type: 'workspaceWrite' } })),
      decideCommand(
        request('make'),
        state({ approvalPolicy: 'untrusted', sandboxPolicy: { type: 'dangerFullAccess' } }),
      ),
    ]).to.deep.equal([
      {
        type: 'ask',
        reason: 'Copy it?',
        proposedAmendment: ['cp', 'a'],
        availableDecisions: [
          'accept',
          { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['cp', 'a'] } },
          'cancel',
        ],
        thenSandboxed: false,
      },
      {
        type: 'ask',
        reason: 'Copy it?',
        proposedAmendment: ['/bin/bash', '-lc', 'cp a b > c'],
        availableDecisions: [
          'accept',
          { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['/bin/bash', '-lc', 'cp a b > c'] } },
          'cancel',
        ],
        thenSandboxed: false,
      },
      {
        type: 'ask',
        reason: "A rule asks before this runs: `/bin/bash -lc 'chmod 1 a'` (changes modes)",
        proposedAmendment: null,
        availableDecisions: ['accept', 'cancel'],
        thenSandboxed: false,
      },
      {
        type: 'ask',
        reason: "A rule asks before this runs: `/bin/bash -lc 'mkdir a'`",
        proposedAmendment: null,
        availableDecisions: ['accept', 'cancel'],
        thenSandboxed: true,
      },
      {
        type: 'ask',
        reason: null,
        proposedAmendment: ['make'],
        availableDecisions: ['accept', { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['make'] } }, 'cancel'],
        thenSandboxed: false,
      },
    ]);
  });

  it('runs in the sandbox what nobody let out of it', () => {
    const accepted = new SessionApprovals();
    accepted.acceptCommand(identifyCommand(request('make', { escalated: true })));
    accepted.acceptCommand(identifyCommand(request('make')));
    expect([
      decideCommand(request('make'), state()),
      decideCommand(request('make'), state({ sandboxPolicy: { type: 'externalSandbox' } })),
      decideCommand(request('make', { escalated: true }), state({ sandboxPolicy: { type: 'dangerFullAccess' } })),
      decideCommand(request('touch a'), state()),
      decideCommand(request('touch a && ls'), state()),
      decideCommand(request('ls'), state({ approvalPolicy: 'untrusted' })),
      decideCommand(request('make', { escalated: true }), state({ approvals: accepted })),
      decideCommand(request('make'), state({ approvals: accepted, approvalPolicy: 'untrusted' })),
    ]).to.deep.equal(
      [true, false, false, false, true, true, false, true].map((sandboxed) => ({ type: 'run', sandboxed })),
    );
  });

  it('tells the model why a command was not run', () => {
    const never = state({ approvalPolicy: 'never' });
    const messages = [
      decideCommand(request('rmdir a'), state()),
      decideCommand(request('ln a b'), state()),
      decideCommand(request('chmod 1 a'), never),
      decideCommand(request('make', { escalated: true }), never),
      decideCommand(request('rm -rf a'), never),
    ].map((decision) => (decision.type === 'forbid' ? decision.messageForModel : decision.type));
    expect(messages).to.deep.equal([
      'Not run: a rule forbids commands that begin with `rmdir`. Do not reach for the same by other means.',
      'Not run: a rule forbids commands that begin with `ln` (no links please). Do not reach for the same by other means.',
      'Not run: a rule asks about commands that begin with `chmod` (changes modes), and the approval policy lets nobody be asked.',
      'Not run: the approval policy lets nobody be asked, so no command can leave the sandbox. Run it without sandbox_permissions, or find another way.',
      'Not run: what removes by force, or is too long to be looked through, needs the consent of a person, and the approval policy lets nobody be asked. Find a smaller way.',
    ]);
  });

  it('does not ask again about what was accepted for the session, however it is spelled, but for what a rule forbids', () => {
    const approvals = new SessionApprovals();
    for (const cmd of ['mkdir a', 'mkdir b > c', 'rm -f x', 'rmdir a'])
      approvals.acceptCommand(identifyCommand(request(cmd)));
    const types = (more: Partial<CommandRequest>, ...cmds: string[]) =>
      cmds.map((cmd) => decideCommand(request(cmd, more), state({ approvals })).type);
    expect(types({}, 'mkdir a', "mkdir  'a'", 'mkdir b > c', 'rm -f x')).to.deep.equal(['run', 'run', 'run', 'run']);
    expect(types({}, 'mkdir a b', 'mkdir a && mkdir a', 'mkdir b  > c', 'rm -f y')).to.deep.equal([
      'ask',
      'ask',
      'ask',
      'ask',
    ]);
    expect(types({ cwd: '/q' }, 'mkdir a')).to.deep.equal(['ask']);
    expect(types({ escalated: true }, 'mkdir a')).to.deep.equal(['ask']);
    expect(types({}, 'rmdir a')).to.deep.equal(['forbid']);
  });

  it('proposes no rule that would allow everything', () => {
    const proposal = (cmd: string, prefixRule: string[]) => {
      const decision = decideCommand(request(cmd, { escalated: true, prefixRule }), state({ rules: NO_RULES }));
      return decision.type === 'ask' ? decision.proposedAmendment : decision.type;
    };
    expect([
      proposal('bash -lc "npm i"', ['bash', '-lc']),
      proposal('/usr/bin/env npm i', ['/usr/bin/env']),
      proposal('git push a', ['git']),
      proposal('git push a', ['git', 'push']),
      proposal('python3 x.py 1', ['python3', 'x.py']),
      proposal('npm i && make', ['npm', 'i']),
      proposal('npm i', []),
      proposal('npm i', ['']),
    ]).to.deep.equal([
      ['bash', '-lc', 'npm i'],
      ['/usr/bin/env', 'npm', 'i'],
      ['git', 'push', 'a'],
      ['git', 'push'],
      ['python3', 'x.py'],
      ['npm', 'i'],
      ['npm', 'i'],
      ['npm', 'i'],
    ]);
  });

  it('has a row for everything, and no row that decides nothing', () => {
    const deciding = new Set(everyFacts().map(rowOf));
    expect([...deciding].toSorted((a, b) => a - b)).to.deep.equal(COMMAND_TABLE.map((_, place) => place));
  });

  it('keeps what it promises, whatever the facts', () => {
    for (const facts of everyFacts()) {
      const { outcome } = COMMAND_TABLE[rowOf(facts)]!;
      const told = JSON.stringify({ ...facts, outcome });
      const runs = outcome === 'run' || outcome === 'runFreely';
      if (facts.rules === 'forbidden') expect(outcome, told).to.equal('forbiddenByRule');
      // Nobody is asked whom the policy does not let be asked.
      if (outcome === 'ask') expect(facts.untrusted || facts.asksForSandbox, told).to.equal(true);
      if (outcome === 'askForRule') expect(facts.asksForRules, told).to.equal(true);
      // Out of the sandbox comes only what a rule allows, what was accepted, and what has no sandbox to leave.
      if (outcome === 'runFreely') expect(facts.rules, told).to.equal('allow');
      if (outcome === 'run' && facts.escalated && facts.confined) expect(facts.accepted, told).to.equal(true);
      // Without having been accepted, nothing runs that a rule asks about, or that is risky and that no rule allows.
      if (runs && !facts.accepted) expect(facts.rules, told).to.not.equal('prompt');
      if (runs && !facts.accepted && facts.rules === 'none') expect(facts.risky, told).to.equal(false);
      // Untrusted, only what somebody vouches for.
      if (runs && facts.untrusted && !facts.accepted)
        expect(facts.safe || facts.rules === 'allow', told).to.equal(true);
    }
  });
});

/** All that can be true together. */
function everyFacts(): CommandFacts[] {
  const names = [
    'escalated',
    'accepted',
    'risky',
    'safe',
    'untrusted',
    'asksForRules',
    'asksForSandbox',
    'confined',
  ] as const;
  return (['allow', 'prompt', 'forbidden', 'none'] as const).flatMap((rules) =>
    Array.from({ length: 2 ** names.length }, (_, bits) => {
      const flags = Object.fromEntries(names.map((name, place) => [name, ((bits >> place) & 1) === 1]));
      return { rules, ...flags } as unknown as CommandFacts;
    }).filter(({ untrusted, asksForRules, asksForSandbox }) => !untrusted || (asksForRules && asksForSandbox)),
  );
}

/** The place of the row that decides. */
function rowOf(facts: CommandFacts): number {
  return COMMAND_TABLE.findIndex(({ when }) =>
    Object.entries(when).every(([name, value]) => facts[name as keyof CommandFacts] === value),
  );
}
