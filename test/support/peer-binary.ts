// Codex itself, in the one version that the interop suite is written against: found, or installed into a cache. Main thread.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { findProjectRoot } from './child-program.js';
import { isCI } from './system-programs.js';

const PEER_VERSION = '0.169.0';
const PEER_PACKAGE = `@openai/codex@${PEER_VERSION}`;

/**
 * The native program that a former installation left in the cache, or one that npm installs there now. `env` is npm's
 * environment. Rejects with npm's own messages; nothing is left in the cache then.
 */
export async function installPeerBinary(env: NodeJS.ProcessEnv): Promise<string> {
  const cache = join(findProjectRoot(), '.cache');
  const folder = join(cache, `codex-${PEER_VERSION}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const unfinished = mkdtempSync(`${folder}-`);
    try {
      await runNpm(['install', '--prefix', unfinished, '--include=optional', PEER_PACKAGE], env);
      renameSync(unfinished, folder);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      // Somebody else may have been faster.
      if (!existsSync(folder)) throw error;
    }
  }
  return findNativeProgram(folder);
}

/**
 * The program that ROLLOUTD_PEER_BIN names: whoever runs the interop suite has put it there. Without one the test that
 * calls is skipped, which mocha counts as pending; in CI an error is thrown instead.
 */
export function requirePeerBinary(context: Context): string {
  const file = process.env['ROLLOUTD_PEER_BIN'];
  if (file !== undefined && file !== '') return file;
  if (isCI()) throw new Error(`${PEER_PACKAGE} is missing: in CI that is a failure`);
  return context.skip();
}

/** The package's own `codex` is a script that starts this one: the lock's holder would not be the process we started. */
function findNativeProgram(folder: string): string {
  const packages = join(folder, 'node_modules', '@openai');
  const programs = readdirSync(packages, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^codex-[^/\\]+[/\\]vendor[/\\][^/\\]+[/\\]bin[/\\]codex(\.exe)?$/.test(file))
    .map((file) => join(packages, file));
  const [program] = programs;
  if (program === undefined)
    throw new Error(`no program in ${packages}: is there a ${PEER_PACKAGE} for this platform?`);
  return program;
}

async function runNpm(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const npm = env['npm_execpath'];
  // The npm that runs this suite, if one does; the one on PATH otherwise.
  const isScript = npm !== undefined && /npm-cli\.[cm]?js$/.test(npm);
  const options = [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = isScript
    ? spawn(process.execPath, [npm, ...options], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    : spawn('npm', options, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (messages += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`npm could not install ${PEER_PACKAGE} (${code}):\n${messages}`);
}
