// The capability token of a home, kept in HOME/rolloutd/token. Main thread and clients.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonError } from '../errors.js';
import { ensurePrivateFolder, isSystemError, readPrivateFile } from './private-file.js';

/** Fewer characters could be guessed by trying. */
const MIN_LENGTH = 16;

/** Where the token of this home lies, whether or not it is there. */
export function tokenPath(home: string): string {
  return join(home, 'rolloutd', 'token');
}

/**
 * The home's token, or null when it has none yet. White space around it is dropped. Throws config_invalid, saying how to
 * mend it, when the file is a link, open to others, someone else's, or holds nothing usable.
 */
export function readToken(home: string): string | null {
  const path = tokenPath(home);
  const text = readPrivateFile(path);
  if (text === null) return null;
  const token = text.trim();
  if (token.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(token)) {
    throw new DaemonError(
      'config_invalid',
      `${path} must hold one token of at least ${MIN_LENGTH} visible ASCII characters. Delete it to get a fresh one: rm '${path}'`,
    );
  }
  return token;
}

/**
 * The home's token, made when there is none: 32 random bytes, in a file of mode 0600 in a folder of mode 0700 that never
 * was anything else. Processes that do this at once all get the same token. Throws like readToken.
 */
export function ensureToken(home: string): string {
  ensurePrivateFolder(join(home, 'rolloutd'));
  const existing = readToken(home);
  if (existing !== null) return existing;
  publishToken(tokenPath(home), randomBytes(32).toString('base64url'));
  const token = readToken(home);
  if (token === null) {
    throw new DaemonError('config_invalid', `${tokenPath(home)} vanished while it was made. Start again`);
  }
  return token;
}

/** Puts a whole file at `path` unless one is there: a reader sees no token or all of it. */
function publishToken(path: string, token: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  writeNewFile(draft, `${token}\n`);
  try {
    linkSync(draft, path);
  } catch (error) {
    // EEXIST: another process was first, and its token counts.
    if (isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) writeNewFileUnlessThere(path, `${token}\n`);
    else if (!isSystemError(error, 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** For file systems without hard links. */
function writeNewFileUnlessThere(path: string, text: string): void {
  try {
    writeNewFile(path, text);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}

function writeNewFile(path: string, text: string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(path, flags, 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
