// A command as a process of the system: what it is started with, and what both ways of starting it offer. Session worker.
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DaemonError } from '../../errors.js';
import type { ProcessIdentity } from '../../session/process-table.js';
import { findProgram, isProgram } from '../sandbox/find-program.js';
import type { CommandExit } from './exit-code.js';
import { startPiped } from './start-piped.js';
import { startOnTerminal } from './start-on-terminal.js';

export interface TerminalSize {
  columns: number;
  rows: number;
}

export type OutputStream = 'stdout' | 'stderr';

export interface ProcessHandlers {
  /** In order. The chunk is valid during the call only. On a terminal, and when streams are mixed, all is `stdout`. */
  onOutput: (chunk: Uint8Array, stream: OutputStream) => void;
  /** Once, behind all output but that of children which the command has left behind. */
  onExit: (exit: CommandExit) => void;
}

export interface ProcessRequest {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** `none` reads as empty. A terminal always takes input. */
  input: 'none' | 'pipe';
  /** Apart, their order among each other is lost. */
  streams: 'mixed' | 'separate';
  /** null for pipes. */
  terminal: TerminalSize | null;
  /** Until the process is there. */
  signal: AbortSignal;
}

export interface CommandProcess {
  /** Leads a session and a process group of its own. */
  readonly identity: ProcessIdentity;
  /** False when it takes no input, or no longer. */
  write(data: string | Uint8Array): boolean;
  /** The end of the input; on a terminal, the key for it. */
  endInput(): void;
  /** Does nothing without a terminal. */
  resize(size: TerminalSize): void;
}

/**
 * Rejects with command_not_started when there is no such program or folder, the system refuses, or `signal` fires before the
 * process is there. From then on whoever started it sees to its end: see endProcesses.
 */
export async function startProcess(request: ProcessRequest, handlers: ProcessHandlers): Promise<CommandProcess> {
  checkRequest(request);
  const start = request.terminal === null ? startPiped : startOnTerminal;
  try {
    return await start(request, handlers);
  } catch (error) {
    if (request.signal.aborted) throw notStarted('it was stopped before it began', error);
    throw notStarted(error instanceof Error ? error.message : String(error), error);
  }
}

/** What the system would say later, in words that mean something else or on the command's own output. */
function checkRequest({ argv: [program = ''], cwd, env }: ProcessRequest): void {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) throw notStarted(`there is no folder ${cwd}`);
  const path = program.includes('/') ? resolve(cwd, program) : findProgram(program, env.PATH ?? '/usr/bin:/bin');
  if (path === null || !isAbsolute(path) || !isProgram(path)) throw notStarted(`there is no program '${program}'`);
}

function notStarted(reason: string, cause?: unknown): DaemonError {
  return new DaemonError('command_not_started', `the command could not be started: ${reason}`, { cause });
}
