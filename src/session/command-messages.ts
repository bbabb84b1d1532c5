// What the main thread and the thread of commands without a conversation say to each other. Types only, any thread.
import type { DaemonErrorData } from '../errors.js';
import type { SandboxPolicy } from '../protocol/thread.js';
import type { ProcessReport } from './process-report.js';

/** A command that belongs to no conversation, but to whoever asked for it. */
export interface StandaloneRequest {
  /** Marks its processes, with those of all commands of the same client. */
  group: string;
  argv: string[];
  /** Absolute. */
  cwd: string;
  /** On top of the daemon's own environment; null takes a variable away. */
  env: Record<string, string | null>;
  /** Variables of the daemon that it does not get. */
  secretNames: string[];
  /** null for pipes. A terminal takes input. */
  terminal: { columns: number; rows: number } | null;
  takesInput: boolean;
  /** Whether its output is told while it runs, or in its result. */
  isStreamed: boolean;
  /** Bytes of each stream that are told; null for all. */
  outputCap: number | null;
  /** null: as long as it takes. */
  timeoutMs: number | null;
  sandboxPolicy: SandboxPolicy;
}

export type StandaloneStream = 'stdout' | 'stderr';

export interface StandaloneResult {
  exitCode: number;
  /** Both empty when the output was streamed. */
  stdout: string;
  stderr: string;
}

export interface StandaloneOutput {
  stream: StandaloneStream;
  deltaBase64: string;
  /** Of the command's own, that the delta stands for. */
  bytes: number;
  /** Nothing more of this stream will be told. */
  capReached: boolean;
}

/** What the thread is started with. */
export interface CommandThreadData {
  /** Absolute. */
  home: string;
  /** See output-credit.ts. */
  credit: SharedArrayBuffer;
}

/** Main thread → commands. `id` names a command in the life of the thread; unknown ones are passed over. */
export type CommandThreadRequest =
  | { type: 'start'; id: number; request: StandaloneRequest }
  | { type: 'write'; id: number; bytes: Uint8Array; close: boolean }
  | { type: 'resize'; id: number; columns: number; rows: number }
  | { type: 'end'; id: number }
  /** Answered by `allEnded`. */
  | { type: 'endAll' };

/** Commands → main thread. One `ended` or `failed` for each start, behind all its output. */
export type CommandThreadNews =
  | ({ type: 'output'; id: number } & StandaloneOutput)
  | { type: 'ended'; id: number; result: StandaloneResult }
  | { type: 'failed'; id: number; error: DaemonErrorData }
  | { type: 'process'; group: string; report: ProcessReport }
  | { type: 'allEnded' };
