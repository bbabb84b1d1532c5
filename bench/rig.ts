// Daemon, model server and client, each a process of its own, for one measurement. Main thread of the bench.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { startDaemonProcess } from '../test/support/daemon-process.js';
import type { DaemonProcess } from '../test/support/daemon-process.js';
import { startModelProcess } from '../test/support/model-process.js';
import type { ModelProcess } from '../test/support/model-process.js';
import { processorMs, residentMb } from '../test/support/process-sample.js';
import { makeTempHome } from '../test/support/temp-home.js';
import type { TempHome } from '../test/support/temp-home.js';
import type { ClientAnswer, ClientCommand, ClientResult } from './client/commands.js';

/** A daemon that has just started, on an empty home, and one client. */
export interface Rig {
  daemon: DaemonProcess;
  /** From spawn to the line that says where it listens. */
  startMs: number;
  startThreads(count: number): Promise<void>;
  ask(command: ClientCommand): Promise<ClientResult>;
  /** Resident memory of the daemon, in MB. */
  memoryMb(): Promise<number>;
  /** Processor time used so far, in milliseconds: by the daemon, and by model server and client together. */
  cpuMs(): Promise<{ daemon: number; others: number }>;
}

/** Everything is gone again when the measurement is over, well or not. */
export async function withRig<T>(connections: number, measure: (rig: Rig) => Promise<T>): Promise<T> {
  const model = await startModelProcess(join(import.meta.dirname, 'model', 'main.js'));
  const home = await makeTempHome({ modelBaseUrl: model.baseUrl });
  const client = new ClientProcess();
  let daemon: DaemonProcess | null = null;
  try {
    const spawnedAt = performance.now();
    daemon = await startDaemonProcess({ home: home.path });
    const startMs = performance.now() - spawnedAt;
    const target = { url: daemon.url, token: daemon.token };
    await client.ask({ type: 'open', target, connections });
    return await measure(makeRig(daemon, startMs, client, model, home));
  } finally {
    client.end();
    await daemon?.kill();
    await model.stop();
    await home.remove();
  }
}

function makeRig(
  daemon: DaemonProcess,
  startMs: number,
  client: ClientProcess,
  model: ModelProcess,
  home: TempHome,
): Rig {
  const ask = (command: ClientCommand) => client.ask(command);
  return {
    daemon,
    startMs,
    startThreads: async (count) => {
      await ask({ type: 'startThreads', count, cwd: home.workspace });
    },
    ask,
    memoryMb: () => residentMb(daemon.pid),
    cpuMs: async () => ({
      daemon: await processorMs(daemon.pid),
      others: (await processorMs(model.pid)) + (await processorMs(client.pid)),
    }),
  };
}

/** The client process: one answer a command, in order. */
class ClientProcess {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (result: ClientResult) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    const file = join(import.meta.dirname, 'client', 'main.js');
    this.#child = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: ClientAnswer) => {
      const waiting = this.#waiting.shift();
      if (answer.ok) waiting?.resolve(answer.result);
      else waiting?.reject(new Error(answer.error));
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the client process ended'));
    });
  }

  ask(command: ClientCommand): Promise<ClientResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.send(command);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  end(): void {
    this.#child.kill();
  }
}
