// One command that belongs to no conversation, from its start to its end. Commands thread.
import { DaemonError } from '../../errors.js';
import type {
  StandaloneOutput,
  StandaloneRequest,
  StandaloneResult,
  StandaloneStream,
} from '../../session/command-messages.js';
import { endProcesses } from '../../session/end-processes.js';
import { COMMAND_MARK, hasVariable } from '../../session/process-mark.js';
import type { ProcessReport } from '../../session/process-report.js';
import { commandEnvironment, commandMark } from '../exec/command-environment.js';
import { startProcess } from '../exec/command-process.js';
import type { CommandProcess, TerminalSize } from '../exec/command-process.js';
import { exitCodeOf } from '../exec/exit-code.js';
import type { CommandExit } from '../exec/exit-code.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { CappedStream } from './capped-stream.js';

export interface StandaloneCommandOptions {
  id: number;
  request: StandaloneRequest;
  home: string;
  /** Of the daemon. */
  env: Readonly<Record<string, string | undefined>>;
  sandbox: Sandbox;
  onProcess: (report: ProcessReport) => void;
  onOutput: (output: StandaloneOutput) => void;
}

/** What a shell says of a command that took too long, and of one that was killed. */
const TIMED_OUT = 124;
const KILLED = 137;
/** Bytes that are kept of each stream when a client wants all: they have to fit into one reply. */
const MOST_KEPT = 64 * 1024 * 1024;
/** What a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;
/** At a terminal sits somebody who likes colours and turns pages. */
const TERMINAL_ENV = { TERM: 'xterm-256color', NO_COLOR: null, PAGER: null, GIT_PAGER: null, GH_PAGER: null };

export class StandaloneCommand {
  readonly #options: StandaloneCommandOptions;
  readonly #streams: Record<StandaloneStream, CappedStream>;
  readonly #controller = new AbortController();
  readonly #exited: Promise<CommandExit>;
  #noteExit!: (exit: CommandExit) => void;
  #started: Promise<CommandProcess | null> = Promise.resolve(null);
  #hasExited = false;
  #isTimedOut = false;
  #isEnding = false;

  constructor(options: StandaloneCommandOptions) {
    this.#options = options;
    this.#streams = { stdout: this.#makeStream('stdout'), stderr: this.#makeStream('stderr') };
    this.#exited = new Promise((resolve) => {
      this.#noteExit = resolve;
    });
  }

  /** Resolves at its end. Rejects with command_not_started, sandbox_unavailable. To be called once, before all others. */
  async run(): Promise<StandaloneResult> {
    const starting = this.#start();
    this.#started = starting.catch(() => null);
    try {
      await starting;
    } catch (error) {
      // To whoever ended it, it is the same whether it had begun.
      if (this.#isEnding) return { exitCode: KILLED, stdout: '', stderr: '' };
      throw error;
    }
    const { timeoutMs } = this.#options.request;
    const onTimeout = (): void => {
      this.#isTimedOut = true;
      void this.end();
    };
    const timer = timeoutMs === null ? undefined : setTimeout(onTimeout, Math.min(timeoutMs, LONGEST_MS));
    const exit = await this.#exited;
    clearTimeout(timer);
    return {
      exitCode: this.#exitCodeOf(exit),
      stdout: this.#streams.stdout.read(),
      stderr: this.#streams.stderr.read(),
    };
  }

  /** Once it has begun. What it no longer reads is dropped. */
  async write(bytes: Uint8Array, close: boolean): Promise<void> {
    const process = await this.#started;
    if (process === null) return;
    if (bytes.length > 0) process.write(bytes);
    if (close) process.endInput();
  }

  async resize(size: TerminalSize): Promise<void> {
    (await this.#started)?.resize(size);
  }

  /** Ends it, with all that it has started: within two seconds. One that has not begun never does. Never rejects. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#controller.abort();
    const process = await this.#started;
    if (process === null) return;
    const { id, request } = this.#options;
    const isMarked = hasVariable(COMMAND_MARK, commandMark(request.group, id));
    const { survivors } = await endProcesses({ leaders: this.#hasExited ? [] : [process.identity], isMarked });
    // Whatever the system cannot end, nobody is to wait for.
    if (survivors.length > 0) this.#noteExit({ code: null, signal: 'SIGKILL' });
  }

  async #start(): Promise<CommandProcess> {
    const { id, request, home, env: base, sandbox, onProcess } = this.#options;
    const { group, argv, cwd, terminal, takesInput, secretNames, sandboxPolicy: policy } = request;
    const changes = terminal === null ? request.env : { ...TERMINAL_ENV, ...request.env };
    const env = commandEnvironment({ base, secretNames, home, conversationId: group, processId: id, changes });
    const temporaryFolder = env.TMPDIR ?? null;
    const wrapped = await sandbox.wrap({ argv, cwd, policy, workspaceRoots: [cwd], temporaryFolder });
    try {
      const process = await startProcess(
        {
          argv: wrapped.argv,
          cwd,
          env,
          input: takesInput ? 'pipe' : 'none',
          streams: 'separate',
          terminal,
          signal: this.#controller.signal,
        },
        {
          onOutput: (chunk, stream) => this.#streams[stream].push(chunk),
          onExit: (exit) => {
            this.#hasExited = true;
            wrapped.release();
            onProcess({ type: 'processEnded', process: process.identity });
            this.#noteExit(exit);
          },
        },
      );
      onProcess({ type: 'processStarted', process: process.identity });
      return process;
    } catch (error) {
      wrapped.release();
      throw DaemonError.from(error, 'command_not_started');
    }
  }

  #makeStream(stream: StandaloneStream): CappedStream {
    const { request, onOutput } = this.#options;
    if (!request.isStreamed) {
      return new CappedStream({ cap: Math.min(request.outputCap ?? MOST_KEPT, MOST_KEPT), emit: null });
    }
    return new CappedStream({
      cap: request.outputCap ?? Number.POSITIVE_INFINITY,
      emit: (chunk, capReached) =>
        onOutput({ stream, deltaBase64: chunk.toString('base64'), bytes: chunk.length, capReached }),
    });
  }

  #exitCodeOf(exit: CommandExit): number {
    if (this.#isTimedOut) return TIMED_OUT;
    // One that was told to end and did so by itself says how.
    return this.#isEnding && exit.code === null ? KILLED : exitCodeOf(exit);
  }
}
