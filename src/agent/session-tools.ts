// What the tools of one session work with: its processes, what was accepted for it, and what is closed to it. Session worker.
import path from 'node:path';
import type { SandboxPolicy } from '../protocol/thread.js';
import type { ProcessReport } from '../session/process-report.js';
import { CommandRunner } from './exec/command-runner.js';
import { loadExecRules } from './policy/exec-rules.js';
import type { PolicyState } from './policy/decide-command.js';
import { SessionApprovals } from './policy/session-approvals.js';
import { Sandbox } from './sandbox/sandbox.js';
import { controlPlaces, homePlaces, joinPlaces } from './sandbox/sandbox-places.js';
import type { SessionState } from './session-state.js';

export interface SessionToolsOptions {
  conversationId: string;
  /** Absolute. */
  home: string;
  /** Names of variables that hold secrets of the daemon. */
  secretNames: readonly string[];
  onProcess: (report: ProcessReport) => void;
}

export class SessionTools {
  readonly home: string;
  readonly runner: CommandRunner;
  readonly approvals = new SessionApprovals();
  /** Real paths that no tool may read or write, whoever allows it. */
  readonly hidden: readonly string[];
  #ending: Promise<unknown> = Promise.resolve();

  constructor({ conversationId, home, secretNames, onProcess }: SessionToolsOptions) {
    const env = process.env;
    const places = joinPlaces(homePlaces(home), controlPlaces(env));
    this.home = home;
    this.hidden = places.hidden;
    const sandbox = new Sandbox({ places, searchPath: env['PATH'] ?? '' });
    this.runner = new CommandRunner({ conversationId, home, sandbox, env, secretNames, onProcess });
  }

  /** Ends all commands, and what they have started: see CommandRunner.endAll. */
  async endCommands(): Promise<void> {
    const ending = this.runner.endAll();
    this.#ending = ending;
    await ending;
  }

  /** To be awaited before a command is started: while others are being ended it would be taken for part of them. */
  async allEnded(): Promise<void> {
    await this.#ending;
  }

  /** As it is at this moment: rules are read afresh, for a person may have changed them. */
  async policyState({ settings }: Pick<SessionState, 'settings'>): Promise<PolicyState> {
    return {
      approvalPolicy: settings.approvalPolicy,
      sandboxPolicy: settings.sandboxPolicy,
      rules: await loadExecRules([path.join(this.home, 'rules')]),
      approvals: this.approvals,
    };
  }
}

/** For a command that may leave the sandbox. */
export const FREE: SandboxPolicy = { type: 'dangerFullAccess' };
