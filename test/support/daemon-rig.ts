// A whole daemon inside the test process, with its model server and home: real sockets, threads and files. Main thread.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from '../../src/daemon.js';
import type { Daemon } from '../../src/daemon.js';
import type { LogLevel } from '../../src/log.js';
import { readToken } from '../../src/auth/token-file.js';
import { CheckedClient } from './checked-client.js';
import type { CheckedClientOptions } from './checked-client.js';
import { startModelServer } from './model-server.js';
import type { ModelServer } from './model-server.js';
import { makeTempHome } from './temp-home.js';
import type { TempHome } from './temp-home.js';

export interface RigOptions {
  extraToml?: string;
  configOverrides?: string[];
  env?: Record<string, string>;
  /** Of the log files in the home; nothing goes to the console. */
  logLevel?: LogLevel;
}

/** Close it after each test: it fails when any message of any client did not fit the schema. */
export class DaemonRig {
  readonly home: TempHome;
  readonly model: ModelServer;
  daemon: Daemon;
  readonly clients: CheckedClient[] = [];
  #options: RigOptions;

  private constructor(home: TempHome, model: ModelServer, daemon: Daemon, options: RigOptions) {
    this.home = home;
    this.model = model;
    this.daemon = daemon;
    this.#options = options;
  }

  static async start(options: RigOptions = {}): Promise<DaemonRig> {
    const model = await startModelServer();
    const home = await makeTempHome({ modelBaseUrl: model.baseUrl, extraToml: options.extraToml ?? '' });
    return new DaemonRig(home, model, await startRigDaemon(home.path, options), options);
  }

  get token(): string {
    return readToken(this.home.path)!;
  }

  async client(options: CheckedClientOptions = {}): Promise<CheckedClient> {
    const client = await CheckedClient.connect(this.daemon.url, { token: this.token, ...options });
    this.clients.push(client);
    return client;
  }

  /** Closes the daemon and starts another on the same home, with these options instead of the former ones. */
  async restart(options: Partial<RigOptions> = {}): Promise<void> {
    await this.daemon.close();
    this.#options = { ...this.#options, ...options };
    this.daemon = await startRigDaemon(this.home.path, this.#options);
  }

  /** A second daemon on the same home; the caller closes it. */
  startSecondDaemon(): Promise<Daemon> {
    return startRigDaemon(this.home.path, this.#options);
  }

  /** Absolute paths of all rollout files. */
  rolloutFiles(): string[] {
    const root = join(this.home.path, 'sessions');
    try {
      return (readdirSync(root, { recursive: true }) as string[])
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => join(root, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.daemon.close();
    await this.model.close();
    await this.home.remove();
    const errors = this.clients.flatMap((client) => client.schemaErrors);
    if (errors.length > 0) throw new Error(`messages that do not fit the schema:\n${errors.slice(0, 3).join('\n')}`);
  }
}

function startRigDaemon(home: string, options: RigOptions): Promise<Daemon> {
  return startDaemon({
    home,
    listen: 'ws://127.0.0.1:0',
    authMode: 'token',
    configOverrides: options.configOverrides ?? [],
    logLevel: options.logLevel ?? 'error',
    logToConsole: false,
    // What runs on the machine of whoever runs the tests is no part of them.
    env: { ...process.env, CODEX_OSS_BASE_URL: 'http://127.0.0.1:1/v1', ...options.env },
  });
}

/** The lines of a rollout; throws for one that is not JSON. */
export function readLines(file: string): Record<string, any>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, any>);
}
