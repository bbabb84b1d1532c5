// The environment that conversations see: the daemon's own, with HOME/.env over it. Main thread.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { ConfigWarning } from './config.js';

/** Names and values; a name that is not set is absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadedEnvironment {
  env: Environment;
  warnings: ConfigWarning[];
}

const MAX_BYTES = 1024 * 1024;

/** These steer Codex and rolloutd themselves: a file that is meant to hold keys must not. */
const RESERVED = /^(?:CODEX|ROLLOUTD)_/i;

/** Reads HOME/.env afresh. Never throws: a file that cannot be read is a warning, which shows nothing of it. */
export function loadEnvironment(home: string, env: NodeJS.ProcessEnv): LoadedEnvironment {
  const file = join(home, '.env');
  let text: string;
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new Error('it is not a file');
    if (stats.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { env: { ...env }, warnings: [] };
    const warning = { message: `${file} is left out: ${code ?? message}`, file, line: null, key: null };
    return { env: { ...env }, warnings: [warning] };
  }
  const added = Object.entries(parseEnv(text)).filter(([name]) => !RESERVED.test(name));
  return { env: { ...env, ...Object.fromEntries(added) }, warnings: [] };
}
