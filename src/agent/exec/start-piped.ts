// Starts a command whose output goes through pipes. Session worker.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { SocketConstructorOpts } from 'node:net';
import { readStartTime } from '../../session/process-table.js';
import type { CommandProcess, OutputStream, ProcessHandlers, ProcessRequest } from './command-process.js';
import type { CommandExit } from './exit-code.js';
import type { Pipe } from './system-calls.js';

/** How long to wait, once the process has ended, for output that somebody else may still write. */
const GRACE_MS = 100;
/** Of such waits while output comes: then it is somebody else's. */
const MOST_GRACES = 10;
const READ_SIZE = 64 * 1024;

/** Rejects with what the system says, or when the request's signal has fired. */
export async function startPiped(request: ProcessRequest, handlers: ProcessHandlers): Promise<CommandProcess> {
  const { closeFd, makePipe } = await import('./system-calls.js');
  request.signal.throwIfAborted();
  // Those that Node makes are sockets, which nothing can open again by name as scripts do with /dev/stderr, and there would be
  // two for what is to be mixed in order.
  const pipes = [makePipe(), ...(request.streams === 'mixed' ? [] : [makePipe()])];
  const { child, identity } = spawnInto(pipes, request, closeFd);
  const outputs = pipes.map(({ readEnd }, index) => {
    const stream: OutputStream = index === 0 ? 'stdout' : 'stderr';
    return new PipeReader(readEnd, (chunk) => handlers.onOutput(chunk, stream));
  });
  const exited = new Promise<CommandExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // Writing to one that no longer reads is no failure of ours.
  child.stdin?.on('error', () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve).once('error', reject);
    });
  } catch (error) {
    for (const output of outputs) output.forget();
    throw error;
  }
  void exited.then(async (exit) => {
    await Promise.all(outputs.map((output) => output.finish()));
    handlers.onExit(exit);
  });
  return {
    identity: identity ?? { pid: child.pid ?? 0, startTime: '0' },
    write: (data) => child.stdin?.writable === true && (child.stdin.write(data), true),
    endInput: () => child.stdin?.end(),
    resize: () => undefined,
  };
}

function spawnInto(pipes: readonly Pipe[], { argv, cwd, env, input }: ProcessRequest, closeFd: (fd: number) => void) {
  const [program = '', ...args] = argv;
  const [output, errors = output] = pipes.map(({ writeEnd }) => writeEnd);
  let child: ChildProcess | null = null;
  try {
    const stdin = input === 'none' ? 'ignore' : 'pipe';
    child = spawn(program, args, { cwd, env, detached: true, stdio: [stdin, output, errors] });
    const startTime = child.pid === undefined ? null : readStartTime(child.pid);
    return { child, identity: child.pid === undefined || startTime === null ? null : { pid: child.pid, startTime } };
  } finally {
    for (const { readEnd, writeEnd } of pipes) {
      closeFd(writeEnd);
      if (child === null) closeFd(readEnd);
    }
  }
}

/** Reads a pipe into one buffer, over and over: a command may write gigabytes. */
class PipeReader {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #onChunk: ((chunk: Uint8Array) => void) | null;
  #chunks = 0;

  constructor(readEnd: number, onChunk: (chunk: Uint8Array) => void) {
    this.#onChunk = onChunk;
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_SIZE),
      callback: (size: number, buffer: Uint8Array): boolean => {
        this.#chunks += 1;
        this.#onChunk?.(buffer.subarray(0, size));
        return true;
      },
    };
    this.#socket = new Socket({ fd: readEnd, readable: true, writable: false, onread } as SocketConstructorOpts);
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
    });
    // A pipe that breaks has ended.
    this.#socket.on('error', () => undefined);
    this.#socket.resume();
  }

  /** Resolves when all is read that the ended process can have written. Its children may write on: nobody listens. */
  async finish(): Promise<void> {
    for (let graces = 0, seen = -1; graces < MOST_GRACES && seen !== this.#chunks; graces += 1) {
      seen = this.#chunks;
      if (await this.#closesWithin(GRACE_MS)) return;
    }
    this.#onChunk = null;
    // Somebody who writes to a closed pipe would be ended by it.
    this.#socket.unref();
  }

  forget(): void {
    this.#onChunk = null;
    this.#socket.destroy();
  }

  #closesWithin(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), milliseconds);
      void this.#closed.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
