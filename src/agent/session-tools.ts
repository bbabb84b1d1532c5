// What the tools of one session work with: its processes, what was accepted for it, and what is closed to it. Session worker.
import path from 'node:path';
import type { SandboxPolicy } from '../protocol/thread.js';
import type { ProcessReport } from '../session/process-report.js';
import { CommandRunner } from './exec/command-runner.js';
import type { ExecRequest } from './exec/command-runner.js';
import type { ExecResult } from './exec/running-command.js';
import { ToolFailure } from './tools/tool.js';
import { loadExecRules } from './policy/exec-rules.js';
import type { PolicyState } from './policy/decide-command.js';
import { SessionApprovals } from './policy/session-approvals.js';
import { Sandbox } from './sandbox/sandbox.js';
import { controlPlaces, homePlaces, joinPlaces } from './sandbox/sandbox-places.js';
import type { SessionState } from './session-state.js';

const END_ATTEMPTS = 5;

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
  /** Without a command there is nothing to end, and no need to look through all processes of the machine. */
  #hasStarted = false;

  constructor({ conversationId, home, secretNames, onProcess }: SessionToolsOptions) {
    const env = process.env;
    const places = joinPlaces(homePlaces(home), controlPlaces(env));
    this.home = home;
    this.hidden = places.hidden;
    const sandbox = new Sandbox({ places, searchPath: env['PATH'] ?? '' });
    const noteProcess = (report: ProcessReport): void => {
      this.#hasStarted = true;
      onProcess(report);
    };
    this.runner = new CommandRunner({ conversationId, home, sandbox, env, secretNames, onProcess: noteProcess });
  }

  /** As CommandRunner.exec(), once no commands are being ended; rejects with ToolFailure when its signal has fired by then. */
  async exec(request: ExecRequest): Promise<ExecResult> {
    await this.#whenQuiet();
    if (request.signal?.aborted === true) throw new ToolFailure('aborted');
    this.#hasStarted = true;
    return this.runner.exec(request);
  }

  /** Ends all commands. Those that come later wait for it: they look like the ones that it ends. Never rejects. */
  endCommands(): Promise<unknown> {
    if (!this.#hasStarted) return this.#ending;
    const ending = Promise.all([this.#ending, this.#endAll()]);
    this.#ending = ending;
    return ending;
  }

  /** On a machine that has much to do one attempt may be too short. */
  async #endAll(): Promise<void> {
    for (let attempt = 0; attempt < END_ATTEMPTS; attempt += 1) {
      const { survivors } = await this.runner.endAll();
      if (survivors.length === 0) return;
    }
  }

  /** Resolves when no commands are being ended. */
  async #whenQuiet(): Promise<void> {
    for (let seen: unknown = null; seen !== this.#ending;) {
      seen = this.#ending;
      await seen;
    }
  }

  /** As it is at this moment: rules are read afresh, for a person may have changed them. */
  async policyState({ settings }: Pick<SessionState, 'settings'>): Promise<PolicyState> {
    return {
      approvalPolicy: settings.approvalPolicy,
      sandboxPolicy: settings.sandboxPolicy,
      rules: await loadExecRules([path.join(this.home, 'rules')], [path.join(settings.cwd, '.codex', 'rules')]),
      approvals: this.approvals,
    };
  }
}

/** For a command that may leave the sandbox. */
export const FREE: SandboxPolicy = { type: 'dangerFullAccess' };
