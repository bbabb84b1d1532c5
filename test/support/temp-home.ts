// A home folder for one test, configured for the scripted model server, and gone afterwards. Main thread.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempHomeOptions {
  /** Base URL of the model server, as the server prints it. */
  modelBaseUrl: string;
  /** Put after the top-level keys and before the provider's table: top-level keys of its own first, then tables. */
  extraToml?: string;
}

export interface TempHome {
  /** The home, 0700. */
  path: string;
  /** An empty folder beside it for conversations to work in. */
  workspace: string;
  /** Holds both, and is what `remove` removes. */
  root: string;
  remove(): Promise<void>;
}

export async function makeTempHome(options: TempHomeOptions): Promise<TempHome> {
  const root = await mkdtemp(join(tmpdir(), 'rolloutd-test-'));
  const path = join(root, 'home');
  const workspace = join(root, 'workspace');
  await mkdir(path, { mode: 0o700 });
  await mkdir(workspace);
  await writeFile(join(path, 'config.toml'), configToml(options), { mode: 0o600 });
  return { path, workspace, root, remove: () => rm(root, { recursive: true, force: true }) };
}

function configToml({ modelBaseUrl, extraToml = '' }: TempHomeOptions): string {
  return `model = "gpt-5.5"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
${extraToml}

[model_providers.mock]
name = "mock"
base_url = ${JSON.stringify(modelBaseUrl)}
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = 10000
`;
}
