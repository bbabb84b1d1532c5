// The commands of one conversation: starts them, hands out what they write, ends them. Knows nothing of turns and items. Session
// worker.
import { randomInt } from 'node:crypto';
import { DaemonError } from '../../errors.js';
import type { SandboxPolicy } from '../../protocol/thread.js';
import { endProcesses } from '../../session/end-processes.js';
import type { EndReport } from '../../session/end-processes.js';
import { COMMAND_MARK, CONVERSATION_MARK, hasVariable } from '../../session/process-mark.js';
import type { ProcessReport } from '../../session/process-report.js';
import type { Sandbox, SandboxedCommand } from '../sandbox/sandbox.js';
import { commandEnvironment, commandMark } from './command-environment.js';
import type { CommandProcess, TerminalSize } from './command-process.js';
import { startProcess } from './command-process.js';
import { RunningCommand } from './running-command.js';
import type { CommandOutcome, ExecResult } from './running-command.js';

export interface CommandRunnerOptions {
  conversationId: string;
  home: string;
  sandbox: Sandbox;
  /** Of the daemon; commands get it without its secrets. */
  env: Readonly<Record<string, string | undefined>>;
  secretNames: readonly string[];
  /** For the main thread, which ends what this session no longer can. */
  onProcess: (report: ProcessReport) => void;
  /** How many may run at once. */
  maxRunning?: number;
}

export interface ExecRequest {
  argv: readonly string[];
  /** Absolute. Gives no right to write there. */
  cwd: string;
  /** A terminal, which takes input; else pipes and, without `input`, none. */
  tty: boolean;
  input?: boolean;
  size?: TerminalSize;
  /** How long to wait for its end. */
  yieldMs: number;
  sandboxPolicy: SandboxPolicy;
  /** Writable under workspaceWrite, beside the policy's own: the conversation's cwd and roots. */
  workspaceRoots: readonly string[];
  /** For this command; null takes a variable away. */
  envChanges?: Readonly<Record<string, string | null>>;
  /** Ends the command and all that it has started, before the call resolves; after that, no longer. */
  signal?: AbortSignal;
  /** The process is there. Before all others. */
  onStarted?: (command: { processId: number; pid: number }) => void;
  /** Whole characters of its output while it runs, at a bounded rate and size. */
  onDelta?: (text: string) => void;
  /** Once for each command that was started, before the call that it ends in resolves. Nothing comes afterwards. */
  onExit?: (outcome: CommandOutcome) => void;
}

/** A command that runs in the background, or in a call. */
export interface ListedCommand {
  processId: number;
  pid: number;
  argv: readonly string[];
  cwd: string;
  tty: boolean;
}

const MAX_RUNNING = 64;
/** Of those that ended while nobody waited, and whose last words nobody has asked for yet. */
const MAX_UNREAD = 16;
const NOTHING: EndReport = { found: 0, survivors: [] };
/** For what was killed to be noticed as ended. */
const NOTICE_MS = 500;

