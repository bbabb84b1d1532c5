// The keys of a home: HOME/auth.json, read afresh each time. Main thread.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

const MAX_BYTES = 1024 * 1024;

/**
 * What a home can show a model provider. The key is there for who asks for `key`, and for nobody else: JSON, inspect,
 * spreading and cloning leave it out.
 */
export type CodexAuth = { readonly type: 'apiKey'; readonly key: string } | { readonly type: 'none' };

export interface AuthReading {
  auth: CodexAuth;
  /** What is odd about the file, or why it was not used. Never shows a key. */
  warnings: string[];
}

const NO_AUTH: CodexAuth = Object.freeze({ type: 'none' });

/** Wraps a key so that it does not show by accident. */
export function makeApiKeyAuth(key: string): CodexAuth {
  const shown = { type: 'apiKey' as const };
  return Object.freeze(
    Object.defineProperties(shown, {
      key: { value: key, enumerable: false },
      // inspect would show hidden properties when asked to.
      [inspect.custom]: { value: () => "{ type: 'apiKey', key: [hidden] }", enumerable: false },
    }),
  ) as CodexAuth;
}

/** The file's text, null when there is none; throws with a reason for people when it may not be used. */
function readAuthFile(path: string, warnings: string[]): string | null {
  let descriptor: number;
  try {
    // O_NONBLOCK: opening a named pipe must not hang; the check below refuses it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new Error(code === 'ELOOP' ? 'it is a symbolic link' : `it cannot be opened (${code})`, { cause: error });
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error('it is not a plain file');
    const uid = process.geteuid?.();
    if (uid !== undefined && stats.uid !== uid) throw new Error(`it belongs to user id ${stats.uid}, not to you`);
    if (stats.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    if ((stats.mode & 0o077) !== 0) warnings.push(`${path} can be read by others. Close it: chmod 600 '${path}'`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function parseAuth(text: string, path: string, warnings: string[]): CodexAuth {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text holds keys.
    throw new Error('it is not valid JSON');
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new Error('it is not a JSON object');
  const { OPENAI_API_KEY: key, tokens } = data as { OPENAI_API_KEY?: unknown; tokens?: unknown };
  if (typeof key === 'string' && key.trim() !== '') return makeApiKeyAuth(key.trim());
  if (typeof tokens === 'object' && tokens !== null) {
    warnings.push(`${path} holds a ChatGPT login, which rolloutd does not use: it needs an API key`);
  }
  return NO_AUTH;
}

export interface AuthManagerOptions {
  /** Absolute path. */
  home: string;
  /** Told the warnings of each reading, beside their being returned. */
  onWarning?: (message: string) => void;
}

/** Knows where a home's keys are; holds none itself. */
export class AuthManager {
  readonly #home: string;
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #fixed: CodexAuth | null;

  constructor(options: AuthManagerOptions, fixed: CodexAuth | null = null) {
    this.#home = options.home;
    this.#onWarning = options.onWarning;
    this.#fixed = fixed;
  }

  /** One that answers with `auth` and reads no file. */
  static forTesting(auth: CodexAuth): AuthManager {
    return new AuthManager({ home: '' }, auth.type === 'apiKey' ? makeApiKeyAuth(auth.key) : NO_AUTH);
  }

  /** Reads the file afresh. Never throws: a file that may not be used counts as none, and a warning says why. */
  read(): AuthReading {
    if (this.#fixed !== null) return { auth: this.#fixed, warnings: [] };
    const path = join(this.#home, 'auth.json');
    const warnings: string[] = [];
    let auth = NO_AUTH;
    try {
      const text = readAuthFile(path, warnings);
      if (text !== null) auth = parseAuth(text, path, warnings);
    } catch (error) {
      warnings.push(`${path} is not used: ${(error as Error).message}`);
    }
    for (const warning of warnings) this.#onWarning?.(warning);
    return { auth, warnings };
  }
}
