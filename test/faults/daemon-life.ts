// One life of the daemon between two kills, with the clients it had and all that it told them. Main thread.
import type { ChildProgramOptions } from '../support/child-program.js';
import { spawnChildProgram } from '../support/child-program.js';
import { readToken } from '../support/daemon-process.js';
import type { WireProxy } from '../support/wire-proxy.js';
import { readByteLog } from './byte-log.js';
import type { LoggedConnection } from './told.js';
import { ConnectionLost, WireClient } from './wire-client.js';

export interface DaemonLifeOptions {
  program: ChildProgramOptions;
  home: string;
  proxy: WireProxy;
  /** Number of the kill that will end it. */
  kill: number;
}

/** From spawn to death. Whoever made it calls end() or stop() once. */
export class DaemonLife {
  readonly kill: number;
  readonly #options: DaemonLifeOptions;
  readonly #spawned;
  readonly #clients: WireClient[] = [];
  #host = '';
  #token: string | null = null;
  #over = false;
  /** When it was killed; 0 when it was not. */
  killedAtMs = 0;
  /** How it went when nobody had told it to. */
  crash: string | null = null;

  constructor(options: DaemonLifeOptions) {
    this.#options = options;
    this.kill = options.kill;
    this.#spawned = spawnChildProgram(options.program);
    void this.#spawned.program.exited.then(({ code, signal }) => {
      if (!this.#over) this.crash = `it ended by itself with ${signal ?? code}`;
    });
  }

  get stderr(): string {
    return this.#spawned.program.stderr();
  }

  get pid(): number {
    return this.#spawned.program.pid;
  }

  /** Resolves when clients can connect. */
  async ready(): Promise<void> {
    const url = await this.#spawned.ready;
    this.#host = new URL(url).host;
    this.#token = await readToken(this.#options.home);
    this.#options.proxy.setTarget(url);
  }

  async openClient(): Promise<WireClient> {
    if (this.#over) throw new ConnectionLost('the daemon is gone');
    const client = await WireClient.open({ url: this.#options.proxy.url, host: this.#host, token: this.#token });
    this.#clients.push(client);
    return client;
  }

  /** SIGKILL, at once; the rest is for end() to await. */
  strike(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.crash !== null) return;
    this.killedAtMs = performance.now();
    process.kill(this.pid, 'SIGKILL');
  }

  /** Ends it by SIGTERM. Rejects unless it ends with code 0. */
  async stop(): Promise<LoggedConnection[]> {
    this.#over = true;
    const { code, signal } = await this.#spawned.program.kill('SIGTERM');
    if (code !== 0) throw new Error(`after SIGTERM the daemon ended with ${signal ?? code}: ${this.stderr}`);
    return this.#collect();
  }

  /** Kills it unless that was done, and returns what its clients were given, by connection. */
  async end(): Promise<LoggedConnection[]> {
    this.strike();
    await this.#spawned.program.exited;
    return this.#collect();
  }

  async #collect(): Promise<LoggedConnection[]> {
    this.#options.proxy.setTarget(null);
    const connections = await this.#options.proxy.drain();
    return connections.map(({ clientPort, toClient }, connection) => ({
      connection,
      kill: this.kill,
      messages: readByteLog(toClient),
      requests: this.#clients.find((client) => client.clientPort === clientPort)?.requests ?? new Map(),
    }));
  }
}
