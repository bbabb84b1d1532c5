// Starts a program, waits for the line that says it is ready, and never leaves it behind. Main thread.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

export interface ChildProgramOptions {
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Matched against the whole output of one stream; its first group is `ready`. */
  readyPattern: RegExp;
  readyStream?: 'stdout' | 'stderr';
  readyTimeoutMs?: number;
  /** Opens a channel to the program, and takes what it says there. */
  onMessage?: (message: unknown) => void;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildProgram {
  pid: number;
  /** What the first group of the pattern matched. */
  ready: string;
  stdout(): string;
  stderr(): string;
  exited: Promise<ChildExit>;
  /** Says something over the channel; false when there is none, or no longer. */
  send(message: object): boolean;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<ChildExit>;
}

/** Rejects with what the program printed when it ends or stays silent before it is ready; it is then gone. */
export async function startChildProgram(options: ChildProgramOptions): Promise<ChildProgram> {
  const spawned = spawnChildProgram(options);
  const ready = await spawned.ready;
  return { ...spawned.program, ready };
}

/** As startChildProgram, but returns at once: for those who want to end a program while it starts. */
export function spawnChildProgram(options: ChildProgramOptions): {
  program: Omit<ChildProgram, 'ready'>;
  ready: Promise<string>;
} {
  const { onMessage } = options;
  const child = spawn(options.command, options.args, {
    stdio: onMessage === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...options.env },
  }) as ChildProcess & { stdout: Readable; stderr: Readable };
  if (onMessage !== undefined) child.on('message', onMessage);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const exited = new Promise<ChildExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.removeListener('exit', killAtExit);
      // `close` says that all output was read; a grandchild that holds the pipes must not make us wait for it.
      child.once('close', () => resolve({ code, signal }));
      setTimeout(() => resolve({ code, signal }), 500).unref();
    });
  });
  const program = {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    // That nobody listens any more is told by the end of the program.
    send: (message: object) => child.connected && child.send(message, () => undefined),
    kill: (signal: NodeJS.Signals) => {
      child.kill(signal);
      return exited;
    },
  };
  const ready = waitUntilReady(child, options, output, exited);
  // Whoever only wants the program may never look at `ready`.
  ready.catch(() => undefined);
  return { program, ready };
}

/** The folder that holds package.json, wherever the compiled file lies. */
export function findProjectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'bin', 'rolloutd.js'))) {
    if (folder === dirname(folder)) throw new Error(`no project above ${import.meta.dirname}`);
    folder = dirname(folder);
  }
  return folder;
}

function waitUntilReady(
  child: ChildProcess,
  options: ChildProgramOptions,
  output: { stdout: string; stderr: string },
  exited: Promise<ChildExit>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      const shown = `${options.command} ${options.args.join(' ')}\n${output.stdout}${output.stderr}`;
      reject(new Error(`${why}: ${shown}`));
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('not ready in time');
    }, options.readyTimeoutMs ?? 15_000);
    const { readyStream = 'stdout' } = options;
    child[readyStream]!.on('data', () => {
      const ready = options.readyPattern.exec(output[readyStream])?.[1];
      if (ready === undefined) return;
      clearTimeout(timer);
      resolve(ready);
    });
    exited.then(
      ({ code, signal }) => fail(`ended with ${signal ?? code} before it was ready`),
      (error: unknown) => fail(`could not be started (${String(error)})`),
    );
  });
}
