// One life of the daemon between two kills, with the clients it had and all that it told them. Main thread.
import type { ChildExit, ChildProgramOptions } from '../support/child-program.js';
import { spawnChildProgram } from '../support/child-program.js';
import { readToken } from '../support/daemon-process.js';
import type { WireProxy } from '../support/wire-proxy.js';
import { readByteLog } from './byte-log.js';
import type { Report } from './inject/orders.js';
import { OrderLine } from './order-line.js';
import type { StallMeter } from './stall-meter.js';
import type { LoggedConnection } from './told.js';
import { ConnectionLost, WireClient } from './wire-client.js';

export interface DaemonLifeOptions {
  program: ChildProgramOptions;
  home: string;
  proxy: WireProxy;
  /** Takes in what the daemon's process had to wait. */
  stalls: StallMeter;
  /** Number of the kill that will end it. */
  kill: number;
}

/** Time in which a daemon that was asked to end must have ended. */
const STOP_PATIENCE_MS = 10_000;

/** From spawn to death. Whoever made it calls end() once. */
export class DaemonLife {
  readonly kill: number;
  /** Silent unless the program loads the fault layer. */
  readonly orders: OrderLine;
  readonly #options: DaemonLifeOptions;
  readonly #spawned;
  readonly #clients: WireClient[] = [];
  readonly #spawnedAtMs = performance.now();
  #host = '';
  #token: string | null = null;
  /** From spawn until clients could connect; null when it never came to that. */
  readyMs: number | null = null;
  /** How and when it was ended. */
  struck: { signal: NodeJS.Signals; atMs: number } | null = null;
  /** What is wrong with the way in which it ended. */
  fault: string | null = null;

  constructor(options: DaemonLifeOptions) {
    this.#options = options;
    this.kill = options.kill;
    this.orders = new OrderLine(
      (order) => this.#spawned.program.send(order),
      (atMs, lateMs) => options.stalls.note(atMs, lateMs),
    );
    const onMessage = (report: unknown) => this.orders.receive(report as Report);
    this.#spawned = spawnChildProgram({ ...options.program, onMessage });
    void this.#spawned.program.exited.then((exit) => (this.fault ??= this.#judge(exit)));
  }

  get stderr(): string {
    return this.#spawned.program.stderr();
  }

  /** Resolves when clients can connect. */
  async ready(): Promise<void> {
    const url = await this.#spawned.ready;
    this.#host = new URL(url).host;
    this.#token = await readToken(this.#options.home);
    this.#options.proxy.setTarget(url);
    this.readyMs = performance.now() - this.#spawnedAtMs;
  }

  async openClient(): Promise<WireClient> {
    if (this.struck !== null) throw new ConnectionLost('the daemon is gone');
    const client = await WireClient.open({ url: this.#options.proxy.url, host: this.#host, token: this.#token });
    this.#clients.push(client);
    return client;
  }

  /** Sends the signal, at once; the rest is for end() to await. */
  strike(signal: NodeJS.Signals): void {
    if (this.struck !== null || this.fault !== null) return;
    this.struck = { signal, atMs: performance.now() };
    process.kill(this.#spawned.program.pid, signal);
  }

  /** Kills it unless that was done, and returns what its clients were given, by connection. */
  async end(): Promise<LoggedConnection[]> {
    this.strike('SIGKILL');
    const { program } = this.#spawned;
    const patience = setTimeout(() => {
      this.fault = `it had not ended ${STOP_PATIENCE_MS} ms after ${this.struck?.signal}`;
      process.kill(program.pid, 'SIGKILL');
    }, STOP_PATIENCE_MS);
    await program.exited;
    clearTimeout(patience);
    this.#options.proxy.setTarget(null);
    const connections = await this.#options.proxy.drain();
    return connections.map(({ clientPort, toClient }, connection) => ({
      connection,
      kill: this.kill,
      messages: readByteLog(toClient),
      requests: this.#clients.find((client) => client.clientPort === clientPort)?.requests ?? new Map(),
    }));
  }

  #judge({ code, signal }: ChildExit): string | null {
    if (this.struck === null) return `it ended by itself with ${signal ?? code}`;
    if (this.struck.signal === 'SIGKILL' || code === 0) return null;
    // Before it can listen to signals, a signal just ends it.
    if (this.readyMs === null && signal === this.struck.signal) return null;
    return `after ${this.struck.signal} it ended with ${signal ?? code}`;
  }
}