export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #commands = new Map<number, RunningCommand>();
  readonly #starting = new Map<number, Promise<unknown>>();
  /** Fires for those that start while everything is ended. */
  #ending = new AbortController();

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the command has ended, or its time is over and it runs on. Rejects when there was no command:
   * sandbox_unavailable, command_not_started, too_many_commands.
   */
  async exec(request: ExecRequest): Promise<ExecResult> {
    const { maxRunning = MAX_RUNNING } = this.#options;
    if (this.#running().length + this.#starting.size >= maxRunning) {
      throw new DaemonError('too_many_commands', `${maxRunning} commands run already: end one of them first`);
    }
    const processId = this.#newId();
    const start = this.#start(processId, request);
    this.#starting.set(processId, start);
    let command;
    try {
      command = await start;
    } finally {
      this.#starting.delete(processId);
    }
    return this.#collect(command, request.yieldMs, request.signal);
  }

  /**
   * Gives the command `chars`, which may be empty, and waits as exec() does. Rejects with command_not_found, or
   * command_input_closed when it takes no input. One that has ended answers once more, with its last words.
   */
  async writeStdin(processId: number, chars: string, yieldMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const command = this.#commands.get(processId);
    if (command === undefined) throw notFound(processId);
    if (chars !== '' && !command.hasEnded) {
      const taken = command.options.takesInput && command.process?.write(chars) === true;
      if (!taken) throw new DaemonError('command_input_closed', `command ${processId} takes no input`);
    }
    return this.#collect(command, yieldMs, signal);
  }

  /** Throws command_not_found. */
  resize(processId: number, size: TerminalSize): void {
    this.#require(processId).process?.resize(size);
  }

  /** Throws command_not_found. */
  endInput(processId: number): void {
    this.#require(processId).process?.endInput();
  }

  /** Those that run, oldest first. */
  list(): ListedCommand[] {
    return this.#running().map(({ process, options: { processId, argv, cwd, isTerminal } }) => ({
      processId,
      pid: process?.identity.pid ?? 0,
      argv,
      cwd,
      tty: isTerminal,
    }));
  }

  /** Ends the command and all that it has started, within two seconds; the report names what is left. Never rejects. */
  async terminate(processId: number): Promise<EndReport> {
    const command = this.#commands.get(processId);
    if (command === undefined || command.process === null) return NOTHING;
    const leaders = command.hasEnded ? [] : [command.process.identity];
    const mark = commandMark(this.#options.conversationId, processId);
    const report = await endProcesses({ leaders, isMarked: hasVariable(COMMAND_MARK, mark) });
    await settle([command.ended]);
    return report;
  }

  /**
   * The same for everything that the conversation has started, also what was left behind by commands that have ended, and
   * what is just being started. What is started afterwards runs.
   */
  async endAll(): Promise<EndReport> {
    this.#ending.abort();
    this.#ending = new AbortController();
    await settle([...this.#starting.values()]);
    const running = this.#running();
    const leaders = running.flatMap(({ process }) => (process === null ? [] : [process.identity]));
    const isMarked = hasVariable(CONVERSATION_MARK, this.#options.conversationId);
    const report = await endProcesses({ leaders, isMarked });
    await settle(running.map(({ ended }) => ended));
    return report;
  }

  async #start(processId: number, request: ExecRequest): Promise<RunningCommand> {
    const signals = [this.#ending.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const { argv, cwd, tty, onStarted, onDelta = () => undefined, onExit = () => undefined } = request;
    const env = commandEnvironment({ ...this.#namesIn(request), base: this.#options.env, processId });
    const takesInput = tty || request.input === true;
    const options = { processId, argv, cwd, isTerminal: tty, takesInput, onDelta, onExit };
    const command = new RunningCommand(options);
    const wrapped = await this.#wrap(request, env.TMPDIR ?? null);
    let process: CommandProcess;
    try {
      process = await startProcess(
        {
          argv: wrapped.argv,
          cwd,
          env,
          input: takesInput ? 'pipe' : 'none',
          streams: 'mixed',
          terminal: tty ? (request.size ?? { columns: 80, rows: 24 }) : null,
          signal: AbortSignal.any(signals),
        },
        {
          onOutput: (chunk) => command.noteOutput(chunk),
          onExit: (exit) => {
            wrapped.release();
            this.#options.onProcess({ type: 'processEnded', process: process.identity });
            command.noteExit(exit);
            this.#dropUnread();
          },
        },
      );
    } catch (error) {
      wrapped.release();
      throw error;
    }
    command.noteStart(process);
    this.#commands.set(processId, command);
    this.#options.onProcess({ type: 'processStarted', process: process.identity });
    onStarted?.({ processId, pid: process.identity.pid });
    return command;
  }

  #namesIn({ envChanges }: ExecRequest) {
    const { home, conversationId, secretNames } = this.#options;
    return { home, conversationId, secretNames, ...(envChanges === undefined ? {} : { changes: envChanges }) };
  }

  #wrap(request: ExecRequest, temporaryFolder: string | null): Promise<SandboxedCommand> {
    const { argv, cwd, sandboxPolicy: policy, workspaceRoots } = request;
    return this.#options.sandbox.wrap({ argv, cwd, policy, workspaceRoots, temporaryFolder });
  }

  async #collect(command: RunningCommand, yieldMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const { processId } = command.options;
    let stopping: Promise<EndReport> | null = null;
    const stop = (): void => {
      stopping = this.terminate(processId);
    };
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const result = await command.collect(yieldMs);
      // What it has started goes with it, before anybody is told that it has ended.
      await (stopping as Promise<EndReport> | null);
      if (result.exit !== null) this.#commands.delete(processId);
      return result;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  #running(): RunningCommand[] {
    return [...this.#commands.values()].filter(({ hasEnded }) => !hasEnded);
  }

  #require(processId: number): RunningCommand {
    const command = this.#commands.get(processId);
    if (command === undefined) throw notFound(processId);
    return command;
  }

  #dropUnread(): void {
    const ended = [...this.#commands].filter(([, { hasEnded }]) => hasEnded);
    for (const [processId] of ended.slice(0, -MAX_UNREAD)) this.#commands.delete(processId);
  }

  /** Not counted up: a model that remembers one of a former session must not meet another command. */
  #newId(): number {
    for (;;) {
      const processId = randomInt(1_000, 100_000);
      if (!this.#commands.has(processId) && !this.#starting.has(processId)) return processId;
    }
  }
}

function notFound(processId: number): DaemonError {
  return new DaemonError('command_not_found', `no command ${processId} runs in this conversation`);
}

async function settle(work: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, NOTICE_MS);
  });
  await Promise.race([Promise.allSettled(work), over]);
  clearTimeout(timer);
}
