// Starts a command on a pseudo-terminal. Session worker.
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { readStartTime } from '../../session/process-table.js';
import type { CommandProcess, ProcessHandlers, ProcessRequest } from './command-process.js';
import type { CommandExit } from './exit-code.js';

const END_OF_INPUT = '\x04';
/** Without output, after the end of the process: then all has come that it wrote. */
const QUIET_MS = 25;
/** Of such waits while output comes: then it is somebody else's. */
const MOST_WAITS = 10;
/** The leader of a session gets the terminal that it opens first for its own. */
const TAKE_TERMINAL = 'exec "$@" <>"$0" >&0 2>&1';

/** Rejects with what the system says, or when the request's signal has fired. */
export async function startOnTerminal(request: ProcessRequest, handlers: ProcessHandlers): Promise<CommandProcess> {
  const { closeFd, makeTerminal, setTerminalSize } = await import('./system-calls.js');
  request.signal.throwIfAborted();
  const { argv, cwd, env, terminal } = request;
  const { master, name, hold } = makeTerminal(terminal?.columns ?? 80, terminal?.rows ?? 24);
  const screen = new ReadStream(master);
  // The system says so when nobody has it open any more.
  screen.on('error', () => undefined);
  const child = spawn('/bin/sh', ['-c', TAKE_TERMINAL, name, ...argv], { cwd, env, detached: true, stdio: 'ignore' });
  const identity = { pid: child.pid ?? 0, startTime: readStartTime(child.pid ?? 0) ?? '0' };
  const exited = new Promise<CommandExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  let chunks = 0;
  screen.on('data', (chunk: Buffer) => {
    chunks += 1;
    if (!screen.destroyed) handlers.onOutput(chunk, 'stdout');
  });
  /** While nobody has the inner end open, a short read would be taken for the last one, whatever the system still holds. */
  const close = (): void => {
    closeFd(hold);
    screen.destroy();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve).once('error', reject);
    });
  } catch (error) {
    close();
    throw error;
  }
  void exited.then(async (exit) => {
    for (let waits = 0, seen = -1; waits < MOST_WAITS && seen !== chunks; waits += 1) {
      seen = chunks;
      await delay(QUIET_MS);
    }
    close();
    handlers.onExit(exit);
  });
  const write = (data: string | Uint8Array): boolean => {
    if (screen.destroyed) return false;
    screen.write(data);
    return true;
  };
  return {
    identity,
    write,
    endInput: () => void write(END_OF_INPUT),
    resize: ({ columns, rows }) => {
      if (!screen.destroyed) setTerminalSize(master, Math.max(1, columns), Math.max(1, rows));
    },
  };
}
