// Home, workspace, model and daemons that a family of recordings is replayed on. Main thread.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckedClient } from '../../support/checked-client.js';
import { startDaemonProcess } from '../../support/daemon-process.js';
import type { DaemonProcess } from '../../support/daemon-process.js';
import { startModelServer } from '../../support/model-server.js';
import type { ModelServer } from '../../support/model-server.js';
import { Bindings } from './bindings.js';
import { Gate } from './gate.js';
import { answerAsRecorded } from './recorded-model.js';

/** Daemons by the name that the recording's connections know them under. */
export type ServerName = 'one' | 'two';

export class ReplayWorld {
  /** Takes the place of the recorded user's folder: the home is `.codex` in it, the workspace `ws`. */
  readonly root: string;
  readonly home: string;
  readonly bindings: Bindings;
  /** Of the model. */
  readonly gate: Gate;
  readonly #model: ModelServer;
  readonly #servers = new Map<ServerName, DaemonProcess>();

  private constructor(root: string, model: ModelServer, gate: Gate) {
    this.root = root;
    this.home = join(root, '.codex');
    this.bindings = new Bindings(root);
    this.gate = gate;
    this.#model = model;
  }

  static async create(): Promise<ReplayWorld> {
    const model = await startModelServer();
    const gate = new Gate();
    model.script(answerAsRecorded(gate));
    const world = new ReplayWorld(mkdtempSync(join(tmpdir(), 'rolloutd-replay-')), model, gate);
    mkdirSync(world.home, { mode: 0o700 });
    world.configure('');
    return world;
  }

  /** Holds for daemons that start from now on; `topLevel` is TOML above the tables. */
  configure(topLevel: string): void {
    writeFileSync(join(this.home, 'config.toml'), configToml(this.#model.baseUrl, topLevel), { mode: 0o600 });
  }

  /** Makes a folder that a recording names, by its recorded path. */
  makeFolder(recordedPath: string): void {
    mkdirSync(this.locate(recordedPath), { recursive: true });
  }

  /** Makes the folder a repository with one commit on `main` and a remote. */
  makeRepository(recordedPath: string, origin: string): void {
    this.makeFolder(recordedPath);
    const identity = ['-c', 'user.name=probe', '-c', 'user.email=probe@example.com'];
    const commands = [
      ['init', '-q', '-b', 'main'],
      [...identity, 'commit', '-q', '--allow-empty', '-m', 'first'],
      ['remote', 'add', 'origin', origin],
    ];
    for (const args of commands) {
      const { status, stderr } = spawnSync('git', ['-C', this.locate(recordedPath), ...args], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    }
  }

  locate(recordedPath: string): string {
    return recordedPath.replace('/home/user', this.root);
  }

  /** Starts the daemon if it does not run. The client has sent nothing yet. */
  async connect(name: ServerName): Promise<CheckedClient> {
    let server = this.#servers.get(name);
    if (server === undefined) {
      server = await startDaemonProcess({ home: this.home });
      this.#servers.set(name, server);
    }
    return CheckedClient.connect(server.url, { token: server.token, initialize: false });
  }

  /** Resolves when the daemon has seen everything that happened on its sockets before. */
  async settle(name: ServerName): Promise<void> {
    if (!this.#servers.has(name)) return;
    const client = await this.connect(name);
    await client.call('initialize', { clientInfo: { name: 'settle', version: '0' } });
    await client.close();
  }

  async stop(name: ServerName): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    await server?.stop();
  }

  /** Without a chance to put anything in order. */
  async kill(name: ServerName): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    await server?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    for (const name of [...this.#servers.keys()]) await this.kill(name);
    await this.#model.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

function configToml(modelBaseUrl: string, topLevel: string): string {
  return `model = "gpt-5.5"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
model_context_window = 258400
${topLevel}

[model_providers.mock]
name = "mock"
base_url = ${JSON.stringify(modelBaseUrl)}
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`;
}
