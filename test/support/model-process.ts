// The scripted model server as a process of its own. Main thread.
import { join } from 'node:path';
import type { ChildProgram } from './child-program.js';
import { startChildProgram } from './child-program.js';

export interface ModelProcess {
  /** For a provider's `base_url`. */
  baseUrl: string;
  pid: number;
  stop(): Promise<void>;
}

/** `file` may be another program that serves the same API and prints its base URL. */
export async function startModelProcess(
  file: string = join(import.meta.dirname, 'model-server.js'),
): Promise<ModelProcess> {
  const program: ChildProgram = await startChildProgram({
    command: process.execPath,
    args: [file, '--port', '0'],
    readyPattern: /(http:\/\/\S+)/,
  });
  return {
    baseUrl: program.ready,
    pid: program.pid,
    stop: async () => {
      await program.kill('SIGTERM');
    },
  };
}
