// One home for both servers, with the scripted model behind both and no way out of this machine. Main thread.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startChildProgram } from '../support/child-program.js';
import type { ChildExit } from '../support/child-program.js';
import { startDaemonProcess } from '../support/daemon-process.js';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { makeTempHome } from '../support/temp-home.js';
import type { TempHome } from '../support/temp-home.js';
import { TerminalProgram } from '../support/terminal.js';
import type { NetworkTrap } from './network-trap.js';
import { setNetworkTrap } from './network-trap.js';
import { ThreadClient } from './thread-client.js';

/** A running server of either kind, with one client. */
export interface InteropServer {
  url: string;
  pid: number;
  token: string | null;
  client: ThreadClient;
  stderr(): string;
  /** In good order; resolves when the process is gone. */
  stop(): Promise<void>;
  kill(): Promise<ChildExit>;
}

/** Keeps Codex from looking beyond this machine and from telling typing from pasting by its speed. */
const CODEX_TOML = `check_for_update_on_startup = false
disable_paste_burst = true

[analytics]
enabled = false

[feedback]
enabled = false

[features]
apps = false
daemon_auto_start = false
plugins = false
`;

/** The terminal UI asks for its tip of the day whatever its configuration says; it gets none. */
const TIP_OF_THE_DAY = 'CONNECT raw.githubusercontent.com:443 HTTP/1.1';

/** Whoever makes one closes it. */
export class JointHome {
  readonly model: ModelServer;
  readonly #trap: NetworkTrap;
  readonly #folders: TempHome;
  readonly #running = new Set<{ kill(): Promise<unknown> }>();

  private constructor(model: ModelServer, trap: NetworkTrap, folders: TempHome) {
    this.model = model;
    this.#trap = trap;
    this.#folders = folders;
  }

  static async make(): Promise<JointHome> {
    const model = await startModelServer();
    const folders = await makeTempHome({ modelBaseUrl: model.baseUrl, extraToml: CODEX_TOML });
    return new JointHome(model, await setNetworkTrap(), folders);
  }

  get path(): string {
    return this.#folders.path;
  }

  /** Where conversations work. */
  get workspace(): string {
    return this.#folders.workspace;
  }

  /** Puts top-level keys before, and tables behind all that is in the config.toml which both servers read. */
  async addConfig({ keys = '', tables = '' }: { keys?: string; tables?: string }): Promise<void> {
    const file = join(this.path, 'config.toml');
    await writeFile(file, `${keys}\n${await readFile(file, 'utf8')}\n${tables}\n`);
  }

  async startOurs(args: string[] = [], env: Record<string, string> = {}): Promise<InteropServer> {
    const daemon = await startDaemonProcess({ home: this.path, args, env: { HOME: this.#folders.root, ...env } });
    return this.#keep({
      ...daemon,
      client: await ThreadClient.open(daemon.url, daemon.token),
      kill: () => daemon.kill(),
    });
  }

  async startPeer(binary: string): Promise<InteropServer> {
    const program = await startChildProgram({
      command: binary,
      args: ['app-server', '--listen', 'ws://127.0.0.1:0'],
      env: this.#peerEnv,
      readyPattern: /listening on: (ws:\/\/\S+)/,
      readyStream: 'stderr',
    });
    return this.#keep({
      url: program.ready,
      pid: program.pid,
      token: null,
      client: await ThreadClient.open(program.ready, null),
      stderr: () => program.stderr(),
      stop: async () => {
        const { code, signal } = await program.kill('SIGTERM');
        if (code !== 0) throw new Error(`the peer ended with ${signal ?? code}\n${program.stderr()}`);
      },
      kill: () => program.kill('SIGKILL'),
    });
  }

  /** Runs `exec` of the peer with these arguments, and returns the events that it printed. */
  async execPeer(binary: string, args: string[]): Promise<{ type: string }[]> {
    const running = promisify(execFile)(binary, ['exec', ...args], {
      cwd: this.workspace,
      env: { ...process.env, ...this.#peerEnv },
    });
    // It would read on.
    running.child.stdin?.end();
    const { stdout } = await running;
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
  }

  /** The terminal UI of the peer; `args` tell it where to connect or what to resume. */
  startTerminal(binary: string, args: string[], env: Record<string, string> = {}): TerminalProgram {
    const terminal = new TerminalProgram({
      command: binary,
      args,
      cwd: this.workspace,
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...this.#peerEnv, ...env },
    });
    this.#running.add(terminal);
    return terminal;
  }

  /** Ends what still runs. Rejects when the peer has tried to reach anything beyond this machine. */
  async close(): Promise<void> {
    for (const program of this.#running) await program.kill();
    await this.model.close();
    await this.#trap.close();
    await this.#folders.remove();
    const attempts = this.#trap.attempts.filter((attempt) => attempt !== TIP_OF_THE_DAY);
    if (attempts.length > 0) throw new Error(`the peer looked outside: ${attempts.join(', ')}`);
  }

  /** What a program of the peer gets beside the test's own environment. */
  get #peerEnv(): Record<string, string> {
    return { ...this.#trap.env, HOME: this.#folders.root, CODEX_HOME: this.path };
  }

  /** A second end of the same process does nothing. */
  #keep(server: InteropServer): InteropServer {
    this.#running.add(server);
    return server;
  }
}
