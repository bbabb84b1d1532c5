// Starts a command whose output goes through pipes. Session worker.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { SocketConstructorOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStartTime } from '../../session/process-table.js';
import type { CommandProcess, OutputStream, ProcessHandlers, ProcessRequest } from './command-process.js';
import type { CommandExit } from './exit-code.js';

/** How long to wait, once the process has ended, for output that somebody else may still write. */
const GRACE_MS = 100;
/** Of such waits while output comes: then it is somebody else's. */
const MOST_GRACES = 10;
const READ_SIZE = 64 * 1024;

interface Pipe {
  readEnd: number;
  writeEnd: number;
}

/** Rejects with what the system says, or when the request's signal has fired. */
export async function startPiped(request: ProcessRequest, handlers: ProcessHandlers): Promise<CommandProcess> {
  const pipes = await openPipes(request.streams === 'mixed' ? 1 : 2);
  const { child, identity } = spawnInto(pipes, request);
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

function spawnInto(pipes: readonly Pipe[], { argv, cwd, env, input, signal }: ProcessRequest) {
  const [program = '', ...args] = argv;
  const [output, errors = output] = pipes.map(({ writeEnd }) => writeEnd);
  let child: ChildProcess | null = null;
  try {
    signal.throwIfAborted();
    const stdin = input === 'none' ? 'ignore' : 'pipe';
    child = spawn(program, args, { cwd, env, detached: true, stdio: [stdin, output, errors] });
    const startTime = child.pid === undefined ? null : readStartTime(child.pid);
    return { child, identity: child.pid === undefined || startTime === null ? null : { pid: child.pid, startTime } };
  } finally {
    for (const { readEnd, writeEnd } of pipes) {
      closeSync(writeEnd);
      if (child === null) closeSync(readEnd);
    }
  }
}

/** Makes pipes by their names, and takes the names away if whoever asked ends before it could. */
const MAKE_PIPES = 'trap "" PIPE; mkfifo -m 600 "$@" && echo; read -r done || rm -f "$@"';

/**
 * Pipes of the system. Those that Node makes are sockets, which nothing can open again by name as scripts do with /dev/stderr,
 * and there would be two for what is to be mixed in order. They have names for a moment only.
 */
async function openPipes(count: number): Promise<Pipe[]> {
  const names = Array.from({ length: count }, () => join(tmpdir(), `rolloutd-${randomBytes(12).toString('hex')}.pipe`));
  const maker = spawn('sh', ['-c', MAKE_PIPES, 'sh', ...names], { stdio: ['pipe', 'pipe', 'ignore'] });
  maker.stdin.on('error', () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      maker.once('error', reject);
      maker.stdout.once('data', () => resolve()).once('end', () => reject(new Error('no pipe could be made')));
    });
    // A reader that does not wait for a writer comes first; then the writer waits for nobody either.
    return names.map((name) => ({
      readEnd: openSync(name, constants.O_RDONLY | constants.O_NONBLOCK),
      writeEnd: openSync(name, constants.O_WRONLY),
    }));
  } finally {
    for (const name of names) rmSync(name, { force: true });
    maker.stdin.end('done\n');
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
