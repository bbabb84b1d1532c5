// The daemon as users run it: a process of its own, on a port of its own, in a given home. Main thread.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildExit, ChildProgramOptions } from './child-program.js';
import { findProjectRoot, startChildProgram } from './child-program.js';

export interface DaemonProcessOptions {
  home: string;
  /** Further arguments of `serve`. */
  args?: readonly string[] | undefined;
  /** Flags of Node, before the program. */
  nodeArgs?: readonly string[] | undefined;
  env?: Record<string, string> | undefined;
}

export interface DaemonProcess {
  /** `ws://127.0.0.1:PORT` */
  url: string;
  pid: number;
  /** From HOME/rolloutd/token; null when the daemon made none. */
  token: string | null;
  stderr(): string;
  exited: Promise<ChildExit>;
  /** Sends the signal, SIGKILL unless told otherwise, and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<ChildExit>;
  /** SIGTERM; rejects with the daemon's stderr unless it ends with code 0. */
  stop(): Promise<void>;
}

/** Resolves once the daemon has said where it listens. */
export async function startDaemonProcess(options: DaemonProcessOptions): Promise<DaemonProcess> {
  const program = await startChildProgram(daemonProgram(options));
  return {
    url: program.ready,
    pid: program.pid,
    token: await readToken(options.home),
    stderr: () => program.stderr(),
    exited: program.exited,
    kill: (signal = 'SIGKILL') => program.kill(signal),
    stop: async () => {
      const { code, signal } = await program.kill('SIGTERM');
      if (code !== 0) throw new Error(`the daemon ended with ${signal ?? code}\n${program.stderr()}`);
    },
  };
}

/** What startDaemonProcess runs: for those who want to end it before it is ready. */
export function daemonProgram({ home, args = [], nodeArgs = [], env = {} }: DaemonProcessOptions): ChildProgramOptions {
  const entry = join(findProjectRoot(), 'bin', 'rolloutd.js');
  return {
    command: process.execPath,
    args: [...nodeArgs, entry, 'serve', '--listen', 'ws://127.0.0.1:0', '--home', home, ...args],
    env,
    readyPattern: /listening on: (ws:\/\/\S+)/,
  };
}

/** The token that a daemon wrote into its home. */
export async function readToken(home: string): Promise<string | null> {
  try {
    return (await readFile(join(home, 'rolloutd', 'token'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
