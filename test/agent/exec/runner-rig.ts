// A runner of commands in a home and a project of its own. Main thread.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import type { CommandRunnerOptions, ExecRequest } from '../../../src/agent/exec/command-runner.js';
import { CommandRunner } from '../../../src/agent/exec/command-runner.js';
import type { CommandOutcome } from '../../../src/agent/exec/running-command.js';
import { probeBwrap } from '../../../src/agent/sandbox/probe-bwrap.js';
import { homePlaces } from '../../../src/agent/sandbox/sandbox-places.js';
import { Sandbox } from '../../../src/agent/sandbox/sandbox.js';
import type { SandboxPolicy } from '../../../src/protocol/thread.js';
import type { ProcessReport } from '../../../src/session/process-report.js';
import { isCI, requireProgram } from '../../support/system-programs.js';

export const BARE: SandboxPolicy = { type: 'dangerFullAccess' };
export const WORKSPACE: SandboxPolicy = { type: 'workspaceWrite' };

export interface RunnerRig {
  home: string;
  project: string;
  runner: CommandRunner;
  /** What the main thread was told. */
  reports: ProcessReport[];
  /** A request that runs the script in a shell, bare and without a terminal, and waits long. */
  script: (text: string, more?: Partial<ExecRequest>) => ExecRequest;
}

export function makeRunner(folder: string, more: Partial<CommandRunnerOptions> = {}): RunnerRig {
  const home = join(folder, 'home');
  const project = join(folder, 'project');
  mkdirSync(home, { recursive: true });
  mkdirSync(project, { recursive: true });
  const reports: ProcessReport[] = [];
  const runner = new CommandRunner({
    conversationId: `conversation-${process.pid}-${Math.random()}`,
    home,
    sandbox: new Sandbox({ places: homePlaces(home), searchPath: process.env.PATH ?? '' }),
    env: process.env,
    secretNames: [],
    onProcess: (report) => reports.push(report),
    ...more,
  });
  const script = (text: string, own: Partial<ExecRequest> = {}): ExecRequest => ({
    argv: ['/bin/sh', '-c', text],
    cwd: project,
    tty: false,
    yieldMs: 20_000,
    sandboxPolicy: BARE,
    workspaceRoots: [project],
    ...own,
  });
  return { home, project, runner, reports, script };
}

/** Handlers that keep what they are told, and a way to wait for a word in it. */
export class Listener {
  text = '';
  outcome: CommandOutcome | null = null;
  readonly deltas: string[] = [];
  readonly #waiters = new Set<() => void>();

  readonly handlers = {
    onDelta: (text: string) => {
      this.deltas.push(text);
      this.text += text;
      for (const look of this.#waiters) look();
    },
    onExit: (outcome: CommandOutcome) => {
      this.outcome = outcome;
    },
  };

  /** Resolves when the word was written. */
  hears(word: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.text.includes(word)) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look();
    });
  }
}

/** Skips the test, saying why, where no sandbox can be made; in CI that is a failure. */
export async function requireSandbox(context: Context): Promise<void> {
  requireProgram(context, 'bwrap');
  const found = await probeBwrap(process.env.PATH ?? '', process.getuid!(), process.getgid!());
  if (!('reason' in found)) return;
  if (isCI()) throw new Error(found.reason);
  process.stderr.write(`  skipped: ${found.reason}\n`);
  context.skip();
}
