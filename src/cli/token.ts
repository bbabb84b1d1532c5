// `rolloutd token`: where the token of a home is, or what it is. Clients.
import { readToken, tokenPath } from '../auth/token-file.js';
import { CliFailure } from './exit.js';

/** Prints the path of the token, or the token itself. Throws CliFailure when there is none yet. */
export function runToken(home: string, show: boolean): void {
  const token = readToken(home);
  if (token === null) throw new CliFailure(`${home} has no token yet: it is made when a daemon first starts there`);
  process.stdout.write(`${show ? token : tokenPath(home)}\n`);
}
