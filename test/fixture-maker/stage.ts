// Where one run takes place: a folder with a home and a workspace, a scripted model, Codex in several versions. Test process.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startModelServer } from '../support/model-server.js';
import type { ModelServer } from '../support/model-server.js';
import { AppServer } from './app-server.js';
import { answerFrom } from './scripted-replies.js';
import type { Script } from './scripted-replies.js';

/** Paths of Codex's native programs by version. */
export type Binaries = Readonly<Record<string, string>>;

export interface ExecOptions {
  /** The conversation to go on with. */
  resume?: string;
  /** Before the prompt. */
  args?: string[];
  /** Sent a moment after the model was asked. */
  signal?: NodeJS.Signals;
}

/** Connections are refused there: nothing may leave the machine. */
const NOWHERE = 'http://127.0.0.1:9';
/** From the model's first words until Codex has surely seen them. */
const MOMENT_MS = 700;
const PATIENCE_MS = 60_000;

export class Stage {
  readonly root = mkdtempSync(join(tmpdir(), 'rolloutd-fixtures-'));
  readonly home = join(this.root, 'home');
  readonly workspace = join(this.root, 'ws');
  /** Rollouts that were given a name, by that name: absolute paths. */
  readonly kept = new Map<string, string>();
  readonly model: ModelServer;
  readonly #binaries: Binaries;
  readonly #used = new Set<string>();

  private constructor(model: ModelServer, binaries: Binaries) {
    this.model = model;
    this.#binaries = binaries;
  }

  static async open(binaries: Binaries, script: Script, settings: string): Promise<Stage> {
    const model = await startModelServer();
    const stage = new Stage(model, binaries);
    model.script(answerFrom(script));
    mkdirSync(stage.home);
    mkdirSync(stage.workspace);
    writeFileSync(join(stage.home, 'config.toml'), configure(model.baseUrl, settings));
    return stage;
  }

  async close(): Promise<void> {
    await this.model.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  keep(name: string, path: string): void {
    this.kept.set(name, path);
  }

  serve(version: string): Promise<AppServer> {
    return AppServer.start(this.#binary(version), this.#env(), this.workspace);
  }

  /** One turn by `codex exec`. Returns the path of the rollout that came into being, or else of the newest one. */
  async exec(version: string, prompt: string, options: ExecOptions = {}): Promise<string> {
    const resume = options.resume === undefined ? [] : ['resume', options.resume];
    const settings = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '-C', this.workspace];
    const args = ['exec', ...settings, ...(options.args ?? []), ...resume, prompt];
    const asked = this.model.requestCount;
    const child = spawn(this.#binary(version), args, {
      cwd: this.workspace,
      env: this.#env(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const { signal } = options;
    if (signal !== undefined) {
      await Promise.race([this.model.waitForRequest(asked + 1), exited]);
      await delay(MOMENT_MS);
      child.kill(signal);
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    await exited;
    clearTimeout(timer);
    const path = this.rollouts().at(-1);
    if (path === undefined) throw new Error(`${version} wrote no rollout:\n${complaints}`);
    return path;
  }

  /** Absolute paths of all rollouts, the oldest first. */
  rollouts(): string[] {
    const folders = ['sessions', 'archived_sessions'].map((name) => join(this.home, name));
    return folders
      .flatMap((folder) => list(folder).map((name) => join(folder, name)))
      .filter((path) => /rollout-[^/]*\.jsonl$/.test(path))
      .sort();
  }

  /** Lines of its session_index.jsonl. */
  names(): string[] {
    const file = join(this.home, 'session_index.jsonl');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  }

  /** They know the rollouts otherwise than the current version would. */
  forgetDatabasesOfOldVersions(): void {
    if ([...this.#used].join() === '0.169.0') return;
    for (const name of list(this.home)) if (/\.sqlite/.test(name)) rmSync(join(this.home, name), { force: true });
  }

  #binary(version: string): string {
    const binary = this.#binaries[version];
    if (binary === undefined) throw new Error(`no binary of version ${version} was given`);
    this.#used.add(version);
    return binary;
  }

  #env(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.root,
      CODEX_HOME: this.home,
      TZ: 'UTC',
      HTTPS_PROXY: NOWHERE,
      HTTP_PROXY: NOWHERE,
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
    };
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function configure(baseUrl: string, settings: string): string {
  const [top = '', ...tables] = settings.split(/^(?=\[)/m);
  return `model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
show_raw_agent_reasoning = true
${top}
[model_providers.mock]
name = "mock"
base_url = "${baseUrl}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false

${tables.join('\n')}`;
}
