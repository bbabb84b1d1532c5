// Starts a command on a pseudo-terminal; the only user of node-pty. Session worker.
import { constants } from 'node:os';
import { readStartTime } from '../../session/process-table.js';
import type { CommandProcess, ProcessHandlers, ProcessRequest } from './command-process.js';

const END_OF_INPUT = '\x04';

/** Rejects with what the system says, or when the request's signal has fired. */
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
  let isOpen = true;
  pty.onData((chunk) => handlers.onOutput(chunk as unknown as Buffer, 'stdout'));
  pty.onExit(({ exitCode, signal = 0 }) => {
    isOpen = false;
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

function signalName(number: number): NodeJS.Signals | null {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  return names.find((name) => constants.signals[name] === number) ?? null;
}
