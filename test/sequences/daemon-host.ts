// The daemon of a run, in this process or in one of its own, which can be ended in good order or killed. Main thread.
import { cpSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readToken } from '../../src/auth/token-file.js';
import { startDaemon } from '../../src/daemon.js';
import type { Daemon } from '../../src/daemon.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import type { DaemonProcess } from '../support/daemon-process.js';

export interface DaemonHost {
  readonly url: string;
  readonly token: string;
  /** In good order, and starts another on the same home. */
  restart(): Promise<void>;
  /** The home stays as it is at this moment; another daemon starts on it. */
  kill(): Promise<void>;
  /** Unloads a conversation at once; null where only time can do that. */
  readonly unload: ((threadId: string) => Promise<void>) | null;
  /** In good order, for good. */
  stop(): Promise<void>;
}

/** Conversations without clients stay loaded. */
const NEVER_UNLOAD = 'thread_unload_delay_secs=0';
/** They are unloaded as soon as the configuration can say: after a second. */
const UNLOAD_SOON = 'thread_unload_delay_secs=1';
const SETTINGS = [
  // More threads would only take longer to start.
  'max_threads=1',
  // The model may wait at a gate for as long as the program likes.
  'model_providers.mock.stream_idle_timeout_ms=3600000',
];

/**
 * A daemon in the test's own process: cheap to restart. It is killed by putting the home back to what it was at that
 * moment, as far as its files go the same as a process that is gone.
 */
export class EmbeddedHost implements DaemonHost {
  readonly #home: string;
  #daemon: Daemon;

  private constructor(home: string, daemon: Daemon) {
    this.#home = home;
    this.#daemon = daemon;
  }

  static async start(home: string): Promise<EmbeddedHost> {
    return new EmbeddedHost(home, await startEmbedded(home));
  }

  get url(): string {
    return this.#daemon.url;
  }

  get token(): string {
    return readToken(this.#home)!;
  }

  readonly unload = async (threadId: string): Promise<void> => {
    await this.#daemon.registry.removeConversation(threadId);
  };

  async restart(): Promise<void> {
    await this.#daemon.close();
    this.#daemon = await startEmbedded(this.#home);
  }

  async kill(): Promise<void> {
    const asItWas = `${this.#home}-as-it-was`;
    copyFolder(this.#home, asItWas);
    await this.#daemon.close();
    rmSync(this.#home, { recursive: true });
    renameSync(asItWas, this.#home);
    this.#daemon = await startEmbedded(this.#home);
  }

  stop(): Promise<void> {
    return this.#daemon.close();
  }
}

function startEmbedded(home: string): Promise<Daemon> {
  return startDaemon({
    home,
    listen: 'ws://127.0.0.1:0',
    authMode: 'token',
    configOverrides: [NEVER_UNLOAD, ...SETTINGS],
    logLevel: 'error',
    logToConsole: false,
    env: process.env,
  });
}

/** Files may come and go meanwhile, as they may when a process is killed. */
function copyFolder(from: string, to: string): void {
  for (;;) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}

/** The daemon as users run it, which SIGKILL really kills. */
export class ProcessHost implements DaemonHost {
  readonly #home: string;
  #daemon: DaemonProcess;
  readonly unload = null;

  private constructor(home: string, daemon: DaemonProcess) {
    this.#home = home;
    this.#daemon = daemon;
  }

  static async start(home: string): Promise<ProcessHost> {
    return new ProcessHost(home, await startProcess(home));
  }

  get url(): string {
    return this.#daemon.url;
  }

  get token(): string {
    return this.#daemon.token!;
  }

  async restart(): Promise<void> {
    await this.#daemon.stop();
    this.#daemon = await startProcess(this.#home);
  }

  async kill(): Promise<void> {
    await this.#daemon.kill('SIGKILL');
    this.#daemon = await startProcess(this.#home);
  }

  stop(): Promise<void> {
    return this.#daemon.stop();
  }
}

function startProcess(home: string): Promise<DaemonProcess> {
  return startDaemonProcess({ home, args: [UNLOAD_SOON, ...SETTINGS].flatMap((setting) => ['-c', setting]) });
}

/** Rejects when `promise` has not settled in time: nothing that a daemon does here may take that long. */
export async function inTime<T>(promise: Promise<T>, what: string, limitMs = 10_000): Promise<T> {
  const over = new AbortController();
  const late = delay(limitMs, undefined, { signal: over.signal, ref: true }).then(() => {
    throw new Error(`${what}: not done after ${limitMs} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
