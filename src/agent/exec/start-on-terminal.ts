// Starts a command on a pseudo-terminal; the only user of node-pty. Session worker.
import type { EventEmitter } from 'node:events';
import { closeSync, constants as files, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { IPty } from '@lydell/node-pty';
import { readStartTime } from '../../session/process-table.js';
import type { CommandProcess, ProcessHandlers, ProcessRequest } from './command-process.js';

const END_OF_INPUT = '\x04';
/** Without output, after the end of the process: then all has come that it wrote. */
const QUIET_MS = 25;

/**
 * Rejects with what the system says, or when the request's signal has fired. The thread cannot end before the process has:
 * closing the terminal ends most, others have to be ended from another thread.
 */
export async function startOnTerminal(request: ProcessRequest, handlers: ProcessHandlers): Promise<CommandProcess> {
  // 15 ms and a native library: for those who need it.
  const { spawn } = await import('@lydell/node-pty');
  request.signal.throwIfAborted();
  const { argv, cwd, env, terminal } = request;
  const [program = '', ...args] = argv;
  const { columns, rows } = terminal ?? { columns: 80, rows: 24 };
  // Bytes, whatever its types say: characters are put together where all chunks are seen.
  const pty = spawn(program, args, { name: env.TERM, cols: columns, rows, cwd, env, encoding: null });
  const identity = { pid: pty.pid, startTime: readStartTime(pty.pid) ?? '0' };
  const hold = new TerminalHold(pty);
  let isOpen = true;
  pty.onData((chunk) => {
    hold.noteOutput();
    handlers.onOutput(chunk as unknown as Buffer, 'stdout');
  });
  pty.onExit(({ exitCode, signal = 0 }) => {
    isOpen = false;
    hold.release();
    handlers.onExit(signal === 0 ? { code: exitCode, signal: null } : { code: null, signal: signalName(signal) });
  });
  const write = (data: string | Uint8Array): boolean => {
    // Bytes go through as they are.
    if (isOpen) pty.write(data as string);
    return isOpen;
  };
  return {
    identity,
    write,
    endInput: () => void write(END_OF_INPUT),
    resize: (size) => {
      if (isOpen) pty.resize(Math.max(1, size.columns), Math.max(1, size.rows));
    },
  };
}

/** Fields of node-pty 1.1 on systems like Unix that its types do not show. */
interface PtyInside {
  /** The end that the process has, by its name. */
  _pty?: string;
  _socket?: EventEmitter;
}

/**
 * Keeps the process's end of the terminal open until all output was read. When nobody has it open any more, libuv takes the
 * next short read for the last one, and up to some kilobytes that the system still holds would be lost.
 */
class TerminalHold {
  #end: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(pty: IPty) {
    const { _pty: name, _socket: socket } = pty as unknown as PtyInside;
    if (name === undefined || socket === undefined) return;
    try {
      this.#end = openSync(name, files.O_RDWR | files.O_NOCTTY);
    } catch {
      // Then its last words may be lost, no more.
      return;
    }
    // node-pty does so when the process has ended, and at no other time.
    socket.on('newListener', (event) => {
      if (event === 'close') this.#timer ??= setTimeout(() => this.release(), QUIET_MS);
    });
  }

  noteOutput(): void {
    this.#timer?.refresh();
  }

  release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#end !== null) closeSync(this.#end);
    this.#end = null;
  }
}

function signalName(number: number): NodeJS.Signals | null {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  return names.find((name) => constants.signals[name] === number) ?? null;
}
