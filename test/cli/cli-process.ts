// Runs the command line as users do: a process of its own, its streams watched. Main thread.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findProjectRoot } from '../support/child-program.js';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliProcess {
  /** Resolves when the process has ended and everything it wrote was read. */
  ended: Promise<CliResult>;
  /** Resolves once the stream holds the text; rejects when the process ends without it. */
  seen(stream: 'stdout' | 'stderr', text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** As `head` does when it has seen enough. */
  closeStdout(): void;
}

export interface CliOptions {
  env?: Record<string, string>;
  /** Whole input; default none. */
  stdin?: string;
  cwd?: string;
  /** Another checkout's bin. */
  entry?: string;
}

export function startCli(args: string[], options: CliOptions = {}): CliProcess {
  const entry = options.entry ?? join(findProjectRoot(), 'bin', 'rolloutd.js');
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: 'pipe',
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = once(child, 'close').then(([code]): CliResult => {
    process.removeListener('exit', killAtExit);
    return { code: code as number | null, ...output };
  });
  return {
    ended,
    seen: async (stream, text) => {
      const over = ended.then(({ code, stdout, stderr }) => {
        throw new Error(`ended with ${code} before it wrote '${text}'\n${stdout}\n${stderr}`);
      });
      over.catch(() => undefined);
      while (!output[stream].includes(text)) await Promise.race([once(child[stream], 'data'), over]);
    },
    signal: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
  };
}

export function runCli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended;
}
