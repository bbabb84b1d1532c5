// What Codex 0.169 does with commands and rules, recorded with a scripted model: test/fixtures/policy. Any thread.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandAction } from '../../src/agent/policy/command-actions.js';
import type { RuleDecision } from '../../src/agent/policy/exec-rules.js';

/** The actions that it shows for a script, run in `/ws`. */
export interface RecordedActions {
  script: string;
  actions: CommandAction[];
}

/** A rules file that it refuses, or what it says of commands with it. */
export interface RecordedRules {
  name: string;
  text: string;
  refused?: true;
  commands?: { argv: string[]; decision: RuleDecision | null }[];
}

/**
 * A command in every combination of policy and sandbox (`on-request/read-only`): where it is asked about, run and
 * refused. The granular policies are named for what may be asked: g10 has sandbox_approval and no rules.
 */
export interface RecordedDecision {
  cmd: string;
  escalated: boolean;
  justification: string | null;
  prefixRule: string[] | null;
  /** That it proposes where it asks. */
  amendment: string[] | null;
  asked: string[];
  ran: string[];
  refused: string[];
}

interface Tables {
  'command-actions': RecordedActions;
  decisions: RecordedDecision;
  rules: RecordedRules;
}

export function policyFixture<Name extends keyof Tables>(name: Name): Tables[Name][] {
  const text = readFileSync(path.resolve(`test/fixtures/policy/${name}.jsonl`), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Tables[Name]);
}
